//! How many batches the classes make, and how much of a class goes into them: what follows from counts alone.

use super::check::{check_counts, check_places, too_few};
use super::{Imbalance, Units};
use crate::error::Result;
use crate::sampling::plan::{Batching, Tail};

/// Batches whose sizes differ by one unit at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) batches: usize,
    /// Units of all classes in all of them.
    pub(super) units: usize,
    /// The most units of one class.
    pub(super) limit: u32,
}

/// How often the rows of a class come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uses {
    /// Once, with what is over the units left out.
    Once,
    /// Once, and some a second time: to fill up a unit, or a batch of less than two classes.
    Covered,
    /// Once, and some a second time to fill the last batches.
    Refilled,
    /// All classes as often, within one unit.
    Even {
        /// The units that each class gives at least.
        units: u32,
    },
}

/// The batches of every epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) main: Stage,
    /// Smaller batches of a last step.
    pub(super) last: Stage,
    k: usize,
    uses: Uses,
}

impl Shape {
    /// The batches of classes of `counts` rows.
    pub(super) fn new(counts: &[u32], units: Units, batching: Batching) -> Result<Self> {
        let k = units.rows();
        check_counts(counts, units, k)?;
        let covers = matches!(units, Units::Classes { coverage: true, .. });
        let whole: Vec<u32> = counts
            .iter()
            .map(|&rows| units_of(rows, k, covers))
            .collect();
        let classes = Classes {
            units: &whole,
            ranks: batching.num_replicas(),
            size: batching.batch_size() / k,
        };
        let shape = |main, last, uses| Self {
            main,
            last,
            k,
            uses,
        };
        let none = Stage::default();
        let found = match units {
            Units::Pairs => {
                let main = classes.full(classes.size - 1);
                match batching.tail() {
                    Tail::Short => shape(main, classes.short(main), Uses::Once),
                    tail => {
                        let (main, uses) = classes.refilled(main, classes.size - 1, tail);
                        shape(main, none, uses)
                    }
                }
            }
            Units::Classes {
                imbalance: Imbalance::Cap,
                ..
            } => {
                let (main, uses) = classes.refilled(classes.full(1), 1, batching.tail());
                shape(main, none, uses)
            }
            Units::Classes {
                imbalance: Imbalance::Oversample,
                ..
            } => {
                let (main, uses) = classes.even(covers || batching.tail() == Tail::Refill);
                shape(main, none, uses)
            }
            Units::Classes {
                imbalance: Imbalance::Shrink,
                ..
            } => {
                let uses = if covers { Uses::Covered } else { Uses::Once };
                shape(classes.shrunk(covers), none, uses)
            }
        };
        if found.len() == 0 {
            return Err(too_few(&whole, classes.size, units, batching));
        }
        check_places(found.main.units.saturating_mul(k))?;
        Ok(found)
    }

    /// The number of batches of all ranks.
    pub(super) fn len(&self) -> usize {
        self.main.batches + self.last.batches
    }

    /// The most units of one class in an epoch.
    pub(super) fn limit(&self) -> usize {
        match self.uses {
            Uses::Even { .. } => usize::MAX,
            _ => self.main.limit as usize + self.last.limit as usize,
        }
    }

    /// Of a class of `rows` rows, the units that it gives where none are left over or wanting, and where most are wanting.
    pub(super) fn bounds(&self, rows: u32) -> (u32, u32) {
        let own = units_of(rows, self.k, self.uses == Uses::Covered);
        let limit = self.main.limit.saturating_add(self.last.limit);
        let fewest = own.min(limit);
        match self.uses {
            _ if own == 0 => (0, 0),
            Uses::Once => (fewest, fewest),
            Uses::Covered => (fewest, limit),
            Uses::Refilled => (fewest, own.saturating_mul(2).min(limit)),
            Uses::Even { units } => (units, units + 1),
        }
    }
}

/// The units that `rows` rows make, where `covers` with the last one filled up.
#[expect(clippy::cast_possible_truncation, reason = "fewer than the rows")]
fn units_of(rows: u32, k: usize, covers: bool) -> u32 {
    let rows = rows as usize;
    let units = if covers && rows >= k {
        rows.div_ceil(k)
    } else {
        rows / k
    };
    units as u32
}

