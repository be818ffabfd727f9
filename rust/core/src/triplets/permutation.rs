//! A random order of `0..n` that is computed, never held: a cipher on the numbers below n.
//!
//! A number x below n <= a * b is a pair (x / b, x % b), and rounds of a Feistel network on such pairs move it to another,
//! six of them, and more where n is small, whose orders are few enough to be told apart: in turn the left half takes the
//! sum, modulo a, with a random function of the right half, and the right half that, modulo b, with one of the left. Every
//! round can be undone, so all are one-to-one on the a * b pairs. What comes out at or above n goes in again (cycle
//! walking), and stays one-to-one on 0..n. With a and b next to the root of n, that happens for a share of about
//! 1 / sqrt(n).
//!
//! References: Black and Rogaway 2002, "Ciphers with arbitrary finite domains" (networks on `Z_a` x `Z_b`, cycle walking);
//! Luby and Rackoff 1988. The round function is two products with a shift between them, of which the high bits are scaled
//! to the half by a third. This is an order that looks random, no secret.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the high half of a product is meant"
)]

use super::index::{Divisor, Index};
use crate::error::{Error, Result};
use crate::key::Key;

const ROUNDS: usize = 6;
/// Numbers whose rounds are computed side by side, as each waits for the one before it.
const ABREAST: usize = 8;
/// Numbers below 2^126: halves have 63 bits, and sums of two fit in 64.
const MAX_BITS: u32 = 126;

/// The numbers below `len`, as pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Domain {
    len: u128,
    left: u64,
    right: Divisor,
    /// How often the rounds are gone through.
    passes: u64,
}

impl Domain {
    /// `len` is at most 2^126.
    pub(super) fn new(len: u128) -> Self {
        if let Ok(len) = u64::try_from(len) {
            let root = len.isqrt();
            let left = (root + u64::from(root * root < len)).max(1);
            return Self {
                len: len.into(),
                left,
                right: Divisor::new(len.div_ceil(left)),
                passes: match len {
                    0..0x100 => 5,
                    0x100..0x1_0000 => 3,
                    _ => 1,
                },
            };
        }
        let root = len.isqrt();
        let left = root + u128::from(root * root < len);
        Self {
            len,
            left: left as u64,
            right: Divisor::new(len.div_ceil(left) as u64),
            passes: 1,
        }
    }
}

/// The keys of the rounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rounds([u64; ROUNDS]);

impl Rounds {
    pub(super) fn new(key: Key) -> Self {
        let mut rounds = [0; ROUNDS];
        for (round, number) in rounds.iter_mut().zip(0..) {
            *round = key.bits(number);
        }
        Self(rounds)
    }

    /// Where `number`, below the domain's length, goes; `tweak` tells orders of one domain and key apart.
    #[inline]
    pub(super) fn permute<I: Index>(&self, domain: &Domain, tweak: u64, number: I) -> I {
        let len = I::from_wide(domain.len);
        let mut number = [number];
        loop {
            self.pass(domain, tweak, &mut number);
            if number[0] < len {
                return number[0];
            }
        }
    }

    /// Moves every one of `numbers` to where it goes.
    pub(super) fn permute_all<I: Index>(&self, domain: &Domain, numbers: &mut [I]) {
        let len = I::from_wide(domain.len);
        let (groups, rest) = numbers.as_chunks_mut::<ABREAST>();
        for group in groups {
            self.pass(domain, 0, group);
            for number in group {
                if *number >= len {
                    *number = self.permute(domain, 0, *number);
                }
            }
        }
        for number in rest {
            *number = self.permute(domain, 0, *number);
        }
    }

