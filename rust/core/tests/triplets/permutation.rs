//! The cipher: one-to-one on any length, undone by its inverse, and without structure that counts would show.

use foolsgold_core::Result;
use foolsgold_core::key::Key;
use foolsgold_core::triplets::Permutation;

use crate::common::{surprise, told};

fn order(len: u128, key: Key) -> Result<Vec<u128>> {
    let order = Permutation::new(len, key)?;
    Ok((0..len).filter_map(|place| order.get(place)).collect())
}

#[test]
fn every_number_comes_once_for_every_length() -> Result<()> {
    for len in 0..1500u128 {
        for seed in 0..3 {
            let mut seen = order(len, Key::new(seed))?;
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..len), "length {len}, seed {seed}");
        }
    }
    for len in [4095, 4096, 4097, 10_007, 65_536, 100_003] {
        let mut seen = order(len, Key::new(9))?;
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..len), "length {len}");
    }
    Ok(())
}

#[test]
fn places_are_undone_at_every_size() -> Result<()> {
    let mut rng = Key::new(1).rng();
    for bits in 1..=126 {
        for add in [0, 1, 12345] {
            let len = ((1u128 << bits) + add).min(1 << 126);
            let order = Permutation::new(len, Key::new(bits))?;
            let mut numbers = std::collections::BTreeSet::new();
            let mut places = std::collections::BTreeSet::new();
            for _ in 0..50 {
                let place = ((u128::from(rng.bits()) << 64) | u128::from(rng.bits())) % len;
                let number = order.get(place).unwrap_or(len);
                assert!(number < len);
                assert_eq!(order.place(number), Some(place), "length {len}");
                places.insert(place);
                numbers.insert(number);
            }
            assert_eq!(places.len(), numbers.len());
            for end in [len, len + 1, u128::MAX] {
                assert_eq!((order.get(end), order.place(end)), (None, None));
            }
        }
    }
    assert_eq!(
        told(Permutation::new((1 << 126) + 1, Key::new(0))),
        format!("`len` must be at most 2^126, got {}", (1u128 << 126) + 1)
    );
    Ok(())
}

#[test]
fn all_orders_of_few_are_equally_likely() -> Result<()> {
    for len in 2..=6u128 {
        let mut counts = std::collections::BTreeMap::new();
        let orders: u64 = (2..=u64::try_from(len).unwrap_or(0)).product();
        for seed in 0..orders * 200 {
            *counts.entry(order(len, Key::new(seed))?).or_insert(0u64) += 1;
        }
        assert_eq!(counts.len() as u64, orders, "length {len}");
        let counts: Vec<u64> = counts.into_values().collect();
        assert!(
            surprise(&counts) < 5.0,
            "length {len}: {}",
            surprise(&counts)
        );
    }
    Ok(())
}

#[test]
fn every_place_gets_every_number_alike() -> Result<()> {
    for len in [7u128, 16, 31, 48] {
        let size = usize::try_from(len).unwrap_or(0);
        let mut counts = vec![0u64; size * size];
        for seed in 0..20_000 {
            for (place, number) in order(len, Key::new(seed))?.into_iter().enumerate() {
                counts[place * size + usize::try_from(number).unwrap_or(0)] += 1;
            }
        }
        let found = surprise(&counts);
        assert!(found.abs() < 6.0, "length {len}: {found}");
    }
    Ok(())
}

#[test]
fn neighbours_fixed_points_and_keys_show_no_structure() -> Result<()> {
    for len in [1000u128, 999_983, 1 << 20, 1_000_000_007, (1 << 66) + 5] {
        let mut steps = vec![0u64; 64];
        let mut cells = vec![0u64; 256];
        let mut keys = vec![0u64; 64];
        let mut fixed = 0;
        for seed in 0..20 {
            let order = Permutation::new(len, Key::new(seed))?;
            let other = Permutation::new(len, Key::new(seed + 1))?;
            let at = |order: &Permutation, place| order.get(place % len).unwrap_or(0);
            for place in 0..1000 {
                let (one, next) = (at(&order, place), at(&order, place + 1));
                let step = (next + len - one) % len;
                let part =
                    |number: u128, parts: u128| usize::try_from(number * parts / len).unwrap_or(0);
                steps[part(step, 64)] += 1;
                cells[part(one, 16) * 16 + part(next, 16)] += 1;
                keys[part((at(&other, place) + len - one) % len, 64)] += 1;
                fixed += u64::from(one == place);
            }
        }
        for counts in [steps, cells, keys] {
            let found = surprise(&counts);
            assert!(found.abs() < 5.0, "length {len}: {found}, {counts:?}");
        }
        assert!(fixed < 60, "length {len}: {fixed} fixed points");
    }
    Ok(())
}

#[test]
fn golden_values_hold_on_every_platform() -> Result<()> {
    let first = |len, count| -> Result<Vec<u128>> {
        let order = Permutation::new(len, Key::new(42).fold(3))?;
        Ok((0..count).filter_map(|place| order.get(place)).collect())
    };
    let found = (
        first(10, 10)?,
        first(10u128.pow(12), 3)?,
        first(1 << 100, 2)?,
    );
    let golden = (
        vec![5, 7, 1, 3, 6, 4, 2, 8, 0, 9],
        vec![978_559_454_494, 454_883_386_541, 792_792_351_794],
        vec![
            986_588_678_458_699_311_190_700_474_420,
            1_213_807_595_079_284_705_831_489_383_938,
        ],
    );
    assert_eq!(found, golden);
    Ok(())
}
