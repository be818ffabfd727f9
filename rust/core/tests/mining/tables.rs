//! Laws of tables: parts merge into the whole, and a table narrows to a stricter search.

use foolsgold_core::mining::{MarginFrom, Rules, Similarity, Strategy as Taking, Table, select};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use super::cases::case;
use super::oracle::{Case, Part, mined, same, same_table, searched};

/// Cuts `0..len` into `parts`, some perhaps empty.
fn cuts(len: usize, parts: usize, seed: usize) -> Vec<std::ops::Range<usize>> {
    let mut edges: Vec<_> = (1..parts)
        .map(|part| (part * seed * 7919) % (len + 1))
        .collect();
    edges.extend([0, len]);
    edges.sort_unstable();
    edges.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

fn whole(case: &Case, depth: usize) -> Result<Table> {
    searched(case, &case.whole(), None, depth, None)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn parts_merge_into_the_whole(case in case(), depth in 1usize..12, parts in prop_oneof![Just(1usize), Just(2), Just(5)], seed in 1usize..1000) {
        let expected = whole(&case, depth)?;
        let tick = &mut Tick::silent();
        let mut columns = Vec::new();
        for queries in cuts(case.queries.len(), 3, seed) {
            let mut shards = Vec::new();
            for documents in cuts(case.corpus.len(), parts, seed).into_iter().filter(|range| !range.is_empty()) {
                let part = Part { queries: queries.clone(), documents };
                shards.push(searched(&case, &part, Some(&expected.anchors), depth, None)?);
            }
            let turn = seed % shards.len();
            shards.rotate_left(turn);
            if seed % 2 == 0 {
                shards.reverse();
            }
            // Merging is associative: two at a time is all at once.
            let mut pairs: Vec<Table> = Vec::new();
            for two in shards.chunks(2) {
                pairs.push(Table::merge(two, 1, tick)?);
            }
            let merged = Table::merge(&shards, 2, tick)?;
            prop_assert!(same_table(&Table::merge(&pairs, 1, tick)?, &merged));
            columns.push(merged);
        }
        let found = Table::concat(&columns)?;
        prop_assert!(same_table(&found, &expected), "{found:?} is not {expected:?}");
        prop_assert_eq!(found.rejected(), expected.rejected());
    }

    #[test]
    fn a_table_narrows_to_a_stricter_search(case in case(), depth in 1usize..12, less in 0.0f64..1.0, more in 0usize..4) {
        let strict = whole(&case, depth)?;
        let mut loose = case.clone();
        let rules = &mut loose.options.rules;
        let drop = |bound: Option<f64>, by: f64| bound.filter(|_| less < 0.7).map(|bound| bound + by);
        rules.absolute_margin = drop(rules.absolute_margin, -less);
        rules.relative_margin = drop(rules.relative_margin, -less);
        rules.max_score = drop(rules.max_score, less);
        rules.min_score = drop(rules.min_score, -less);
        let tick = &mut Tick::silent();
        let wide = whole(&loose, case.corpus.len() + 1 + depth)?;
        let found = wide.narrow(case.options.rules, depth, 2, tick)?;
        prop_assert_eq!(found.starved(), 0);
        prop_assert!(same_table(&found, &strict), "{found:?} is not {strict:?}");

        // From a shallow table, a query is right, or it is counted as starved and its candidates begin as they should.
        let found = whole(&loose, depth + more)?.narrow(case.options.rules, depth, 1, tick)?;
        let mut starved = 0;
        for query in 0..found.queries() {
            let row = |table: &Table| {
                let range = table.offsets[query]..table.offsets[query + 1];
                range.map(|at| usize::try_from(at).unwrap_or(0)).map(|at| table.ids[at]).collect::<Vec<_>>()
            };
            let (found, strict) = (row(&found), row(&strict));
            starved += u64::from(found.len() < strict.len());
            prop_assert_eq!(&found, &strict[..found.len()]);
        }
        prop_assert!(starved <= found.starved());
    }

    #[test]
    fn a_selection_of_a_table_is_mining(case in case(), threads in 1usize..4, cut in 0usize..20) {
        let options = case.options(threads);
        let mut selection = options.selection;
        let depth = selection.depth().min(case.corpus.len() + 1);
        let expected = mined(&case, None, threads)?;
        let mut searched = case.clone();
        if selection.on_short == foolsgold_core::mining::OnShort::Widen {
            selection.min_score = searched.options.rules.min_score.take();
        }
        let table = whole(&searched, depth)?;
        let tick = &mut Tick::silent();
        let mut found = select(&table, &selection, threads, tick)?;
        found.report.rejected.clone_from(&expected.report.rejected);
        prop_assert!(same(&found, &expected), "{found:?} is not {expected:?}");

        // In two parts.
        let cut = cut.min(case.queries.len());
        let mut ids = Vec::new();
        for queries in [0..cut, cut..case.queries.len()] {
            selection.first_query = queries.start as u64;
            let part = Part { queries, ..searched.whole() };
            let part = super::oracle::searched(&searched, &part, Some(&table.anchors), depth, None)?;
            if !matches!(selection.strategy, Taking::SimAns { .. }) || part.anchors.iter().any(|x| !x.is_nan()) || part.queries() == 0 {
                ids.extend(select(&part, &selection, 1, tick)?.ids);
            } else {
                ids.extend(std::iter::repeat_n(-2, part.queries() * selection.num_negatives));
            }
        }
        prop_assert!(ids.iter().zip(&expected.ids).all(|(part, all)| *part == -2 || part == all));
    }
}

fn message<T>(outcome: Result<T>) -> String {
    let error = outcome.err();
    error.map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn tables_that_do_not_fit_are_refused() -> Result<()> {
    let case = Case {
        positives: Some(vec![vec![1], vec![]]),
        ..Case::new(
            super::clustered(1, 2, 4),
            super::clustered(2, 30, 4),
            super::top(foolsgold_core::mining::Similarity::Dot, 1),
        )
    };
    let tick = &mut Tick::silent();
    let table = whole(&case, 5)?;
    let half = |documents, rules| {
        let part = Part {
            queries: 0..2,
            documents,
        };
        let mut case = case.clone();
        case.options.rules = rules;
        searched(&case, &part, Some(&table.anchors), 5, None)
    };
    let plain = Rules::default();
    let capped = Rules {
        max_score: Some(0.5),
        ..plain
    };
    let pair = [half(0..20, plain)?, half(10..30, plain)?];
    assert!(
        message(Table::merge(&pair, 1, tick))
            .starts_with("`tables` must be of parts without common documents, got document 1")
    );
    let pair = [half(0..20, plain)?, half(20..30, capped)?];
    let text = "`tables` must be of one search, got other rules or another depth";
    assert_eq!(message(Table::merge(&pair, 1, tick)), text);
    assert_eq!(message(Table::concat(&pair)), text);
    assert_eq!(
        message(Table::merge(&[], 1, tick)),
        "`tables` must be at least one, got 0"
    );
    assert_eq!(
        message(Table::concat(&[half(0..20, plain)?, half(20..30, plain)?])),
        "`tables` must be of the same documents, got others"
    );
    let mut other = half(20..30, plain)?;
    other.anchors[0] += 1.0;
    assert_eq!(
        message(Table::merge(&[half(0..20, plain)?, other], 1, tick)),
        "`tables` must be of the same queries, got others"
    );
    let narrow = half(0..20, plain)?.narrow(
        Rules {
            max_score: Some(-1e9),
            ..plain
        },
        5,
        1,
        tick,
    )?;
    assert_eq!(narrow.starved(), 2);
    assert_eq!(
        message(Table::merge(&[narrow], 1, tick)),
        "`tables` must be merged before they are narrowed, got one that lacks candidates"
    );

    let capped = half(0..30, capped)?;
    let told =
        |table: &Table, rules, depth| message(table.narrow(rules, depth, 1, &mut Tick::silent()));
    assert_eq!(
        told(&capped, plain, 5),
        "`max_score` must be at most 0.5, as the table was searched, got none"
    );
    assert_eq!(
        told(&capped, plain, 6),
        "`depth` must be from 1 to the 5 of the search, got 6"
    );
    assert_eq!(
        told(&capped, plain, 0),
        "`depth` must be from 1 to the 5 of the search, got 0"
    );
    let greatest = Rules {
        margin_from: MarginFrom::Greatest,
        ..plain
    };
    assert_eq!(
        told(&table, greatest, 5),
        "`margin_from` must be that of the search, got Greatest"
    );
    let mut alone = table.clone();
    alone.anchors.fill(f32::NAN);
    let margin = Rules {
        relative_margin: Some(0.1),
        ..plain
    };
    assert_eq!(told(&table, margin, 5), "");
    // A part of the queries may be without positives: nothing bounds them.
    assert_eq!(told(&alone, margin, 5), "");
    let free = alone.narrow(margin, 5, 1, &mut Tick::silent())?;
    assert_eq!((free.ids, free.scores), (alone.ids, alone.scores));
    Ok(())
}

#[test]
fn a_table_has_no_more_documents_than_were_searched() -> Result<()> {
    let rows = super::cases::clustered(4, 30, 8);
    let case = Case::new(rows.clone(), rows, super::top(Similarity::Cosine, 5));
    let mut table = whole(&case, 5)?;
    assert!(table.check().is_ok());
    table.documents = 4;
    assert_eq!(
        message(table.check()),
        "`documents` must be at least the 5 that query 0 knows of, got 4"
    );
    Ok(())
}
