//! Laws of BM25: scores are those of the formula bit for bit, whatever the threads; the best come first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, LargeStringArray, StringArray, builder::ListBuilder, builder::StringBuilder,
};
use foolsgold_core::mining::Exclusion;
use foolsgold_core::mining::lexical::{Bm25, Bm25Options, Hits};
use foolsgold_core::texts::{Column, normalized};
use foolsgold_core::view::Groups;
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

fn terms(text: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for letter in normalized(text).chars() {
        match found.last_mut() {
            Some(last) if letter.is_alphanumeric() => last.push(letter),
            _ => found.push(String::new()),
        }
    }
    found.retain(|term| !term.is_empty());
    found
}

fn distinct(terms: &[String]) -> Vec<&String> {
    let mut seen = HashSet::new();
    terms.iter().filter(|term| seen.insert(*term)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn times(terms: &[String], term: &String) -> f64 {
    terms.iter().filter(|other| *other == term).count() as f64
}

/// Every document scored by the formula alone, then sorted.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
#[expect(
    clippy::cast_possible_truncation,
    reason = "weights and scores are rounded to float32"
)]
fn naive(corpus: &[String], queries: &[String], options: Bm25Options, top_k: usize) -> Hits {
    let Bm25Options { k1, b } = options;
    let documents: Vec<Vec<String>> = corpus.iter().map(|text| terms(text)).collect();
    let num = documents.len() as f64;
    let mean = documents.iter().map(Vec::len).sum::<usize>() as f64 / num;
    let mut with_term: HashMap<&String, f64> = HashMap::new();
    for term in documents.iter().flat_map(|document| distinct(document)) {
        *with_term.entry(term).or_default() += 1.0;
    }
    let (mut ids, mut scores) = (Vec::new(), Vec::new());
    for query in queries {
        let query = terms(query);
        let mut found = Vec::new();
        for (id, document) in (0i64..).zip(&documents) {
            let mut score = 0.0;
            for term in distinct(&query) {
                let with = with_term.get(term).copied().unwrap_or(0.0);
                let idf = (1.0 + (num - with + 0.5) / (with + 0.5)).ln();
                let count = times(document, term);
                let norm = k1 * (1.0 - b + b * (document.len() as f64 / mean));
                if count > 0.0 {
                    let weight = (idf * (count / (count + norm))) as f32;
                    score += times(&query, term) * f64::from(weight);
                }
            }
            if distinct(&query)
                .into_iter()
                .any(|term| document.contains(term))
            {
                found.push((id, score as f32));
            }
        }
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.resize(top_k, (-1, f32::NEG_INFINITY));
        ids.extend(found.iter().map(|hit| hit.0));
        scores.extend(found.iter().map(|hit| hit.1));
    }
    Hits { ids, scores }
}

fn column(name: &str, texts: &[String], cut: usize) -> Column {
    let (left, right) = texts.split_at(cut.min(texts.len()));
    let chunks: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(left)),
        Arc::new(LargeStringArray::from_iter_values(right)),
    ];
    Column::new(name, chunks)
}

fn search(
    corpus: &[String],
    queries: &[String],
    options: Bm25Options,
    top_k: usize,
    threads: usize,
) -> Result<Hits> {
    let index = Bm25::build(
        column("corpus", corpus, 3),
        options,
        threads,
        &mut Tick::silent(),
    )?;
    index.search(
        column("queries", queries, 1),
        &[],
        top_k,
        threads,
        &mut Tick::silent(),
    )
}

/// Texts of few words, so that there are many shared terms, repeats and equal scores.
fn texts(most: usize) -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        4 => "[a-c]{1,2}",
        1 => Just(String::from("torch.nn_Module")),
        1 => Just(String::from("Straße")),
        1 => "\\PC{0,3}",
    ];
    let text = prop::collection::vec(word, 0..12).prop_map(|words| words.join(" "));
    prop::collection::vec(text, 0..most)
}

