//! Laws of tables on disk: what is read is what was written, whatever happened to the files in between.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "the numbers of these tests are small"
)]

mod common;
mod refused;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use foolsgold_core::mining::store::{Manifest, Statistics, Store};
use foolsgold_core::tick::Tick;
use foolsgold_core::{Error, Result};
use proptest::prelude::*;

use common::{Folder, bits, columns, fill, message, silent};

fn lists() -> impl Strategy<Value = Vec<Vec<(u32, u32)>>> {
    prop::collection::vec(
        prop::collection::vec((any::<u32>(), any::<u32>()), 0..6),
        0..40,
    )
}

/// The numbers of the parts in the order in which they are written.
fn shuffled(parts: u32, by: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..parts).collect();
    order.sort_by_key(|&part| (u64::from(part) + 1).wrapping_mul(by | 1) % 97);
    order
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_read_is_what_was_written(lists in lists(), part_rows in 1u32..20, by in any::<u64>()) {
        let (folder, other) = (Folder::new(), Folder::new());
        let queries = u32::try_from(lists.len()).unwrap_or(0);
        let store = folder.create(queries, part_rows)?;
        let parts = store.manifest().parts();
        fill(&store, &lists, &shuffled(parts, by))?;
        // Interrupted after some parts, and gone on with: the same bytes.
        let begun = other.create(queries, part_rows)?;
        fill(&begun, &lists, &shuffled(parts, by)[..(by % u64::from(parts + 1)) as usize])?;
        begun.close();
        fs::write(other.0.join(".part-00000.aside"), b"half a part")?;
        let resumed = other.create(queries, part_rows)?;
        fill(&resumed, &lists, &resumed.missing())?;
        prop_assert_eq!(folder.content(), other.content());
        let store = Store::open(&folder.0)?;
        prop_assert!(store.missing().is_empty());
        for part in 0..parts {
            let rows = store.rows(part)?;
            let own = columns(&lists[rows.start as usize..rows.end as usize]);
            let found = silent(|tick| store.read(part, None, tick))?;
            prop_assert_eq!(bits(&found), bits(&own));
            let some = silent(|tick| store.read(part, Some(&["anchor", "score"]), tick))?;
            prop_assert_eq!(bits(&some), bits(&[own[1].clone(), own[3].clone()]));
        }
        let short = lists.iter().filter(|list| list.len() < 3).count() as u64;
        prop_assert_eq!(silent(|tick| store.num_short("document", 3, tick))?, short);
    }

    #[test]
    fn a_changed_byte_is_never_read(lists in lists(), at in any::<prop::sample::Index>(), by in 1u8..=255, is_cut in any::<bool>()) {
        prop_assume!(!lists.is_empty());
        let folder = Folder::new();
        let queries = u32::try_from(lists.len()).unwrap_or(0);
        let store = folder.create(queries, queries)?;
        fill(&store, &lists, &[0])?;
        store.close();
        let before = folder.content();
        let path = folder.parts().remove(0);
        let mut bytes = fs::read(&path)?;
        let place = at.index(bytes.len());
        if is_cut {
            bytes.truncate(place);
        } else {
            bytes[place] ^= by;
        }
        fs::write(&path, bytes)?;
        let told = message(silent(|tick| Store::open(&folder.0)?.read(0, None, tick)));
        prop_assert!(told.starts_with(&path.display().to_string()), "{}", told);
        prop_assert!(told.contains("must match the checksum in its name"), "{}", told);
        // Who goes on makes it again.
        let store = folder.create(queries, queries)?;
        prop_assert_eq!((store.damaged(), store.missing()), (&[path][..], vec![0]));
        fill(&store, &lists, &[0])?;
        prop_assert_eq!(folder.content(), before);
    }

    #[test]
    fn statistics_are_those_of_all_numbers(numbers in numbers(), part_rows in 1usize..50) {
        let folder = Folder::new();
        let queries = numbers.len().div_ceil(3);
        let store = folder.create(u32::try_from(queries)?, u32::try_from(part_rows)?)?;
        let lists: Vec<Vec<(u32, u32)>> = numbers
            .chunks(3)
            .map(|list| list.iter().map(|x| (0, x.to_bits())).collect())
            .collect();
        fill(&store, &lists, &store.missing())?;
        let found = silent(|tick| store.statistics("score", tick))?;
        same_statistics(&found, &numbers)?;
    }
}

