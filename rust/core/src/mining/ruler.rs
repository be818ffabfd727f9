//! What a tile's values mean for one query: from values to scores and back, each end rounded to its own side.
//!
//! Rows are compared in units that the tile can hold. A document is `y = x / |x|` (cosine) or `x / L`, L the norm of the
//! longest; a query is `p = q / |q|`, for the Euclidean distance `q / L`. With centres m of the documents and w of the
//! queries, `t = <p, y> = <p, m> + <w, y - m> + <p - w, y - m>`: the first term is the query's, the second the
//! document's bias, and the tile adds a bounded guess of the third to it. For the Euclidean distance the bias holds
//! `-|y|^2 / 2` too, and `|q - x|^2 = L^2 (|p|^2 - 2 t)`.

use super::score::Similarity;

/// What a float64 sum over a dimension may cost, as a share of its terms, with room to spare.
#[expect(clippy::cast_precision_loss, reason = "dimensions are far below 2^53")]
pub(super) fn sum_error(dim: usize) -> f64 {
    (dim + 64) as f64 * 0.5f64.powi(50)
}

/// One query's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruler {
    is_distance: bool,
    /// A score a unit; of a distance, a distance a unit.
    scale: f64,
    /// What a value lacks: the query's own term.
    shift: f64,
    /// Between which `|p|^2` lies.
    square: (f64, f64),
    /// What a float64 distance may be off, as a share.
    share: f64,
}

impl Ruler {
    /// `scale` is `|q| L` for a dot product, 1 for a cosine, L for a distance.
    pub(super) fn new(
        similarity: Similarity,
        scale: f64,
        shift: f64,
        length: f64,
        dim: usize,
    ) -> Self {
        let (square, share) = (length * length, sum_error(dim));
        Self {
            is_distance: similarity == Similarity::Euclidean,
            scale,
            shift,
            square: (square * (1.0 - share), square * (1.0 + share)),
            share,
        }
    }

    /// Below this value no document scores `score` or more.
    pub(super) fn low(&self, score: f64) -> f32 {
        if score.is_nan() {
            return f32::NAN; // none is asked for
        }
        // A score that rounds to this one may be half a unit lower, and one beyond float32 counts as infinite.
        let score = score.min(f64::from(f32::MAX));
        let score = score - rounding(score);
        rounded_down(if !self.is_distance {
            score / self.scale - self.shift
        } else if score > 0.0 {
            f64::INFINITY
        } else {
            let far = score / self.scale * (1.0 + self.share);
            (self.square.0 - far * far) / 2.0 - self.shift
        })
    }

    /// Above this value every document scores more than `score`.
    pub(super) fn cap(&self, score: f64) -> f32 {
        let score = score.max(f64::from(f32::MIN));
        let score = score + rounding(score);
        rounded_up(if !self.is_distance {
            score / self.scale - self.shift
        } else if score >= 0.0 {
            f64::INFINITY
        } else {
            let near = score / self.scale * (1.0 - self.share);
            (self.square.1 - near * near) / 2.0 - self.shift
        })
    }

    /// The ends of a score whose value is at least `least` and at most `most`.
    #[inline]
    pub(super) fn ends(&self, least: f32, most: f32) -> (f32, f32) {
        let (least, most) = (f64::from(least) + self.shift, f64::from(most) + self.shift);
        if self.is_distance {
            let far = (self.square.1 - 2.0 * least).max(0.0).sqrt() * (1.0 + self.share);
            let near = (self.square.0 - 2.0 * most).max(0.0).sqrt() * (1.0 - self.share);
            (
                rounded_down(-far * self.scale),
                rounded_up(-near * self.scale) + 0.0,
            )
        } else {
            (
                rounded_down(least * self.scale),
                rounded_up(most * self.scale),
            )
        }
    }
}

/// What scores mean for documents that are queries at the same time: one unit for all, so that a value that was computed
/// for one row of a pair tells what it is for the other.
///
/// A score is `unit` times `factor v + shift factor`; of a distance, `v + shift - |p|^2 / 2` is `-(distance / unit)^2 / 2`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turned {
    pub(super) similarity: Similarity,
    /// `L^2` for a dot product, 1 for a cosine, L for a distance.
    pub(super) unit: f64,
    pub(super) dim: usize,
}

impl Turned {
    /// What a value of this query is multiplied by, and what is added then: at least, and at most.
    pub(super) fn of(&self, ruler: &Ruler) -> (f64, f64, f64) {
        if ruler.is_distance {
            let half = (ruler.square.0 / 2.0, ruler.square.1 / 2.0);
            (1.0, ruler.shift - half.0, ruler.shift - half.1)
        } else {
            let factor = ruler.scale / self.unit;
            (factor, ruler.shift * factor, ruler.shift * factor)
        }
    }

    /// Below this no query scores `score` or more.
    pub(super) fn low(&self, score: f64) -> f32 {
        if score.is_nan() {
            return f32::NAN; // none is asked for
        }
        let score = score.min(f64::from(f32::MAX));
        let score = (score - rounding(score)) / self.unit;
        rounded_down(if self.similarity != Similarity::Euclidean {
            score
        } else if score > 0.0 {
            f64::INFINITY
        } else {
            -(score * (1.0 + sum_error(self.dim))).powi(2) / 2.0
        })
    }

