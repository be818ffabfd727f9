//! Laws of near-duplicates: what is reported equals all pairs compared one by one, and what is missed is as rare as stated.

use std::collections::{BTreeMap, BTreeSet};

use foolsgold_core::key::{Key, Rng};
use foolsgold_core::texts::near_duplicates::{
    NearDuplicates, Options, Overlap, Pairs, near_duplicates, near_duplicates_between,
};
use foolsgold_core::texts::{Column, Texts, normalized};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

type Found = BTreeMap<(u32, u32), f32>;

/// With this threshold 128 bands of one hash each miss a pair of similarity 0.3 with a probability of 1e-20.
const SURE: Options = Options {
    threshold: 0.05,
    shingle_size: 2,
    num_hashes: 128,
    max_bucket: 1000,
    seed: 0,
};
const SURELY_FOUND: f32 = 0.3;

fn shingles(text: &str, size: usize) -> BTreeSet<String> {
    let text: Vec<char> = normalized(text).chars().collect();
    if text.len() < size {
        return BTreeSet::from([text.iter().collect()]);
    }
    text.windows(size).map(|run| run.iter().collect()).collect()
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "small counts"
)]
fn jaccard(one: &str, other: &str, size: usize) -> f32 {
    let (one, other) = (shingles(one, size), shingles(other, size));
    (one.intersection(&other).count() as f64 / one.union(&other).count() as f64) as f32
}

/// Where each text's normal form comes first.
fn firsts(texts: &[String]) -> Vec<usize> {
    let forms: Vec<_> = texts.iter().map(|text| normalized(text)).collect();
    let first = |form| forms.iter().position(|other| other == form);
    forms.iter().filter_map(first).collect()
}

fn find(texts: &[String], options: &Options, threads: usize) -> Result<NearDuplicates> {
    let column = Column::from_strings("texts", texts);
    near_duplicates(column, options, threads, &mut Tick::silent())
}

fn find_between(
    left: &[String],
    right: &[String],
    options: &Options,
    threads: usize,
) -> Result<Overlap> {
    let column = |name, texts: &[String]| Column::from_strings(name, texts);
    let (left, right) = (column("left", left), column("right", right));
    near_duplicates_between(left, right, options, threads, &mut Tick::silent())
}

/// Pairs as a map; they come once each, and in order.
fn map(pairs: &Pairs) -> Found {
    let rows: Vec<_> = pairs
        .left
        .iter()
        .copied()
        .zip(pairs.right.iter().copied())
        .collect();
    assert!(rows.is_sorted_by(|one, other| one < other), "{rows:?}");
    rows.into_iter()
        .zip(pairs.jaccard.iter().copied())
        .collect()
}

/// What is found is true, and what surely is to be found is there.
fn check(found: &Found, expected: &Found) {
    for (rows, similarity) in found {
        assert_eq!(expected.get(rows), Some(similarity), "{rows:?}");
    }
    for (rows, &similarity) in expected {
        assert!(
            similarity < SURELY_FOUND || found.contains_key(rows),
            "{rows:?}"
        );
    }
}

fn rows(texts: &[String]) -> impl Iterator<Item = (u32, &String)> {
    (0..).zip(texts)
}

/// All pairs of different forms' first rows at the threshold or above, and each further twin with the first.
fn all_pairs(texts: &[String], options: &Options) -> Found {
    let firsts = firsts(texts);
    let mut expected = Found::new();
    for (right, text) in rows(texts) {
        let first = firsts[right as usize];
        if first != right as usize {
            expected.insert((u32::try_from(first).unwrap_or(u32::MAX), right), 1.0);
            continue;
        }
        for (left, other) in rows(texts).take_while(|&(left, _)| left < right) {
            let similarity = jaccard(text, other, options.shingle_size);
            if firsts[left as usize] == left as usize && f64::from(similarity) >= options.threshold
            {
                expected.insert((left, right), similarity);
            }
        }
    }
    expected
}

fn hostile() -> impl Strategy<Value = Vec<String>> {
    let text = prop_oneof![
        4 => "[a-c]{0,12}",
        2 => "[a-b]{1,3} {0,2}[A-B]{0,6}",
        1 => "\\PC{0,8}",
        1 => "(e\u{301}|é|👍🏽|🎉|ﬁ|\u{200d}| ){0,6}",
        1 => prop_oneof![Just(String::new()), Just(" \u{2003}".into()), Just("ab".repeat(400)), Just("ab".repeat(401))],
    ];
    prop::collection::vec(text, 0..24)
}

