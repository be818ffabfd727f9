//! What the tests share.

use foolsgold_core::triplets::{Form, LabelTuples, Labels, Order, Places, Share};
use foolsgold_core::{Result, tick::Tick};

pub(crate) const NATURAL: Order = Order {
    seed: 0,
    epoch: 0,
    is_shuffled: false,
};

pub(crate) fn shuffled(seed: u64, epoch: u64) -> Order {
    Order {
        seed,
        epoch,
        is_shuffled: true,
    }
}

pub(crate) fn plain(labels: &[u32]) -> Labels<'_> {
    Labels {
        labels,
        num_classes: labels.iter().max().map_or(0, |&label| label as usize + 1),
        noise: None,
        noise_is_negative: false,
        ids: None,
    }
}

pub(crate) fn tuples(labels: Labels<'_>, form: Form, share: Share) -> Result<LabelTuples> {
    LabelTuples::new(labels, form, share, &mut Tick::silent())
}

/// All tuples of an order, as rows.
pub(crate) fn all(tuples: &LabelTuples, order: Order, width: usize) -> Result<Vec<Vec<u32>>> {
    let numbers = tuples.take(&Places::Run(0..tuples.len()), order, 2, &mut Tick::silent())?;
    Ok(numbers.chunks(width).map(<[u32]>::to_vec).collect())
}

pub(crate) fn sorted(mut tuples: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    tuples.sort_unstable();
    tuples
}

/// The message of an error.
pub(crate) fn told<T>(outcome: Result<T>) -> String {
    outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

/// Pearson's statistic of counts that should be alike, less its mean, in standard deviations.
#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(crate) fn surprise(counts: &[u64]) -> f64 {
    let mean = counts.iter().sum::<u64>() as f64 / counts.len() as f64;
    let squares: f64 = counts
        .iter()
        .map(|&count| (count as f64 - mean).powi(2))
        .sum();
    let freedom = counts.len() as f64 - 1.0;
    (squares / mean - freedom) / (2.0 * freedom).sqrt()
}
