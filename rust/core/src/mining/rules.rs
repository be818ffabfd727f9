//! What may be a negative: a score inside the query's band, and no known positive.

use crate::error::{Error, Result};
use crate::view::Groups;

/// Bounds on a negative's score, all inclusive; `None` for no bound.
///
/// A margin is measured from the least score among the query's positives, p, in float64: the absolute margin allows
/// scores up to `p - margin`, the relative one up to `p - |p| * margin`. A query without positives has no such bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rules {
    /// The least distance below the positive.
    pub absolute_margin: Option<f64>,
    /// The least distance below the positive, as a share of its magnitude.
    pub relative_margin: Option<f64>,
    /// The greatest score.
    pub max_score: Option<f64>,
    /// The least score.
    pub min_score: Option<f64>,
}

/// The scores that one query allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Band {
    pub(super) low: f64,
    pub(super) cap: f64,
    /// Which rule set the cap, as an index into [`Report::above`](super::Report::above).
    pub(super) rule: usize,
}

/// Where a score lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Below,
    Inside,
    Above,
}

impl Rules {
    /// Whether every bound is a number, and a margin has positives to be measured from.
    pub(super) fn check(&self, has_positives: bool) -> Result<()> {
        let margins = [
            ("absolute_margin", self.absolute_margin),
            ("relative_margin", self.relative_margin),
        ];
        let bounds = [("max_score", self.max_score), ("min_score", self.min_score)];
        for (name, value) in margins.iter().chain(&bounds) {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::argument(name, "be finite", value));
            }
        }
        match margins.iter().find(|(_, value)| value.is_some()) {
            Some((name, Some(value))) if !has_positives => {
                Err(Error::argument(name, "come with `positives`", value))
            }
            _ => Ok(()),
        }
    }

    /// The band of a query whose least positive scores `positive`.
    pub(super) fn band(&self, positive: Option<f32>) -> Band {
        let positive = positive.map(f64::from);
        let margin = |share: Option<f64>, of: fn(f64) -> f64| {
            positive.zip(share).map(|(p, share)| p - of(p) * share)
        };
        let caps = [
            margin(self.absolute_margin, |_| 1.0),
            margin(self.relative_margin, f64::abs),
            self.max_score,
        ];
        let mut band = Band {
            low: self.min_score.unwrap_or(f64::NEG_INFINITY),
            cap: f64::INFINITY,
            rule: 0,
        };
        for (rule, cap) in caps.into_iter().enumerate() {
            if let Some(cap) = cap.filter(|&cap| cap < band.cap) {
                (band.cap, band.rule) = (cap, rule);
            }
        }
        band
    }
}

impl Band {
    pub(super) fn place(&self, score: f32) -> Place {
        let score = f64::from(score);
        if score > self.cap {
            Place::Above
        } else if score < self.low {
            Place::Below
        } else {
            Place::Inside
        }
    }
}

/// Each query's positives, ascending and distinct.
pub(super) struct Known {
    ends: Vec<usize>,
    ids: Vec<u32>,
}

impl Known {
    pub(super) fn new(positives: Option<Groups<'_>>, queries: usize) -> Self {
        let (mut ends, mut ids) = (Vec::with_capacity(queries), Vec::new());
        let mut list = Vec::new();
        for query in 0..queries {
            if let Some(positives) = positives {
                list.clear();
                list.extend_from_slice(positives.get(query));
                list.sort_unstable();
                list.dedup();
                ids.extend_from_slice(&list);
            }
            ends.push(ids.len());
        }
        Self { ends, ids }
    }

    pub(super) fn get(&self, query: usize) -> &[u32] {
        let start = query.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[query]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_cap_wins_and_names_its_rule() {
        let rules = Rules {
            absolute_margin: Some(0.25),
            relative_margin: Some(0.5),
            max_score: Some(0.75),
            min_score: Some(-1.0),
        };
        let caps = [
            (1.0, 0.5, 1),
            (0.25, 0.0, 0),
            (8.0, 0.75, 2),
            (-0.25, -0.5, 0),
            (-1.0, -1.5, 1),
        ];
        for (positive, cap, rule) in caps {
            assert_eq!(
                rules.band(Some(positive)),
                Band {
                    low: -1.0,
                    cap,
                    rule
                }
            );
        }
        assert_eq!(
            rules.band(None),
            Band {
                low: -1.0,
                cap: 0.75,
                rule: 2
            }
        );
        assert!(Rules::default().band(Some(f32::INFINITY)).cap.is_infinite());
    }

    #[test]
    fn bounds_are_inclusive() {
        let band = Band {
            low: -0.5,
            cap: 0.5,
            rule: 0,
        };
        let places = [-0.500_001, -0.5, 0.5, 0.500_001].map(|score| band.place(score));
        assert_eq!(
            places,
            [Place::Below, Place::Inside, Place::Inside, Place::Above]
        );
    }

    #[test]
    fn a_margin_needs_positives_and_a_bound_is_a_number() {
        let rules = Rules {
            relative_margin: Some(0.05),
            ..Rules::default()
        };
        assert!(rules.check(true).is_ok());
        let error = rules.check(false).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("`relative_margin` must come with `positives`, got 0.05")
        );
        let rules = Rules {
            min_score: Some(f64::NAN),
            ..Rules::default()
        };
        assert!(rules.check(true).is_err());
    }

    #[test]
    fn known_lists_are_sorted_and_distinct() -> Result<()> {
        let groups = Groups::new("p", &[0, 3, 3, 4], &[5, 2, 5, 1], 6)?;
        let known = Known::new(Some(groups), 3);
        assert_eq!(
            (known.get(0), known.get(1), known.get(2)),
            (&[2, 5][..], &[][..], &[1][..])
        );
        assert!(Known::new(None, 2).get(1).is_empty());
        Ok(())
    }
}