proptest! {
    #[test]
    fn pairs_are_those_of_brute_force(texts in hostile(), shingle_size in 1usize..7, threads in 1usize..3, seed in 0u64..3) {
        let options = Options { shingle_size, seed, ..SURE };
        let found = find(&texts, &options, threads)?;
        check(&map(&found.pairs), &all_pairs(&texts, &options));
        prop_assert_eq!((found.report.large_buckets, found.report.skipped), (0, 0));
    }

    #[test]
    fn a_threshold_is_kept_exactly(texts in hostile(), threshold in prop::sample::select(vec![0.25, 0.5, 0.6, 0.75, 0.8, 1.0])) {
        let options = Options { threshold, ..SURE };
        let (found, expected) = (map(&find(&texts, &options, 1)?.pairs), all_pairs(&texts, &options));
        for (rows, similarity) in &found {
            prop_assert_eq!(expected.get(rows), Some(similarity));
        }
        for (rows, &similarity) in &expected {
            prop_assert!(similarity < 1.0 || found.contains_key(rows));
        }
    }

    #[test]
    fn pairs_between_sets_are_those_of_brute_force(left in hostile(), right in hostile(), threads in 1usize..3) {
        let found = find_between(&left, &right, &SURE, threads)?;
        let (left_firsts, right_firsts) = (firsts(&left), firsts(&right));
        let mut expected = Found::new();
        for (row, text) in rows(&left).filter(|&(row, _)| left_firsts[row as usize] == row as usize) {
            for (other, other_text) in rows(&right).filter(|&(row, _)| right_firsts[row as usize] == row as usize) {
                let similarity = jaccard(text, other_text, SURE.shingle_size);
                if f64::from(similarity) >= SURE.threshold {
                    expected.insert((row, other), similarity);
                }
            }
        }
        let pairs = map(&found.pairs);
        check(&pairs, &expected);
        let has = |firsts: &[usize], side: &dyn Fn(&(u32, u32)) -> u32| -> Vec<bool> {
            firsts.iter().map(|&first| pairs.keys().any(|pair| side(pair) as usize == first)).collect()
        };
        prop_assert_eq!(found.in_left, has(&left_firsts, &|pair| pair.0));
        prop_assert_eq!(found.in_right, has(&right_firsts, &|pair| pair.1));
    }

    #[test]
    fn groups_are_what_pairs_link(texts in hostile(), threshold in prop::sample::select(vec![0.05, 0.5, 0.9])) {
        let found = find(&texts, &Options { threshold, ..SURE }, 2)?;
        let mut groups: Vec<usize> = (0..texts.len()).collect();
        for (&left, &right) in found.pairs.left.iter().zip(&found.pairs.right) {
            let (one, other) = (groups[left as usize], groups[right as usize]);
            groups.iter_mut().filter(|group| **group == other).for_each(|group| *group = one);
        }
        let mut order = Vec::new();
        let numbered: Vec<u32> = groups.iter().map(|group| {
            let at = order.iter().position(|other| other == group).unwrap_or_else(|| {
                order.push(*group);
                order.len() - 1
            });
            u32::try_from(at).unwrap_or(u32::MAX)
        }).collect();
        prop_assert_eq!(found.groups, numbered);
        let texts = Texts::intern(vec![Column::from_strings("texts", &texts)], 1, &mut Tick::silent())?;
        let twins: Vec<u32> = texts.columns[0].ids.iter().map({
            let classes = texts.texts.twins(1, &mut Tick::silent())?;
            move |&id| classes[id as usize]
        }).collect();
        prop_assert_eq!(found.twins, twins);
    }

    #[test]
    fn small_buckets_lose_only_what_they_count(texts in hostile(), max_bucket in 1usize..4) {
        let all = map(&find(&texts, &SURE, 1)?.pairs);
        let found = find(&texts, &Options { max_bucket, ..SURE }, 2)?;
        let some = map(&found.pairs);
        prop_assert!(some.iter().all(|(rows, similarity)| all.get(rows) == Some(similarity)));
        let lost = (all.len() - some.len()) as u64;
        prop_assert!(lost <= found.report.skipped);
        prop_assert_eq!(found.report.skipped > 0, found.report.large_buckets > 0);
    }
}