    /// Above this every query scores more than `score`.
    pub(super) fn cap(&self, score: f64) -> f32 {
        let score = score.max(f64::from(f32::MIN));
        let score = (score + rounding(score)) / self.unit;
        rounded_up(if self.similarity != Similarity::Euclidean {
            score
        } else if score >= 0.0 {
            f64::INFINITY
        } else {
            -(score * (1.0 - sum_error(self.dim))).powi(2) / 2.0
        })
    }
}

/// What rounding to float32 changes at most, subnormal numbers included.
fn rounding(score: f64) -> f64 {
    score.abs() * 0.5f64.powi(23) + 0.5f64.powi(148)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to float32 is meant"
)]
fn rounded(value: f64) -> f32 {
    value as f32
}

/// The greatest float32 not above `value`. Without a branch: every second one would go the other way.
fn rounded_down(value: f64) -> f32 {
    let near = rounded(value);
    let bits = near.to_bits();
    let is_above = u32::from(f64::from(near) > value);
    let below = ((!bits).cast_signed() >> 31 | 1).cast_unsigned(); // -1 for a positive number, 1 for a negative one
    f32::from_bits(bits.wrapping_add(below.wrapping_mul(is_above)))
}

/// The least float32 not below `value`.
fn rounded_up(value: f64) -> f32 {
    -rounded_down(-value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_keeps_its_side() {
        for value in [0.1, -0.1, 1e-60, -1e-60, 1e60, -1e60, 0.5, f64::INFINITY] {
            let (down, up) = (f64::from(rounded_down(value)), f64::from(rounded_up(value)));
            assert!(down <= value && value <= up, "{value}: {down} {up}");
            assert!(rounded_down(value).next_up() >= rounded_up(value));
        }
        let mut rng = crate::key::Key::new(3).rng();
        for _ in 0..20_000 {
            let value = f64::from_bits(rng.bits());
            let value = if rng.bits().is_multiple_of(2) {
                value
            } else {
                value % 8.0
            };
            let near = rounded(value);
            let down = if f64::from(near) > value {
                near.next_down()
            } else {
                near
            };
            assert_eq!(rounded_down(value).to_bits(), down.to_bits(), "{value}");
        }
    }

    #[test]
    fn a_value_and_its_score_are_on_the_same_side() {
        for similarity in [Similarity::Dot, Similarity::Euclidean] {
            for (scale, length) in [(1.0, 1.0), (1e-30, 3.0), (1e20, 0.01)] {
                let ruler = Ruler::new(similarity, scale, 0.125, length, 384);
                for value in [-2.0f32, -0.5, -0.125, 0.0, 0.3, 1.0] {
                    let (low, high) = ruler.ends(value, value);
                    assert!(low <= high);
                    assert!(
                        ruler.low(f64::from(high)) <= value,
                        "{similarity:?} {value}"
                    );
                    assert!(ruler.cap(f64::from(low)) >= value || low == 0.0);
                    let tight = 1e-5 * (value.abs() + 1.0);
                    assert!(low == 0.0 || ruler.low(f64::from(low)) >= value - tight);
                }
            }
        }
    }

    #[test]
    fn a_value_is_on_the_same_side_for_both_rows_of_its_pair() {
        for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean] {
            for (scale, length, unit) in [(2.0, 1.0, 3.0), (1e-30, 3.0, 1e-20), (1e20, 0.1, 1e22)] {
                let is_dot = similarity == Similarity::Dot;
                let unit = if is_dot { unit } else { scale };
                let ruler = Ruler::new(similarity, scale, 0.125, length, 384);
                let turned = Turned {
                    similarity,
                    unit,
                    dim: 384,
                };
                let (factor, most, least) = turned.of(&ruler);
                for value in [-2.0f32, -0.5, -0.125, 0.0, 0.3, 1.0] {
                    let (low, high) = ruler.ends(value, value);
                    let (up, down) = (
                        factor * f64::from(value) + most,
                        factor * f64::from(value) + least,
                    );
                    let slack = 1e-6 * (up.abs() + down.abs() + factor);
                    let (from, to) = (turned.low(f64::from(high)), turned.cap(f64::from(low)));
                    assert!(f64::from(from) <= up + slack, "{similarity:?} {value}");
                    assert!(f64::from(to) >= down - slack, "{similarity:?} {value}");
                    let tight = f64::from(turned.low(f64::from(low) - f64::from(low.abs()) * 1e-3));
                    assert!(low >= 0.0 || tight < up, "{similarity:?} {value}");
                }
            }
        }
        let turned = Turned {
            similarity: Similarity::Euclidean,
            unit: 1.0,
            dim: 8,
        };
        assert!(turned.low(0.5).is_infinite() && turned.low(0.5) > 0.0);
        assert!(turned.cap(0.0).is_infinite() && turned.low(f64::NAN).is_nan());
        assert!(turned.low(f64::NEG_INFINITY).is_infinite());
    }

    #[test]
    fn no_score_is_above_zero_distance() {
        let ruler = Ruler::new(Similarity::Euclidean, 1.0, 0.0, 1.0, 8);
        assert!(ruler.low(0.5).is_infinite() && ruler.low(0.5) > 0.0);
        assert!(ruler.cap(0.0).is_infinite());
        assert!(ruler.low(f64::NEG_INFINITY).is_infinite());
    }
}
