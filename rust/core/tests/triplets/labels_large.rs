//! Numbers of tuples past what can be listed: valid, distinct, and undone.

use foolsgold_core::key::Key;
use foolsgold_core::triplets::{Form, LabelTuples, Places, Share};
use foolsgold_core::{Result, tick::Tick};

use crate::common::{NATURAL, plain, shuffled, tuples};

/// Labels of classes of sizes as uneven as words' are.
fn skewed(rows: u32) -> Vec<u32> {
    let mut rng = Key::new(8).rng();
    let mut class = || {
        let bits = 1 + rng.below(15);
        rng.below(1 << bits) % u64::from(rows)
    };
    (0..rows)
        .map(|_| u32::try_from(class()).unwrap_or(0))
        .collect()
}

/// The number of a triplet in the order of the set: class, anchor, positive, negative.
struct Ranks<'a> {
    labels: &'a [u32],
    /// Of each row its place by class, and of each class where it and its triplets begin.
    places: Vec<u64>,
    firsts: Vec<u64>,
    starts: Vec<u128>,
}

impl<'a> Ranks<'a> {
    fn new(labels: &'a [u32]) -> Self {
        let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
        let mut sizes = vec![0u64; classes];
        let within: Vec<u64> = labels
            .iter()
            .map(|&label| {
                sizes[label as usize] += 1;
                sizes[label as usize] - 1
            })
            .collect();
        let total = labels.len() as u64;
        let (mut firsts, mut starts) = (vec![0], vec![0]);
        for size in sizes {
            let count = u128::from(size) * u128::from(size.saturating_sub(1));
            starts.push(starts[starts.len() - 1] + count * u128::from(total - size));
            firsts.push(firsts[firsts.len() - 1] + size);
        }
        let place = |(row, &place): (usize, &u64)| firsts[labels[row] as usize] + place;
        let places = within.iter().enumerate().map(place).collect();
        Self {
            labels,
            places,
            firsts,
            starts,
        }
    }

    fn of(&self, triplet: &[u32]) -> u128 {
        let [a, p, n] = [0, 1, 2].map(|at| self.places[triplet[at] as usize]);
        let class = self.labels[triplet[0] as usize] as usize;
        assert_eq!(self.labels[triplet[1] as usize] as usize, class);
        assert_ne!(self.labels[triplet[2] as usize] as usize, class);
        assert_ne!(a, p);
        let (first, end) = (self.firsts[class], self.firsts[class + 1]);
        let strangers = self.labels.len() as u64 - (end - first);
        let positive = p - first - u64::from(p > a);
        let negative = if n < first { n } else { n - (end - first) };
        let pair = u128::from(a - first) * u128::from(end - first - 1) + u128::from(positive);
        self.starts[class] + pair * u128::from(strangers) + u128::from(negative)
    }
}

fn at(tuples: &LabelTuples, places: &[u128]) -> Result<Vec<u32>> {
    tuples.take(&Places::Wide(places), NATURAL, 2, &mut Tick::silent())
}

#[test]
fn a_triplet_has_the_number_that_gave_it() -> Result<()> {
    let even: Vec<u32> = (0..20_000).map(|row| row % 100).collect();
    let halves: Vec<u32> = (0..5_000_000).map(|row| row % 3).collect();
    for (labels, least) in [
        (even, 10u128.pow(10)),
        (skewed(100_000), 10u128.pow(12)),
        (halves, 1 << 64),
    ] {
        let found = tuples(plain(&labels), Form::Triplets, Share::All)?;
        assert!(found.len() > least, "{}", found.len());
        let ranks = Ranks::new(&labels);
        assert_eq!(ranks.starts.last(), Some(&found.len()));
        let mut rng = Key::new(1).rng();
        let mut numbers: Vec<u128> = (0..20_000)
            .map(|_| ((u128::from(rng.bits()) << 64) | u128::from(rng.bits())) % found.len())
            .collect();
        numbers.extend([0, 1, found.len() - 1]);
        numbers.extend(
            ranks
                .starts
                .iter()
                .filter(|&&start| start < found.len())
                .take(500),
        );
        for (triplet, &number) in at(&found, &numbers)?.chunks(3).zip(&numbers) {
            assert_eq!(ranks.of(triplet), number);
        }
        // A run is what places one by one are, over the borders of classes, too.
        let starts: Vec<u128> = ranks
            .starts
            .iter()
            .map(|&start| start.saturating_sub(1500))
            .collect();
        for &start in starts
            .iter()
            .filter(|&&start| start + 3000 < found.len())
            .take(20)
        {
            let places: Vec<u128> = (start..start + 3000).collect();
            let run = Places::Run(start..start + 3000);
            let run = found.take(&run, NATURAL, 2, &mut Tick::silent())?;
            assert_eq!(run, at(&found, &places)?);
        }
    }
    Ok(())
}

#[test]
fn a_random_order_past_64_bits_is_without_repetition() -> Result<()> {
    let labels: Vec<u32> = (0..5_000_000).map(|row| row % 3).collect();
    let found = tuples(plain(&labels), Form::Triplets, Share::All)?;
    let ranks = Ranks::new(&labels);
    let take = |from: u128| {
        let run = Places::Run(from..from + 30_000);
        found.take(&run, shuffled(4, 0), 2, &mut Tick::silent())
    };
    let (one, other) = (take(0)?, take(found.len() - 30_000)?);
    let mut numbers: Vec<u128> = one
        .chunks(3)
        .chain(other.chunks(3))
        .map(|t| ranks.of(t))
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 60_000);
    Ok(())
}

#[test]
fn pairs_of_many_rows_are_counted_and_valid() -> Result<()> {
    let labels = skewed(200_000);
    for is_ordered in [false, true] {
        for (form, is_same) in [
            (Form::SamePairs { is_ordered }, true),
            (Form::DifferentPairs { is_ordered }, false),
        ] {
            let found = tuples(plain(&labels), form, Share::All)?;
            let run = Places::Run(0..50_000);
            let pairs = found.take(&run, shuffled(0, 0), 2, &mut Tick::silent())?;
            let mut seen = std::collections::BTreeSet::new();
            for pair in pairs.chunks(2) {
                assert_eq!(
                    labels[pair[0] as usize] == labels[pair[1] as usize],
                    is_same
                );
                assert_ne!(pair[0], pair[1]);
                let key = if is_ordered {
                    (pair[0], pair[1])
                } else {
                    (pair[0].min(pair[1]), pair[0].max(pair[1]))
                };
                assert!(seen.insert(key));
            }
        }
    }
    Ok(())
}

#[test]
fn what_memory_cannot_hold_is_refused_before_it_is_tried() -> Result<()> {
    let labels: Vec<u32> = (0..5_000_000).map(|row| row % 3).collect();
    let found = tuples(plain(&labels), Form::Triplets, Share::All)?;
    for stop in [1 << 40, found.len()] {
        let outcome = found.take(&Places::Run(7..stop), NATURAL, 2, &mut Tick::silent());
        let said = outcome.err().map(|error| error.to_string());
        let said = said.unwrap_or_default();
        let begin = format!(
            "`stop` must leave a result that memory holds: {} combinations take ",
            stop - 7
        );
        assert!(said.starts_with(&begin), "{said}");
        assert!(said.ends_with(&format!("got {stop}")), "{said}");
    }
    Ok(())
}