proptest! {
    #[test]
    fn scores_equal_the_formula_bit_for_bit(
        corpus in texts(40), queries in texts(8), k1 in 0.0f64..3.0, b in 0.0f64..=1.0, top_k in 1usize..50, threads in 1usize..4,
    ) {
        let options = Bm25Options { k1, b };
        let found = search(&corpus, &queries, options, top_k, threads)?;
        let expected = naive(&corpus, &queries, options, top_k);
        prop_assert_eq!(found.ids, expected.ids);
        let bits = |scores: Vec<f32>| scores.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        prop_assert_eq!(bits(found.scores), bits(expected.scores));
    }

    #[test]
    fn fewer_are_the_first_of_more(corpus in texts(40), queries in texts(4), top_k in 1usize..20) {
        let options = Bm25Options::default();
        let few = search(&corpus, &queries, options, top_k, 2)?;
        let more = search(&corpus, &queries, options, 50, 2)?;
        for (few, more) in few.ids.chunks(top_k).zip(more.ids.chunks(50)) {
            prop_assert_eq!(few, &more[..top_k]);
        }
    }
}

/// Lists for each of so many queries, as offsets and values below `bound`.
fn ragged(queries: usize, bound: u32) -> impl Strategy<Value = (Vec<i64>, Vec<u32>)> {
    let lists = prop::collection::vec(prop::collection::vec(0..bound, 0..6), queries);
    lists.prop_map(|lists| {
        let mut offsets = vec![0];
        for list in &lists {
            offsets.push(offsets[offsets.len() - 1] + i64::try_from(list.len()).unwrap_or(0));
        }
        (offsets, lists.concat())
    })
}

proptest! {
    #[test]
    fn what_a_query_excludes_leaves_its_place_to_the_next(
        corpus in texts(40), queries in texts(6), documents in ragged(6, 40), groups in ragged(6, 4), top_k in 1usize..20,
    ) {
        let options = Bm25Options::default();
        let (rows, num) = (corpus.len(), queries.len());
        let classes: Vec<u32> = (0..).take(rows).map(|row: u32| row * 7 % 4).collect();
        let kept: Vec<u32> = documents.1.iter().map(|&id| id % u32::try_from(rows.max(1)).unwrap_or(1)).collect();
        let end = |(offsets, _): &(Vec<i64>, Vec<u32>)| usize::try_from(offsets[num]).unwrap_or(0);
        let exclusions = [
            Exclusion {
                name: "positive",
                classes: None,
                lists: Groups::new("positive", &documents.0[..=num], &kept[..end(&documents)], rows.max(1))?,
            },
            Exclusion {
                name: "group",
                classes: Some(&classes),
                lists: Groups::new("group", &groups.0[..=num], &groups.1[..end(&groups)], 4)?,
            },
        ];
        let index = Bm25::build(column("corpus", &corpus, 3), options, 2, &mut Tick::silent())?;
        let found = index.search(column("queries", &queries, 1), &exclusions, top_k, 2, &mut Tick::silent())?;
        let all = naive(&corpus, &queries, options, 60);
        for query in 0..num {
            let is_allowed = |id: &i64| {
                let id = u32::try_from(*id).unwrap_or(u32::MAX);
                id != u32::MAX
                    && !exclusions[0].lists.get(query).contains(&id)
                    && !exclusions[1].lists.get(query).contains(&classes[id as usize])
            };
            let mut expected: Vec<i64> = all.ids[query * 60..][..60].iter().copied().filter(is_allowed).collect();
            expected.resize(expected.len().max(top_k), -1);
            prop_assert_eq!(&found.ids[query * top_k..][..top_k], &expected[..top_k]);
        }
    }
}

