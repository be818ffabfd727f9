//! Which scores a negative may have.

use crate::error::{Error, Result};
use crate::pool;
use crate::tick::Tick;
use crate::view::Groups;

use super::SearchOptions;
use super::score::Scorer;

/// The queries whose positives a thread scores at once.
const QUERIES: usize = 192;

/// The names of the bounds, in the order in which what they turn away is counted.
pub(super) const BOUNDS: [&str; 4] = [
    "absolute_margin",
    "relative_margin",
    "max_score",
    "min_score",
];

/// How many of them are margins, which come first.
const MARGINS: usize = 2;

/// Which of a query's positives a margin is measured from.
///
/// A margin from each positive by itself is one row of a search for each pair of a query and a positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MarginFrom {
    /// The one that scores least.
    #[default]
    Least,
    /// The one that scores most.
    Greatest,
}

/// What the margins are measured from: a score p for each query.
#[derive(Debug, Clone, Copy, Default)]
pub enum Anchors<'a> {
    /// Nothing: there are no margins.
    #[default]
    None,
    /// The positives of each query, rows of the corpus that is searched; an empty list is a query without a margin.
    Positives(Groups<'a>),
    /// The scores themselves, NaN for a query without a margin: for a part of a corpus that lacks the positives.
    Scores(&'a [f32]),
}

/// Bounds on a negative's score, all inclusive; `None` for no bound.
///
/// A margin is measured from the score of one of the query's positives, p, in float64: the absolute margin allows
/// scores up to `p - margin`, the relative one up to `p - |p| * margin`. A query without positives has no such bound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rules {
    /// Which positive that is.
    pub margin_from: MarginFrom,
    /// The least distance below the positive.
    pub absolute_margin: Option<f64>,
    /// The least distance below the positive, as a share of its magnitude.
    pub relative_margin: Option<f64>,
    /// The greatest score.
    pub max_score: Option<f64>,
    /// The least score.
    pub min_score: Option<f64>,
}

/// The scores that one query allows. Where the least lies above the cap, the band is empty, `low` is NaN, and every score
/// counts as below it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Band {
    pub(super) low: f64,
    pub(super) cap: f64,
    /// Which rule set the cap, as an index into [`BOUNDS`].
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
        let bounds = || BOUNDS.into_iter().zip(self.bounds());
        for (name, value) in bounds() {
            if let Some(value) = value.filter(|value| !value.is_finite()) {
                return Err(Error::argument(name, "be finite", value));
            }
        }
        match bounds().take(MARGINS).find(|(_, value)| value.is_some()) {
            Some((name, Some(value))) if !has_positives => {
                Err(Error::argument(name, "come with `positives`", value))
            }
            _ => Ok(()),
        }
    }

    /// The bounds in the order of [`BOUNDS`].
    pub(super) fn bounds(&self) -> [Option<f64>; 4] {
        [
            self.absolute_margin,
            self.relative_margin,
            self.max_score,
            self.min_score,
        ]
    }

    /// The band of a query whose margins are measured from `anchor`, NaN for none.
    pub(super) fn band(&self, anchor: f32) -> Band {
        let positive = Some(f64::from(anchor)).filter(|score| !score.is_nan());
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
        if band.cap < band.low {
            band.low = f64::NAN;
        }
        band
    }
}

impl Band {
    /// Whether no score is allowed.
    pub(super) fn is_empty(&self) -> bool {
        self.low.is_nan()
    }

    /// The cap above which documents are counted.
    pub(super) fn counted_cap(&self) -> f64 {
        if self.is_empty() {
            f64::INFINITY
        } else {
            self.cap
        }
    }

    pub(super) fn place(&self, score: f32) -> Place {
        let score = f64::from(score);
        if self.is_empty() {
            Place::Below
        } else if score > self.cap {
            Place::Above
        } else if score < self.low {
            Place::Below
        } else {
            Place::Inside
        }
    }
}

/// The score that each query's margins are measured from, NaN for none. O(positives x dim).
pub(super) fn anchor_scores(
    scorer: &Scorer<'_>,
    anchors: Anchors<'_>,
    options: &SearchOptions,
    tick: &mut Tick<'_>,
) -> Result<Vec<f32>> {
    let queries = scorer.queries.rows();
    let positives = match anchors {
        Anchors::None => return Ok(vec![f32::NAN; queries]),
        Anchors::Scores(scores) => {
            check_count("anchors", scores.len(), queries)?;
            return Ok(scores.to_vec());
        }
        Anchors::Positives(positives) => positives,
    };
    check_count("positives", positives.len(), queries)?;
    let first = options.first_document;
    let inside = |id: u32| ((id.wrapping_sub(first)) as usize) < scorer.corpus.rows();
    if let Some(id) = positives.values().iter().find(|&&id| !inside(id)) {
        return Err(Error::argument(
            "positives",
            "be among the documents that are searched",
            id,
        ));
    }
    let best = match options.rules.margin_from {
        MarginFrom::Least => f32::min,
        MarginFrom::Greatest => f32::max,
    };
    let anchor = |query| {
        let scores = positives.get(query).iter();
        let scores = scores.map(|&id| scorer.score(query, (id - first) as usize));
        scores.reduce(best).unwrap_or(f32::NAN)
    };
    let blocks = pool::map_blocks(options.threads, queries, QUERIES, tick, |block| {
        Ok(block.map(anchor).collect::<Vec<_>>())
    })?;
    Ok(blocks.into_iter().flatten().collect())
}

fn check_count(name: &str, lists: usize, queries: usize) -> Result<()> {
    if lists == queries {
        return Ok(());
    }
    let rule = format!("have one list for each of {queries} queries");
    Err(Error::argument(name, rule, lists))
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
            min_score: Some(-2.0),
            ..Rules::default()
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
                rules.band(positive),
                Band {
                    low: -2.0,
                    cap,
                    rule
                }
            );
        }
        assert_eq!(
            rules.band(f32::NAN),
            Band {
                low: -2.0,
                cap: 0.75,
                rule: 2
            }
        );
        assert!(Rules::default().band(f32::INFINITY).cap.is_infinite());
    }

    #[test]
    fn every_score_lies_below_an_empty_band() {
        let rules = Rules {
            max_score: Some(0.25),
            min_score: Some(0.5),
            ..Rules::default()
        };
        let band = rules.band(f32::NAN);
        assert!(band.is_empty());
        assert_eq!(
            [-1.0, 0.3, f32::INFINITY].map(|score| band.place(score)),
            [Place::Below; 3]
        );
        assert!(!Rules::default().band(f32::NAN).is_empty());
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
}