fn at(place: u64) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// Texts of `length` characters, and one of each with some characters changed: similarities from about 0.6 to 1.
fn planted(count: usize, length: u64, seed: u64) -> Vec<String> {
    let letter = |rng: &mut Rng| char::from(b"abcdefghijklmnopqrstuvwxyz"[at(rng.below(26))]);
    let mut texts = Vec::new();
    for row in 0..count {
        let mut rng = Key::new(seed).fold(row as u64).rng();
        let text: Vec<char> = (0..length).map(|_| letter(&mut rng)).collect();
        let mut changed = text.clone();
        for _ in 0..=rng.below(length / 20) {
            changed[at(rng.below(length))] = letter(&mut rng);
        }
        texts.extend([text.into_iter().collect(), changed.into_iter().collect()]);
    }
    texts
}

#[test]
fn as_many_pairs_are_found_as_stated() -> Result<()> {
    for (length, threshold) in [(600, 0.8), (120, 0.8), (40, 0.7), (200, 0.6)] {
        let options = Options {
            threshold,
            ..Options::default()
        };
        let texts = planted(1500, length, length);
        let found = find(&texts, &options, 2)?;
        let pairs = map(&found.pairs);
        let (mut close, mut expected, mut variance, mut hits) = (0, 0.0, 0.0, 0);
        for (row, pair) in (0u32..).step_by(2).zip(texts.chunks(2)) {
            let similarity = f64::from(jaccard(&pair[0], &pair[1], options.shingle_size));
            if similarity >= threshold && pair[0] != pair[1] {
                close += 1;
                hits += i32::from(pairs.contains_key(&(row, row + 1)));
                let probability = found.report.split.probability(similarity);
                expected += probability;
                variance += probability * (1.0 - probability);
            }
        }
        assert!(close > 400, "length {length}: {close}");
        let least = expected - 5.0 * variance.max(1.0).sqrt();
        assert!(
            f64::from(hits) >= least,
            "length {length}: {hits} of {expected} in {close}"
        );
    }
    Ok(())
}

/// So few hashes that many pairs are missed: neither fewer nor more than stated.
#[test]
fn as_many_pairs_are_missed_as_stated() -> Result<()> {
    for (length, num_hashes, threshold) in [(300, 1, 0.5), (100, 2, 0.3), (8, 6, 0.05)] {
        let options = Options {
            threshold,
            shingle_size: if length < 10 { 2 } else { 5 },
            num_hashes,
            ..Options::default()
        };
        let mut texts = planted(3000, length.max(20), length);
        if length < 20 {
            // One half of each is another text's.
            for pair in texts.chunks_mut(2) {
                let half = usize::try_from(length / 2).unwrap_or(0);
                pair[1] = format!("{}{}", &pair[0][..half], &pair[1][12..12 + half]);
                pair[0].truncate(2 * half);
            }
        }
        let found = find(&texts, &options, 2)?;
        let pairs = map(&found.pairs);
        let (mut expected, mut variance, mut hits) = (0.0, 0.0, 0);
        for (row, pair) in (0u32..).step_by(2).zip(texts.chunks(2)) {
            let similarity = f64::from(jaccard(&pair[0], &pair[1], options.shingle_size));
            if similarity >= threshold && similarity < 1.0 {
                hits += i32::from(pairs.contains_key(&(row, row + 1)));
                let probability = found.report.split.probability(similarity);
                expected += probability;
                variance += probability * (1.0 - probability);
            }
        }
        assert!(variance > 50.0, "length {length}: {variance}");
        let off = (f64::from(hits) - expected) / variance.sqrt();
        // A text of few shingles spreads them over its bins, which finds more than independent draws would.
        let most = if length < 10 { f64::INFINITY } else { 5.0 };
        assert!(
            off > -5.0 && off < most,
            "length {length}: {off} deviations"
        );
    }
    Ok(())
}

/// A shingle that never was the least of its bin would be seen in no bin, however many there are.
#[test]
fn the_one_shingle_that_short_texts_share_is_seen() -> Result<()> {
    let texts = ["aaa".to_owned(), "b aaa".to_owned()];
    for seed in 0..1000 {
        let options = Options {
            shingle_size: 3,
            seed,
            ..SURE
        };
        assert_eq!(find(&texts, &options, 1)?.pairs.right, [1], "seed {seed}");
    }
    Ok(())
}