/// A corpus of many blocks and shards, with words as unequal as in language.
fn long_corpus(rows: u64) -> Vec<String> {
    let word = |row: u64, at: u64| {
        let draw = (row * 31 + at).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        format!("w{}", draw % (1 + draw % 5000))
    };
    (0..rows)
        .map(|row| {
            (0..5 + row % 60)
                .map(|at| word(row, at))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}

#[test]
fn equal_for_any_thread_count() -> Result<()> {
    let corpus = long_corpus(20_000);
    let queries: Vec<String> = corpus.iter().step_by(37).cloned().collect();
    let one = search(&corpus, &queries, Bm25Options::default(), 20, 1)?;
    for threads in [2, 7] {
        assert!(
            one == search(&corpus, &queries, Bm25Options::default(), 20, threads)?,
            "{threads} threads"
        );
    }
    let own = queries.iter().zip(one.ids.chunks(20)).enumerate();
    let found = own
        .filter(|(at, (_, ids))| ids.contains(&i64::try_from(at * 37).unwrap_or(-1)))
        .count();
    assert!(
        found * 100 > queries.len() * 95,
        "{found} of {} texts find themselves",
        queries.len()
    );
    let few: Vec<String> = [
        queries[0].as_str(),
        queries[1].as_str(),
        "w4987",
        "w3001 w77 w4999 w77",
    ]
    .map(ToString::to_string)
    .to_vec();
    let found = search(&corpus, &few, Bm25Options::default(), 20, 2)?;
    assert!(found == naive(&corpus, &few, Bm25Options::default(), 20));
    Ok(())
}

#[test]
fn nothing_shared_is_nothing_found() -> Result<()> {
    let texts = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
    let missing = Hits {
        ids: vec![-1; 4],
        scores: vec![f32::NEG_INFINITY; 4],
    };
    let options = Bm25Options::default();
    assert_eq!(
        search(
            &texts(&["a b", "", "..."]),
            &texts(&["c", ""]),
            options,
            2,
            2
        )?,
        missing
    );
    assert_eq!(search(&[], &texts(&["c", "a"]), options, 2, 2)?, missing);
    assert!(search(&texts(&["a"]), &[], options, 2, 2)?.ids.is_empty());
    let extreme = Bm25Options { k1: 1e300, b: 1.0 };
    let found = search(&texts(&["a b c", "b"]), &texts(&["a b"]), extreme, 3, 1)?;
    assert_eq!(
        (found.ids, found.scores),
        (vec![-1; 3], vec![f32::NEG_INFINITY; 3])
    );
    Ok(())
}

#[test]
fn bad_arguments_are_refused_by_name() -> Result<()> {
    let corpus = || Column::from_strings("corpus", ["a", "b"]);
    let build = |column, k1, b| {
        let built = Bm25::build(column, Bm25Options { k1, b }, 1, &mut Tick::silent());
        built.err().map(|error: Error| error.to_string())
    };
    let holed: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append(true);
    let cases = [
        (
            build(corpus(), -1.0, 0.5),
            "`k1` must be finite and not negative, got -1",
        ),
        (
            build(corpus(), f64::NAN, 0.5),
            "`k1` must be finite and not negative, got NaN",
        ),
        (
            build(corpus(), 1.0, 1.5),
            "`b` must be between 0 and 1, got 1.5",
        ),
        (
            build(Column::new("corpus", vec![holed]), 1.0, 0.5),
            "`corpus` must not be null, got null at row 1",
        ),
        (
            build(
                Column::new("corpus", vec![Arc::new(lists.finish())]),
                1.0,
                0.5,
            ),
            "`corpus` must be a column of strings, got lists",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said.as_deref(), Some(expected));
    }
    let index = Bm25::build(corpus(), Bm25Options::default(), 1, &mut Tick::silent())?;
    let said = |top_k| {
        index
            .search(corpus(), &[], top_k, 1, &mut Tick::silent())
            .err()
            .map(|error| error.to_string())
    };
    assert_eq!(said(0).as_deref(), Some("`top_k` must be positive, got 0"));
    assert!(
        said(usize::MAX)
            .is_some_and(|text| text.starts_with("`top_k` must leave a result that memory holds"))
    );
    Ok(())
}