    /// The rounds, of several numbers side by side.
    #[inline]
    fn pass<I: Index, const N: usize>(&self, domain: &Domain, tweak: u64, numbers: &mut [I; N]) {
        let (a, b) = (domain.left, domain.right.value);
        let (mut left, mut right) = ([0; N], [0; N]);
        for ((number, left), right) in numbers.iter().zip(&mut left).zip(&mut right) {
            let (quotient, rest) = number.divide(domain.right);
            (*left, *right) = (quotient.low(), rest);
        }
        for pass in 0..domain.passes {
            let tweak = tweak ^ (pass << 56);
            for &[one, other] in self.0.as_chunks().0 {
                for (left, &right) in left.iter_mut().zip(&right) {
                    *left = sum(*left, draw(one ^ tweak, right, a), a);
                }
                for (right, &left) in right.iter_mut().zip(&left) {
                    *right = sum(*right, draw(other ^ tweak, left, b), b);
                }
            }
        }
        for ((number, left), right) in numbers.iter_mut().zip(left).zip(right) {
            *number = I::join(left, b, right);
        }
    }

    fn place<I: Index>(&self, domain: &Domain, number: I) -> I {
        let (a, b) = (domain.left, domain.right.value);
        let len = I::from_wide(domain.len);
        let mut number = number;
        loop {
            let (left, mut right) = number.divide(domain.right);
            let mut left = left.low();
            for pass in (0..domain.passes).rev() {
                for pair in self.0.as_chunks::<2>().0.iter().rev() {
                    right = sum(right, b - draw(pair[1] ^ (pass << 56), left, b), b);
                    left = sum(left, a - draw(pair[0] ^ (pass << 56), right, a), a);
                }
            }
            number = I::join(left, b, right);
            if number < len {
                return number;
            }
        }
    }
}

/// A number below `bound`, decided by a half and the key of the round.
#[inline]
fn draw(key: u64, half: u64, bound: u64) -> u64 {
    let mixed = (half ^ key).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((u128::from(mixed) * u128::from(bound)) >> 64) as u64
}

/// The sum of a number below `bound` and one up to it, modulo `bound`.
#[inline]
fn sum(one: u64, other: u64, bound: u64) -> u64 {
    let sum = one + other;
    sum.min(sum.wrapping_sub(bound)) // without a branch: below the bound, the difference wraps far above
}

/// A random order of the numbers below `len`; deterministic in the key. O(1) memory, O(1) a number.
#[derive(Debug, Clone, Copy)]
pub struct Permutation {
    domain: Domain,
    rounds: Rounds,
}

impl Permutation {
    /// The order of `0..len` that `key` decides.
    ///
    /// # Errors
    /// [`Error::Argument`] where `len` is above 2^126.
    pub fn new(len: u128, key: Key) -> Result<Self> {
        if len > 1 << MAX_BITS {
            return Err(Error::argument("len", "be at most 2^126", len));
        }
        let rounds = Rounds::new(key);
        let domain = Domain::new(len);
        Ok(Self { domain, rounds })
    }

    /// How many numbers there are.
    pub fn len(&self) -> u128 {
        self.domain.len
    }

    /// Whether there is no number at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at `place`; `None` at or past the end.
    pub fn get(&self, place: u128) -> Option<u128> {
        (place < self.len()).then(|| match u64::try_from(self.len()) {
            Ok(_) => u128::from(self.rounds.permute(&self.domain, 0, place as u64)),
            Err(_) => self.rounds.permute(&self.domain, 0, place),
        })
    }

    /// The place of `number`: undoes [`get`](Self::get).
    pub fn place(&self, number: u128) -> Option<u128> {
        (number < self.len()).then(|| match u64::try_from(self.len()) {
            Ok(_) => u128::from(self.rounds.place(&self.domain, number as u64)),
            Err(_) => self.rounds.place(&self.domain, number),
        })
    }

    #[inline]
    pub(super) fn at<I: Index>(&self, place: I) -> I {
        self.rounds.permute(&self.domain, 0, place)
    }

    pub(super) fn all<I: Index>(&self, places: &mut [I]) {
        self.rounds.permute_all(&self.domain, places);
    }
}