#[test]
fn threads_change_nothing_and_ids_are_rows() -> Result<()> {
    let mut texts = planted(2000, 60, 5);
    let cluster = (0..500)
        .map(|number| format!("Dear customer {number}, thank you for your order of last week"));
    texts.extend(cluster);
    let (left, right): (Vec<_>, Vec<_>) = texts
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .unzip();
    let options = Options {
        max_bucket: 50,
        seed: 9,
        ..Options::default()
    };
    let one = find(&texts, &options, 1)?;
    let one_between = find_between(&left, &right, &options, 1)?;
    assert!(one.report.large_buckets > 0 && one_between.pairs.left.len() > 100);
    for threads in [2, 7] {
        assert_eq!(find(&texts, &options, threads)?, one);
        assert_eq!(find_between(&left, &right, &options, threads)?, one_between);
    }
    let ids = Texts::intern(
        vec![Column::from_strings("texts", &texts)],
        2,
        &mut Tick::silent(),
    )?;
    let of_ids = ids
        .texts
        .near_duplicates(&options, 2, &mut Tick::silent())?;
    let distinct: Vec<String> = ids
        .texts
        .distinct()
        .iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    assert_eq!(of_ids, find(&distinct, &options, 1)?);
    Ok(())
}

#[test]
fn seeds_change_the_hashes_and_not_what_is_near() -> Result<()> {
    let texts = planted(200, 100, 1);
    let of_seed = |seed| find(&texts, &Options { seed, ..SURE }, 1);
    let (one, other) = (of_seed(1)?, of_seed(2)?);
    assert_ne!(one.report.candidates, other.report.candidates);
    let sure = |found: &NearDuplicates| -> Vec<_> {
        map(&found.pairs)
            .into_iter()
            .filter(|&(_, similarity)| similarity >= SURELY_FOUND)
            .collect()
    };
    assert!(sure(&one).len() >= 200);
    assert_eq!(sure(&one), sure(&other));
    Ok(())
}

#[test]
fn boilerplate_costs_no_square() -> Result<()> {
    let copies: Vec<String> = (0..30_000)
        .map(|row| {
            if row % 2 == 0 {
                "All rights  reserved."
            } else {
                "all RIGHTS reserved."
            }
            .into()
        })
        .collect();
    let found = find(&copies, &Options::default(), 2)?;
    assert_eq!((found.report.distinct, found.report.candidates), (1, 0));
    assert_eq!(found.pairs.left, vec![0; 29_999]);
    assert!(found.groups.iter().all(|&group| group == 0));

    let body =
        "please find the terms and conditions of this offer on the back of this letter. ".repeat(4);
    let letters: Vec<String> = (0..3000)
        .map(|row| format!("{body} number {row}"))
        .collect();
    let options = Options {
        max_bucket: 20,
        ..Options::default()
    };
    let found = find(&letters, &options, 2)?;
    assert!(found.groups.iter().all(|&group| group == 0));
    assert!(found.report.large_buckets > 0 && found.report.skipped > 0);
    let most = 20 * 3000 * found.report.split.bands as u64;
    assert!(
        (2999..most).contains(&found.report.candidates),
        "{:?}",
        found.report
    );
    Ok(())
}

#[test]
fn a_few_are_compared_with_many_in_full() -> Result<()> {
    let body =
        "please find the terms and conditions of this offer on the back of this letter. ".repeat(4);
    let letters: Vec<String> = (0..300).map(|row| format!("{body} number {row}")).collect();
    let options = Options {
        max_bucket: 5,
        ..Options::default()
    };
    let found = find_between(&letters[..295], &letters[295..], &options, 2)?;
    assert_eq!((found.report.large_buckets, found.report.skipped), (0, 0));
    assert_eq!(found.pairs.left.len(), 295 * 5);
    Ok(())
}

#[test]
fn unusable_options_are_refused_by_name() {
    let refused = |options: &Options| {
        find(&[], options, 1)
            .err()
            .map(|error: Error| error.to_string())
    };
    let usual = Options::default();
    for (options, said) in [
        (
            Options {
                threshold: 0.0,
                ..usual
            },
            "`threshold` must be above 0 and at most 1, got 0",
        ),
        (
            Options {
                threshold: 1.01,
                ..usual
            },
            "`threshold` must be above 0 and at most 1, got 1.01",
        ),
        (
            Options {
                threshold: f64::NAN,
                ..usual
            },
            "`threshold` must be above 0 and at most 1, got NaN",
        ),
        (
            Options {
                shingle_size: 0,
                ..usual
            },
            "`shingle_size` must be at least 1, got 0",
        ),
        (
            Options {
                num_hashes: 0,
                ..usual
            },
            "`num_hashes` must be at least 1 and at most 256, got 0",
        ),
        (
            Options {
                num_hashes: 257,
                ..usual
            },
            "`num_hashes` must be at least 1 and at most 256, got 257",
        ),
        (
            Options {
                max_bucket: 0,
                ..usual
            },
            "`max_bucket` must be at least 1, got 0",
        ),
    ] {
        assert_eq!(refused(&options).as_deref(), Some(said));
    }
    assert_eq!(refused(&usual), None);
}
