//! Queries that are the corpus: each two rows are compared once, and the answer is brute force's.

use foolsgold_core::kernels::Tile;
use foolsgold_core::mining::{Engine, Given, MarginFrom, Rules, Similarity, search_with};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

use super::brute_force::brute_force;
use super::cases::{clustered, lists, options, rows};
use super::engine::{ascending, found, options as asked, sorted};
use super::oracle::{Case, Rows, mined, same, same_table, searched};

/// Compares each two rows once.
fn once(tile: Tile) -> Engine {
    Engine {
        tile,
        block_queries: 7,
        shard_documents: usize::MAX,
        spare: usize::MAX,
    }
}

/// Compares each two rows twice.
fn twice(tile: Tile) -> Engine {
    Engine {
        spare: 0,
        ..once(tile)
    }
}

/// Rows that ask for themselves; so few of them are zero that the tile serves the others.
fn own() -> impl Strategy<Value = Case> {
    (prop_oneof![1usize..4, 5usize..40], 0u8..6)
        .prop_flat_map(|(dim, kind)| (rows(64..400, dim, kind), options()))
        .prop_flat_map(|(mut own, options)| {
            let (count, dim) = (own.len(), own.dim);
            let is_zero = |row: &&mut [f32]| row.iter().all(|&x| x.abs() <= 0.0);
            let zeros = own.values.chunks_mut(dim).filter(is_zero);
            zeros.skip(count / 64).for_each(|row| row[0] = 1.0);
            let classes = || prop::collection::vec(0u32..7, count);
            (
                Just(own),
                prop::option::weighted(0.8, lists(count, count)),
                prop::option::weighted(0.3, lists(count, count)),
                prop::option::weighted(0.4, (classes(), lists(7, count))),
                Just(options),
            )
        })
        .prop_map(|(own, positives, excluded, groups, mut options)| {
            if !positives.iter().flatten().any(|list| !list.is_empty()) {
                (options.rules.absolute_margin, options.rules.relative_margin) = (None, None);
            }
            Case {
                positives,
                excluded,
                groups,
                ..Case::new(own.clone(), own, options)
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_answer_is_brute_forces(mut case in own(), threads in prop::sample::select(vec![1usize, 2, 7])) {
        use foolsgold_core::mining::Strategy as Taking;
        if let (Taking::SimAns { .. }, None) = (case.options.selection.strategy, &case.positives) {
            case.options.selection.strategy = Taking::Random;
        }
        let expected = brute_force(&case);
        for tile in Tile::all() {
            let found = mined(&case, Some(once(tile)), threads)?;
            prop_assert!(same(&found, &expected), "{}: {found:?} is not {expected:?}", tile.name);
        }
        prop_assert!(same(&mined(&case, None, threads)?, &expected));
    }

    #[test]
    fn a_table_is_the_one_of_two_comparisons(case in own(), depth in 1usize..90) {
        for tile in Tile::all() {
            let both = [once, twice].map(|engine| searched(&case, &case.whole(), None, depth, Some(engine(tile))));
            let [left, right] = both;
            prop_assert!(same_table(&left?, &right?), "{} {depth}", tile.name);
        }
    }
}

#[test]
fn many_rows_of_every_kind() -> Result<()> {
    let dim = 24;
    let mut equal = clustered(3, 1100, dim);
    for row in 0..equal.len() {
        let source = equal.row(row % 3).to_vec();
        equal.values[row * dim..(row + 1) * dim].copy_from_slice(&source);
    }
    let mut dwarfed = clustered(13, 1100, dim);
    for row in [0, 699] {
        let values = &mut dwarfed.values[row * dim..(row + 1) * dim];
        for value in values {
            *value *= 1e8;
        }
    }
    dwarfed.values[dim..2 * dim].fill(0.0);
    let mut far = clustered(8, 1100, dim);
    far.values.iter_mut().for_each(|x| *x = *x * 300.0 - 1e3);
    let corpora = [
        clustered(1, 1100, dim),
        ascending(1100, dim),
        equal,
        dwarfed,
        far,
    ];
    let similarities = [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean];
    for (at, corpus) in corpora.iter().enumerate() {
        for similarity in [similarities[at % 3], similarities[(at + 1) % 3]] {
            let all = sorted(corpus, corpus, similarity, 100);
            for depth in [3, 100] {
                let expected: Vec<_> = all.chunks(100).flat_map(|row| &row[..depth]).collect();
                for tile in Tile::all() {
                    for spare in [usize::MAX, 2 << 20] {
                        let engine = Engine {
                            spare,
                            ..once(tile)
                        };
                        let (rows, asked) = (corpus.view("c")?, asked(similarity, depth));
                        let tick = &mut Tick::silent();
                        let table =
                            search_with(engine, rows, rows, &Given::default(), &asked, tick)?;
                        assert!(
                            found(&table).iter().eq(expected.iter().copied()),
                            "{} {similarity:?} {depth} {spare}",
                            tile.name
                        );
                    }
                }
            }
        }
    }
    Ok(())
}

/// Margins from each row's neighbour, which many rows lie above.
#[test]
fn what_lies_above_a_band_is_counted_for_both_rows() -> Result<()> {
    let corpus = clustered(4, 900, 48);
    let mut asked = options_of_many(&corpus);
    for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
        asked.options.similarity = similarity;
        for tile in Tile::all() {
            let both = [once, twice]
                .map(|engine| searched(&asked, &asked.whole(), None, 20, Some(engine(tile))));
            let [left, right] = both;
            let left = left?;
            assert!(left.rejected().iter().sum::<u64>() > 900);
            assert!(same_table(&left, &right?), "{} {similarity:?}", tile.name);
        }
    }
    Ok(())
}

fn options_of_many(corpus: &Rows) -> Case {
    let mut options = super::top(Similarity::Cosine, 20);
    options.rules = Rules {
        margin_from: MarginFrom::Least,
        relative_margin: Some(0.02),
        ..Rules::default()
    };
    let count = u32::try_from(corpus.len()).unwrap_or(0);
    Case {
        positives: Some((0..count).map(|row| vec![row, (row + 8) % count]).collect()),
        groups: Some((
            (0..count).map(|row| row / 3).collect(),
            (0..count).map(|row| vec![row / 3]).collect(),
        )),
        ..Case::new(corpus.clone(), corpus.clone(), options)
    }
}

#[test]
fn progress_grows_to_the_whole_and_a_break_stops_it() -> Result<()> {
    let corpus = clustered(5, 2000, 16);
    for threads in [1, 3] {
        for stop_at in [None, Some(700)] {
            let mut heard = Vec::new();
            let mut poll = |done, total| {
                heard.push((done, total));
                if stop_at.is_some_and(|at| done >= at) {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            };
            let (rows, mut asked) = (corpus.view("c")?, asked(Similarity::Cosine, 4));
            asked.threads = threads;
            let tick = &mut Tick::new(&mut poll);
            let engine = once(Tile::best());
            let outcome = search_with(engine, rows, rows, &Given::default(), &asked, tick);
            assert!(heard.iter().all(|&(_, total)| total == 2000), "{heard:?}");
            assert!(heard.is_sorted());
            if stop_at.is_none() || threads == 1 {
                assert_eq!(matches!(outcome, Err(Error::Cancelled)), stop_at.is_some());
            }
            let last = heard.last().map_or(0, |&(done, _)| done);
            assert!(stop_at.is_some() || last == 2000, "{last}");
        }
    }
    Ok(())
}
