//! Numbers of tuples: 64 bits where they suffice, else 128; and division by a number that is known beforehand.
#![expect(
    clippy::cast_possible_truncation,
    reason = "halves of products are meant, and callers know what fits"
)]

/// A number that is divided by again and again, with its inverse: a product in place of a division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Divisor {
    pub(super) value: u64,
    inverse: u64,
}

impl Divisor {
    /// 1 stands in for 0, which nothing is ever divided by.
    pub(super) fn new(value: u64) -> Self {
        let value = value.max(1);
        let inverse = u64::MAX / value;
        Self { value, inverse }
    }

    /// Quotient and remainder.
    #[inline]
    pub(super) fn divide(self, number: u64) -> (u64, u64) {
        // number / value - number * inverse / 2^64 is below 1, so the guess is right or one too small.
        let guess = ((u128::from(number) * u128::from(self.inverse)) >> 64) as u64;
        let rest = number - guess * self.value;
        let more = u64::from(rest >= self.value);
        (guess + more, rest.min(rest.wrapping_sub(self.value)))
    }
}

/// A number of 64 or 128 bits.
pub(super) trait Index: Copy + Ord + Send + Sync + 'static {
    /// The low bits of `number`, which fits.
    fn from_wide(number: u128) -> Self;
    fn wide(self) -> u128;
    fn minus(self, other: Self) -> Self;
    /// `left * right + rest`, which fits.
    fn join(left: u64, right: u64, rest: u64) -> Self;
    fn divide(self, by: Divisor) -> (Self, u64);
    /// The bits from `shift` on, few enough for a place in memory.
    fn above(self, shift: u32) -> usize;
    /// The number itself, which is known to be below 2^64.
    fn low(self) -> u64;
}

impl Index for u64 {
    #[inline]
    fn from_wide(number: u128) -> Self {
        number as Self
    }
    #[inline]
    fn wide(self) -> u128 {
        u128::from(self)
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline]
    fn join(left: u64, right: u64, rest: u64) -> Self {
        left * right + rest
    }
    #[inline]
    fn divide(self, by: Divisor) -> (Self, u64) {
        by.divide(self)
    }
    #[inline]
    fn above(self, shift: u32) -> usize {
        (self >> shift) as usize
    }
    #[inline]
    fn low(self) -> u64 {
        self
    }
}

impl Index for u128 {
    #[inline]
    fn from_wide(number: u128) -> Self {
        number
    }
    #[inline]
    fn wide(self) -> u128 {
        self
    }
    #[inline]
    fn minus(self, other: Self) -> Self {
        self - other
    }
    #[inline]
    fn join(left: u64, right: u64, rest: u64) -> Self {
        Self::from(left) * Self::from(right) + Self::from(rest)
    }
    #[inline]
    fn divide(self, by: Divisor) -> (Self, u64) {
        if let Ok(small) = u64::try_from(self) {
            let (quotient, rest) = by.divide(small);
            return (Self::from(quotient), rest);
        }
        let value = Self::from(by.value);
        (self / value, (self % value) as u64)
    }
    #[inline]
    fn above(self, shift: u32) -> usize {
        (self >> shift) as usize
    }
    #[inline]
    fn low(self) -> u64 {
        self as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    #[test]
    fn products_divide_as_divisions_do() {
        let mut rng = Key::new(5).rng();
        let mut numbers: Vec<u64> = vec![0, 1, 2, 3, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32];
        for _ in 0..2000 {
            let bits = rng.below(64);
            numbers.push(rng.bits() >> bits);
        }
        for (at, &value) in numbers.iter().enumerate() {
            let by = Divisor::new(value);
            let value = value.max(1);
            for &number in &numbers[at % 7..][..500] {
                assert_eq!(by.divide(number), (number / value, number % value));
                let wide = u128::from(number) * 0x1_0000_0001 + 7;
                let expected = (wide / u128::from(value), (wide % u128::from(value)) as u64);
                assert_eq!(wide.divide(by), expected);
            }
        }
    }
}
