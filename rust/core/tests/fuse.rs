//! Laws of fusion: the sum of reciprocal ranks by its formula, quotas by turns, the same for any number of threads.

use std::collections::BTreeMap;

use foolsgold_core::mining::fuse::{Fused, Fusion, NO_SOURCE, Source, fuse};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

/// For each source and query a list of documents with scores.
type Lists = Vec<Vec<Vec<(i64, f32)>>>;

fn tables(lists: &Lists) -> Vec<(Vec<i64>, Vec<f32>, usize)> {
    let table = |source: &Vec<Vec<(i64, f32)>>| {
        let width = source.iter().map(Vec::len).max().unwrap_or(0);
        let (mut ids, mut scores) = (Vec::new(), Vec::new());
        for row in source {
            ids.extend(row.iter().map(|hit| hit.0));
            scores.extend(row.iter().map(|hit| hit.1));
            ids.resize(ids.len() + width - row.len(), -1);
            scores.resize(ids.len(), f32::NEG_INFINITY);
        }
        (ids, scores, width)
    };
    lists.iter().map(table).collect()
}

fn fused(lists: &Lists, fusion: Fusion<'_>, num: usize, threads: usize) -> Result<Fused> {
    let tables = tables(lists);
    let sources: Vec<_> = tables
        .iter()
        .map(|(ids, scores, width)| Source {
            ids,
            scores,
            width: *width,
        })
        .collect();
    let queries = lists.first().map_or(0, Vec::len);
    fuse(&sources, fusion, queries, num, threads, &mut Tick::silent())
}

/// A place of the answer: document, score, source, rank.
type Place = (i64, f32, u8, u32);

fn places(fused: &Fused) -> Vec<Place> {
    let scores = fused.ids.iter().zip(&fused.scores);
    let from = fused.sources.iter().zip(&fused.ranks);
    let all = scores.zip(from);
    all.map(|((&id, &score), (&source, &rank))| (id, score, source, rank))
        .collect()
}

fn padded(mut row: Vec<Place>, num: usize) -> Vec<Place> {
    row.resize(num, (-1, f32::NEG_INFINITY, NO_SOURCE, 0));
    row
}

/// First appearances in a list, with their ranks.
fn firsts(list: &[(i64, f32)]) -> BTreeMap<i64, (u32, f32)> {
    let mut found = BTreeMap::new();
    for (rank, &(id, score)) in (1u32..).zip(list) {
        if id >= 0 {
            found.entry(id).or_insert((rank, score));
        }
    }
    found
}

#[expect(clippy::cast_possible_truncation, reason = "a score is float32")]
fn sums(lists: &Lists, query: usize, k: f64, num: usize) -> Vec<Place> {
    let mut all: BTreeMap<i64, (f64, u32, u8)> = BTreeMap::new();
    for (source, rows) in (0u8..).zip(lists) {
        for (id, (rank, _)) in firsts(&rows[query]) {
            let entry = all.entry(id).or_insert((0.0, u32::MAX, 0));
            entry.0 += 1.0 / (k + f64::from(rank));
            if rank < entry.1 {
                (entry.1, entry.2) = (rank, source);
            }
        }
    }
    let place = |(id, (sum, rank, source)): (i64, (f64, u32, u8))| (id, sum as f32, source, rank);
    let mut row: Vec<Place> = all.into_iter().map(place).collect();
    row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    padded(row, num)
}

fn turns(lists: &Lists, query: usize, quotas: &[usize], num: usize) -> Vec<Place> {
    let mut row: Vec<Place> = Vec::new();
    let mut left = quotas.to_vec();
    loop {
        let before = row.len();
        for (source, rows) in lists.iter().enumerate() {
            let mut hits = (1u32..).zip(&rows[query]);
            let new = hits.find(|(_, hit)| hit.0 >= 0 && row.iter().all(|given| given.0 != hit.0));
            if let Some((rank, &(id, score))) = new.filter(|_| left[source] > 0) {
                row.push((id, score, u8::try_from(source).unwrap_or(NO_SOURCE), rank));
                left[source] -= 1;
            }
        }
        if row.len() == before {
            return padded(row, num);
        }
    }
}