/// Numbers that repeat, that lie close together, and that lie anywhere.
fn numbers() -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![
        3 => (0u8..4).prop_map(|x| f32::from(x) / 4.0),
        3 => -1.0f32..1.0,
        1 => (0u32..300).prop_map(|x| f32::from_bits(0x3f00_0000 + x)),
        1 => -1e30f32..1e30,
        1 => Just(f32::NAN),
        1 => Just(-0.0f32),
    ];
    prop::collection::vec(number, 0..400)
}

fn same_statistics(found: &Statistics, numbers: &[f32]) -> Result<(), TestCaseError> {
    let mut sorted: Vec<f32> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
    sorted.sort_by(f32::total_cmp);
    prop_assert_eq!(found.count, sorted.len() as u64);
    if sorted.is_empty() {
        prop_assert!(found.mean.is_nan() && found.std.is_nan() && found.min.is_nan());
        prop_assert!(found.max.is_nan() && found.quartiles.iter().all(|x| x.is_nan()));
        return Ok(());
    }
    let count = sorted.len() as f64;
    let scale = sorted
        .iter()
        .map(|&x| f64::from(x).abs())
        .fold(1e-30, f64::max);
    let mean = sorted.iter().map(|&x| f64::from(x)).sum::<f64>() / count;
    let squares: f64 = sorted.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum();
    let std = (squares / (count - 1.0).max(1.0)).sqrt();
    prop_assert!((found.mean - mean).abs() <= 1e-12 * scale);
    prop_assert!((found.std - std).abs() <= 1e-12 * scale);
    let ends = (sorted[0], sorted[sorted.len() - 1]);
    prop_assert_eq!((found.min, found.max), ends);
    for (quarter, found) in [0.25, 0.5, 0.75].into_iter().zip(found.quartiles) {
        let place = quarter * (count - 1.0);
        let (low, high) = (
            sorted[place.floor() as usize],
            sorted[place.ceil() as usize],
        );
        let (low, high) = (f64::from(low), f64::from(high));
        let expected = low + place.fract() * (high - low);
        prop_assert!(
            (found - expected).abs() <= 0.0,
            "{} is not {}",
            found,
            expected
        );
    }
    Ok(())
}

#[test]
fn a_stop_leaves_nothing_behind() -> Result<()> {
    let folder = Folder::new();
    let store = folder.create(20_000, 20_000)?;
    let lists = vec![vec![(1, 1)]; 20_000];
    for stop in 0..5 {
        let mut polls = 0;
        let mut poll = |_, _| {
            polls += 1;
            if polls > stop {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let outcome = store.write(0, &columns(&lists), &mut Tick::new(&mut poll));
        assert!(matches!(outcome, Err(Error::Cancelled)), "{outcome:?}");
        assert_eq!(folder.parts(), Vec::<PathBuf>::new());
        assert_eq!(folder.content().len(), 2); // the manifest and the lock
    }
    fill(&store, &lists, &[0])?;
    let mut poll = |_, _| ControlFlow::Break(());
    let read = store.read(0, None, &mut Tick::new(&mut poll));
    assert!(matches!(read, Err(Error::Cancelled)));
    let counted = store.statistics("score", &mut Tick::new(&mut poll));
    assert!(matches!(counted, Err(Error::Cancelled)));
    store.close();
    let manifest = Manifest::new(20_000, 20_000, r#"{"margin": 0.05, "corpus": "a1"}"#)?;
    let opened = Store::create(&folder.0, manifest, &mut Tick::new(&mut poll));
    assert!(matches!(opened, Err(Error::Cancelled)));
    assert_eq!(folder.parts().len(), 1);
    Ok(())
}
