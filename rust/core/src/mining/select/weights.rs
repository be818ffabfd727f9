//! Draws without replacement, with chances in proportion to weights.

use std::ops::Range;

use crate::key::Key;
use crate::mining::table::Row;

/// `wanted` of `places`, each drawn in proportion to `exp(weight(score))` among those that are left. O(places).
///
/// The places with the greatest `weight + Gumbel noise` are such a draw (Yellott 1977; Vieira 2014), so that no weight is
/// ever exponentiated, and an extreme one cannot overflow. The noise is a document's own: the draw does not depend on the
/// other candidates. Equal sums go to the better place.
pub(super) fn draw(
    row: &Row<'_>,
    places: Range<usize>,
    wanted: usize,
    key: Key,
    weight: impl Fn(f32) -> f64,
) -> Vec<usize> {
    let sum = |place: usize| {
        let weight = weight(row.scores[place]);
        let noise = gumbel(key.bits(u64::from(row.ids[place])));
        // The distance of two infinite scores is unknown, so the place comes last.
        if weight.is_nan() {
            f64::NEG_INFINITY
        } else {
            weight + noise
        }
    };
    let mut drawn: Vec<_> = places.map(|place| (sum(place), place)).collect();
    if drawn.len() > wanted {
        drawn.select_nth_unstable_by(wanted, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        drawn.truncate(wanted);
    }
    drawn.into_iter().map(|(_, place)| place).collect()
}

/// A draw from the standard Gumbel distribution.
#[expect(clippy::cast_precision_loss, reason = "52 bits and a half fit")]
fn gumbel(bits: u64) -> f64 {
    let unit = ((bits >> 12) as f64 + 0.5) * 0.5f64.powi(52);
    -ln(-ln(unit))
}

/// The natural logarithm of a positive normal number, to some units in the last place.
///
/// Written out in additions, products and a quotient, so that it has the same bits on every platform, which a system's
/// own has not: ln(2^e m) = e ln 2 + 2 atanh((m - 1) / (m + 1)), with m in [sqrt(1/2), sqrt(2)).
fn ln(value: f64) -> f64 {
    let bits = value.to_bits();
    #[expect(clippy::cast_possible_wrap, reason = "an exponent has 11 bits")]
    let mut exponent = (bits >> 52) as i64 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    let series = (0..12).rev().fold(0.0, |sum, term| {
        sum * square + 1.0 / f64::from(2 * term + 1)
    });
    #[expect(clippy::cast_precision_loss, reason = "an exponent has 11 bits")]
    let exponent = exponent as f64;
    exponent * std::f64::consts::LN_2 + 2.0 * ratio * series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_the_systems_up_to_rounding() {
        let key = Key::new(0);
        for index in 0..20_000 {
            let bits = key.bits(index);
            let spread = 0.5f64.powi(i32::try_from(bits % 53).unwrap_or(0));
            let value = key.fold(1).rng().unit().max(0.1) * spread + f64::EPSILON;
            let unit = ((bits >> 12) as f64 + 0.5) * 0.5f64.powi(52);
            for value in [value, unit, 1.0 / unit] {
                let error = (ln(value) - value.ln()).abs();
                assert!(
                    error <= 4e-16 * value.ln().abs().max(1.0),
                    "{value}: {error}"
                );
            }
        }
        assert_eq!(
            (ln(1.0), gumbel(0) < -3.0, gumbel(u64::MAX) > 36.0),
            (0.0, true, true)
        );
        assert!(gumbel(u64::MAX).is_finite());
    }

    #[test]
    fn golden_draws_hold_on_every_platform() {
        let scores = [0.9f32, 0.8, 0.7, 0.6, 0.5, 0.4];
        let row = Row::of(&[3, 1, 4, 15, 9, 2], &scores);
        let weight = |score| f64::from(score) * 4.0;
        let drawn = |seed| {
            let mut drawn = draw(&row, 0..6, 3, Key::new(seed), weight);
            drawn.sort_unstable();
            drawn
        };
        let golden = [[0, 3, 4], [0, 2, 3], [0, 3, 5]];
        assert_eq!([drawn(0), drawn(1), drawn(2)], golden);
    }
}