fn lists() -> impl Strategy<Value = Lists> {
    (1usize..5, 0usize..4).prop_flat_map(|(sources, queries)| {
        let hit = (-1i64..12, -4i16..4).prop_map(|(id, score)| (id, f32::from(score)));
        let list = prop::collection::vec(hit, 0..9);
        let rows = prop::collection::vec(list, queries);
        prop::collection::vec(rows, sources)
    })
}

proptest! {
    #[test]
    fn sums_are_those_of_the_formula(
        lists in lists(), k in prop_oneof![Just(0.0), Just(60.0), 0.0f64..99.0], num in 1usize..20, threads in 1usize..4,
    ) {
        let found = fused(&lists, Fusion::ReciprocalRank { k }, num, threads)?;
        let expected: Vec<_> = (0..lists[0].len()).flat_map(|query| sums(&lists, query, k, num)).collect();
        prop_assert_eq!(places(&found), expected);
    }

    #[test]
    fn quotas_are_filled_by_turns(
        lists in lists(), quotas in prop::collection::vec(0usize..5, 4), num in 1usize..20, threads in 1usize..4,
    ) {
        let quotas = &quotas[..lists.len()];
        let found = fused(&lists, Fusion::Quota(quotas), num, threads)?;
        let expected: Vec<_> = (0..lists[0].len()).flat_map(|query| turns(&lists, query, quotas, num)).collect();
        prop_assert_eq!(places(&found), expected);
    }
}

#[test]
fn equal_for_any_thread_count_over_many_blocks() -> Result<()> {
    let list = |query: i64, step: i64| {
        (0..7)
            .map(|at| ((query * step + at * at) % 40, 0.5))
            .collect()
    };
    let source = |step| (0..2000).map(|query| list(query, step)).collect();
    let lists: Lists = vec![source(3), source(7)];
    let fusion = Fusion::ReciprocalRank { k: 60.0 };
    let one = fused(&lists, fusion, 5, 1)?;
    assert_eq!(one.ids.len(), 10_000);
    for threads in [2, 7] {
        assert_eq!(one, fused(&lists, fusion, 5, threads)?);
    }
    let expected: Vec<_> = (0..2000)
        .flat_map(|query| sums(&lists, query, 60.0, 5))
        .collect();
    assert_eq!(places(&one), expected);
    Ok(())
}

#[test]
fn bad_arguments_are_refused_by_name() {
    let one: Lists = vec![vec![vec![(3, 1.0)]]];
    let said = |lists: &Lists, fusion, num| {
        let outcome = fused(lists, fusion, num, 1);
        outcome.err().map(|error| error.to_string())
    };
    let sum = Fusion::ReciprocalRank { k: 60.0 };
    let bad: Lists = vec![vec![vec![(0, 1.0)], vec![(-2, 1.0)]]];
    let cases = [
        (said(&vec![], sum, 1), "`sources` must be 1 to 254, got 0"),
        (
            said(&vec![one[0].clone(); 255], sum, 1),
            "`sources` must be 1 to 254, got 255",
        ),
        (said(&one, sum, 0), "`num` must be positive, got 0"),
        (
            said(&one, Fusion::ReciprocalRank { k: -1.0 }, 1),
            "`k` must be finite and not negative, got -1",
        ),
        (
            said(&one, Fusion::ReciprocalRank { k: f64::NAN }, 1),
            "`k` must be finite and not negative, got NaN",
        ),
        (
            said(&one, Fusion::Quota(&[1, 2]), 1),
            "`quotas` must be one for each of 1 sources, got 2",
        ),
        (
            said(&bad, sum, 1),
            "`sources` must hold documents or -1, got -2 at row 1",
        ),
        (
            said(&bad, Fusion::Quota(&[4]), 9),
            "`sources` must hold documents or -1, got -2 at row 1",
        ),
    ];
    for (said, expected) in cases {
        assert_eq!(said.as_deref(), Some(expected));
    }
    let told = said(&one, sum, usize::MAX).unwrap_or_default();
    let begin = "`num` must leave a result that memory holds: 1 queries take 15 EiB of the ";
    assert!(told.starts_with(begin), "{told}");
    let short = Source {
        ids: &[1],
        scores: &[],
        width: 1,
    };
    let outcome = fuse(&[short], sum, 1, 1, 1, &mut Tick::silent());
    assert_eq!(
        outcome.err().map(|error| error.to_string()).as_deref(),
        Some("`sources` must have 1 rows of ids and scores each, got 1 and 0")
    );
}
