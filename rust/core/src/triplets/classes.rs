//! Rows in the order of their classes, and what is counted of them.

use crate::error::{Error, Result};
use crate::tick::Tick;
use crate::view::check_rows;

/// Rows between two looks at the caller.
const BLOCK: usize = 1 << 16;

/// The class of each row, and what the rows are called.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// The class of each row, from 0.
    pub labels: &'a [u32],
    /// How many classes there are.
    pub num_classes: usize,
    /// The class whose rows belong to no class, if there is one: what a clustering leaves over.
    pub noise: Option<u32>,
    /// Whether rows of no class are negatives of all others.
    pub noise_is_negative: bool,
    /// What stands for each row in what comes out; the number of the row where there is nothing.
    pub ids: Option<&'a [u32]>,
}

/// Rows by class (counting sort), those of no class at last where they are negatives.
#[derive(Debug)]
pub(super) struct Classes {
    /// What stands for the rows, class after class.
    pub(super) ids: Vec<u32>,
    /// Where each class begins, and at last where they end.
    pub(super) starts: Vec<u32>,
    /// Rows of no class.
    pub(super) num_noise: usize,
}

impl Classes {
    pub(super) fn new(of: Labels<'_>, tick: &mut Tick<'_>) -> Result<Self> {
        check_rows("labels", of.labels.len())?;
        if let Some(ids) = of.ids.filter(|ids| ids.len() != of.labels.len()) {
            let rule = format!("have one id for each of {} rows", of.labels.len());
            return Err(Error::argument("ids", rule, ids.len()));
        }
        let noise = of.noise.map(|noise| noise as usize);
        let noise = noise.filter(|&noise| noise < of.num_classes);
        let mut ends = vec![0u32; of.num_classes + 1];
        for (row, &label) in of.labels.iter().enumerate() {
            if row.is_multiple_of(BLOCK) {
                tick.at(row as u64, of.labels.len() as u64 * 2)?;
            }
            let Some(count) = ends[..of.num_classes].get_mut(label as usize) else {
                let rule = format!("be below {}", of.num_classes);
                return Err(Error::row("labels", row, rule, label));
            };
            *count += 1;
        }
        let num_noise = noise.map_or(0, |noise| std::mem::take(&mut ends[noise]) as usize);
        let mut end = 0;
        for place in &mut ends {
            end += std::mem::replace(place, end);
        }
        let starts = ends.clone();
        let kept = if of.noise_is_negative { num_noise } else { 0 };
        let mut ids = vec![0; end as usize + kept];
        for (row, &label) in (0u32..).zip(of.labels) {
            if (row as usize).is_multiple_of(BLOCK) {
                tick.at(
                    (of.labels.len() + row as usize) as u64,
                    of.labels.len() as u64 * 2,
                )?;
            }
            let is_noise = noise == Some(label as usize);
            if is_noise && !of.noise_is_negative {
                continue;
            }
            let place = &mut ends[if is_noise {
                of.num_classes
            } else {
                label as usize
            }];
            ids[*place as usize] = of.ids.map_or(row, |ids| ids[row as usize]);
            *place += 1;
        }
        Ok(Self {
            ids,
            starts,
            num_noise,
        })
    }

    /// The size of each class.
    pub(super) fn sizes(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.starts
            .windows(2)
            .map(|pair| u64::from(pair[1] - pair[0]))
    }

    /// Rows that take part, those of no class among them where they are negatives.
    pub(super) fn len(&self) -> u64 {
        self.ids.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_by_class_and_noise_last_or_nowhere() -> Result<()> {
        let of = Labels {
            labels: &[2, 0, 1, 2, 0, 1],
            num_classes: 4,
            noise: None,
            noise_is_negative: false,
            ids: None,
        };
        let sorted = |of| Classes::new(of, &mut Tick::silent());
        let plain = sorted(of)?;
        assert_eq!(
            (plain.ids, plain.starts),
            (vec![1, 4, 2, 5, 0, 3], vec![0, 2, 4, 6, 6])
        );
        let noise = Some(0);
        let without = sorted(Labels { noise, ..of })?;
        assert_eq!(
            (without.ids, without.starts, without.num_noise),
            (vec![2, 5, 0, 3], vec![0, 0, 2, 4, 4], 2)
        );
        let with = sorted(Labels {
            noise,
            noise_is_negative: true,
            ids: Some(&[10, 11, 12, 13, 14, 15]),
            ..of
        })?;
        assert_eq!(with.ids, [12, 15, 10, 13, 11, 14]);
        let refused = sorted(Labels {
            num_classes: 2,
            ..of
        });
        let refused = refused.err().map(|error| error.to_string());
        assert_eq!(
            refused.as_deref(),
            Some("`labels` must be below 2, got 2 at row 0")
        );
        Ok(())
    }
}