/// Classes of so many units, for batches of `size` units.
struct Classes<'a> {
    units: &'a [u32],
    ranks: usize,
    size: usize,
}

impl Classes<'_> {
    /// All units, where a class gives at most `limit`.
    fn within(&self, limit: usize) -> usize {
        self.units.iter().map(|&own| limit.min(own as usize)).sum()
    }

    /// The most full batches, of which none has more than `cap` units of a class.
    ///
    /// What the classes give grows ever more slowly with the number of batches, what these need does not: once there
    /// is too little, there is for all greater numbers.
    fn full(&self, cap: usize) -> Stage {
        let step = |steps: usize| self.stage(steps * self.ranks, cap);
        let most = self.within(usize::MAX) / (self.ranks * self.size);
        step(greatest(most, |steps| {
            self.within(steps * self.ranks * cap) >= step(steps).units
        }))
    }

    fn stage(&self, batches: usize, cap: usize) -> Stage {
        Stage {
            batches,
            units: batches * self.size,
            limit: as_limit(batches * cap),
        }
    }

    /// A last step of smaller batches, as large as can be, each with units of two classes.
    fn short(&self, main: Stage) -> Stage {
        let ranks = self.ranks;
        let step = |more: usize| Stage {
            batches: ranks,
            units: 2 * ranks - 1 + more,
            limit: as_limit(ranks - 1 + more),
        };
        let fits = |last: Stage| {
            let (main_limit, limit) = (main.limit as usize, last.limit as usize);
            self.within(main_limit + limit) >= main.units + last.units
                && self.within(limit) >= last.units
        };
        match greatest(ranks * (self.size - 2), |more| {
            more == 0 || fits(step(more))
        }) {
            0 => Stage::default(),
            more => step(more),
        }
    }

    /// One step more where units are left over, if they are to be used.
    fn refilled(&self, main: Stage, cap: usize, tail: Tail) -> (Stage, Uses) {
        let is_left = self.within(main.limit as usize) > main.units;
        if tail == Tail::Refill && main.batches > 0 && is_left {
            (self.stage(main.batches + self.ranks, cap), Uses::Refilled)
        } else {
            (main, Uses::Once)
        }
    }

    /// Full batches in which all classes come as often as the largest.
    fn even(&self, covers: bool) -> (Stage, Uses) {
        let classes = self.units.iter().filter(|&&own| own > 0).count();
        let largest = self.units.iter().max().map_or(0, |&own| own as usize);
        let (all, step) = (largest.saturating_mul(classes), self.ranks * self.size);
        let steps = match covers {
            // A batch takes one unit of a class.
            _ if classes < self.size => 0,
            true => all.div_ceil(step),
            false => all / step,
        };
        let main = self.stage(steps * self.ranks, 1);
        let units = as_limit(main.units / classes.max(1));
        (main, Uses::Even { units })
    }

    /// As many batches as take all units, one of a class each.
    ///
    /// Where they would not have two classes each, there are fewer, or if all is to be used, some units come again.
    fn shrunk(&self, covers: bool) -> Stage {
        let all = self.within(usize::MAX);
        let largest = self.units.iter().max().map_or(0, |&own| own as usize);
        let wanted = all.div_ceil(self.size).max(largest).div_ceil(self.ranks);
        let has_two = |steps: usize| {
            let batches = steps * self.ranks;
            self.within(batches) >= 2 * batches
        };
        let steps = if covers && self.within(1) >= 2 {
            wanted
        } else {
            greatest(wanted, has_two)
        };
        let batches = steps * self.ranks;
        let units = self.within(batches).min(batches * self.size);
        Stage {
            batches,
            units: units.max(2 * batches),
            limit: as_limit(batches),
        }
    }
}

/// The greatest number up to `most` of which `holds` is true, as it is of 0 and of all below one of which it is.
fn greatest(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = high - (high - low) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// No class has more units than 32 bits count, so no greater limit is felt.
fn as_limit(units: usize) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}
