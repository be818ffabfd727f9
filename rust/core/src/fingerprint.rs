//! 64 bits of numbers in order: equal numbers give equal bits, on every platform.

use std::hash::Hasher as _;

use twox_hash::XxHash3_64;

/// Bytes that are hashed together.
const PIECE: usize = 1 << 13;

/// A hash of slices, each with its length.
pub(crate) struct Fingerprint(XxHash3_64);

impl Fingerprint {
    pub(crate) fn new() -> Self {
        Self(XxHash3_64::new())
    }

    pub(crate) fn u32s(&mut self, numbers: &[u32]) {
        self.add(numbers, |number, bytes| {
            bytes.copy_from_slice(&number.to_le_bytes());
        });
    }

    pub(crate) fn u64s(&mut self, numbers: &[u64]) {
        self.add(numbers, |number, bytes| {
            bytes.copy_from_slice(&number.to_le_bytes());
        });
    }

    fn add<T: Copy>(&mut self, numbers: &[T], write: impl Fn(T, &mut [u8])) {
        let size = size_of::<T>();
        self.0.write(&(numbers.len() as u64).to_le_bytes());
        let mut bytes = [0; PIECE];
        for piece in numbers.chunks(PIECE / size) {
            for (bytes, &number) in bytes.chunks_exact_mut(size).zip(piece) {
                write(number, bytes);
            }
            self.0.write(&bytes[..size_of_val(piece)]);
        }
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(slices: &[&[u32]]) -> u64 {
        let mut fingerprint = Fingerprint::new();
        for numbers in slices {
            fingerprint.u32s(numbers);
        }
        fingerprint.finish()
    }

    #[test]
    fn order_and_cuts_count() {
        let prints = [
            print(&[&[1, 2]]),
            print(&[&[2, 1]]),
            print(&[&[1], &[2]]),
            print(&[&[], &[1, 2]]),
        ];
        for (at, one) in prints.iter().enumerate() {
            assert!(prints[..at].iter().all(|other| other != one));
        }
    }

    #[test]
    fn long_slices_are_hashed_whole() {
        let mut numbers: Vec<u32> = (0..5000).collect();
        let before = print(&[&numbers]);
        numbers[4999] += 1;
        assert_ne!(before, print(&[&numbers]));
    }
}
