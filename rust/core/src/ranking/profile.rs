//! What each place of one query's ranking is expected to hold, from which every metric is a sum over the first places.
//!
//! A group of `t` equal scores, `r` of them relevant, stands at the ranks after `before`. In a random order of it, a
//! place is relevant with probability `r / t`; given that, each place above it in the group is relevant with
//! probability `(r - 1) / (t - 1)`; and the first relevant one has `j` of the group above it with probability
//! `r / (t - j)` times the product of `(t - i - r) / (t - i)` over `i < j`.

use super::{Cutoff, Metric, Ranked, Relevant};
use crate::error::{Error, Result};

/// One query's places, and the memory that queries share.
#[derive(Debug, Default)]
pub(super) struct Profile {
    places: Vec<Place>,
    /// The discounted gain of the best order, summed to each rank.
    ideal: Vec<f64>,
    num_relevant: usize,
    hits: Vec<(f32, i64)>,
    documents: Vec<i64>,
    judged: Vec<(i64, f64)>,
    gains: Vec<f64>,
}

/// Expectations at one rank.
#[derive(Debug, Clone, Copy)]
struct Place {
    relevant: f64,
    gain: f64,
    /// The probability that the first relevant document is here.
    first: f64,
    /// The precision here if the document is relevant, else 0.
    precision: f64,
}

impl Profile {
    /// Reads query `row` to the rank `depth`.
    pub(super) fn read(
        &mut self,
        ranked: Ranked<'_>,
        relevant: Relevant<'_>,
        row: usize,
        depth: usize,
    ) -> Result<()> {
        ranked.read(row, &mut self.hits)?;
        relevant.read(row, &mut self.judged)?;
        self.refuse_repeats(row)?;
        self.num_relevant = self.judged.len();
        self.sum_ideal(depth);
        self.hits.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        self.places.clear();
        let mut num_before = 0;
        let mut start = 0;
        while start < self.hits.len().min(depth) {
            let score = self.hits[start].0;
            let tied = self.hits[start..]
                .iter()
                .take_while(|hit| hit.0 >= score)
                .count();
            num_before += self.push_group(start..start + tied, num_before, depth);
            start += tied;
        }
        Ok(())
    }

    fn refuse_repeats(&mut self, row: usize) -> Result<()> {
        self.documents.clear();
        self.documents.extend(self.hits.iter().map(|&(_, id)| id));
        self.documents.sort_unstable();
        match self.documents.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                let rule = "hold no document twice in a row";
                Err(Error::row("ids", row, rule, pair[0]))
            }
            None => Ok(()),
        }
    }

    fn sum_ideal(&mut self, depth: usize) {
        self.gains.clear();
        self.gains.extend(self.judged.iter().map(|&(_, gain)| gain));
        self.gains.sort_unstable_by(|a, b| b.total_cmp(a));
        self.ideal.clear();
        let mut sum = 0.0;
        for (rank, gain) in self.gains.iter().take(depth).enumerate() {
            sum += gain * discount(rank);
            self.ideal.push(sum);
        }
    }

    /// Adds the places of a group of equal scores, which `num_before` relevant ones stand before; how many it has itself.
    #[expect(clippy::cast_precision_loss, reason = "ranks are below 2^53")]
    fn push_group(
        &mut self,
        group: std::ops::Range<usize>,
        num_before: usize,
        depth: usize,
    ) -> usize {
        let (mut num_relevant, mut gain) = (0, 0.0);
        for &(_, id) in &self.hits[group.clone()] {
            if let Ok(at) = self.judged.binary_search_by_key(&id, |&(id, _)| id) {
                num_relevant += 1;
                gain += self.judged[at].1;
            }
        }
        let (tied, relevant) = (group.len() as f64, num_relevant as f64);
        let partners = if num_relevant > 1 {
            (relevant - 1.0) / (tied - 1.0)
        } else {
            0.0
        };
        // The probability that no relevant document stands above the place.
        let mut none_yet = if num_before == 0 { 1.0 } else { 0.0 };
        for (above, rank) in (group.start..group.end.min(depth)).enumerate() {
            let above = above as f64;
            let found = num_before as f64 + 1.0 + above * partners;
            let first = none_yet * (relevant / (tied - above)).min(1.0);
            none_yet -= first;
            self.places.push(Place {
                relevant: relevant / tied,
                gain: gain / tied,
                first,
                precision: relevant / tied * found / (rank as f64 + 1.0),
            });
        }
        num_relevant
    }

    /// The metric at its cutoff; NaN for a query without relevant documents.
    #[expect(clippy::cast_precision_loss, reason = "ranks are below 2^53")]
    pub(super) fn value(&self, cutoff: Cutoff) -> f64 {
        let k = cutoff.k;
        if self.num_relevant == 0 {
            return f64::NAN;
        }
        let places = &self.places[..self.places.len().min(k)];
        let sum = |part: &dyn Fn(usize, &Place) -> f64| -> f64 {
            places
                .iter()
                .enumerate()
                .map(|(rank, place)| part(rank, place))
                .sum()
        };
        match cutoff.metric {
            Metric::Accuracy => sum(&|_, place| place.first).min(1.0),
            Metric::Precision => sum(&|_, place| place.relevant) / k as f64,
            Metric::Recall => sum(&|_, place| place.relevant) / self.num_relevant as f64,
            Metric::ReciprocalRank => sum(&|rank, place| place.first / (rank as f64 + 1.0)),
            Metric::AveragePrecision => {
                sum(&|_, place| place.precision) / self.num_relevant.min(k) as f64
            }
            Metric::Ndcg => {
                let ideal = self.ideal[self.ideal.len().min(k) - 1];
                sum(&|rank, place| place.gain * discount(rank)) / ideal
            }
        }
    }
}

/// What a gain counts at a rank from 0.
#[expect(clippy::cast_precision_loss, reason = "ranks are below 2^53")]
fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}
