//! How many bands of how many hashes.

/// The least probability, aimed at, of finding a pair just at the threshold.
const RECALL: f64 = 0.99;
/// The most bands: as many as a mask of 128 bits can name.
const MAX_BANDS: usize = 128;

/// A signature's bands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Their number.
    pub bands: usize,
    /// The hashes of each.
    pub rows: usize,
}

impl Split {
    /// The longest bands that find a pair at `threshold` with a probability of at least 0.99.
    ///
    /// What agrees by chance is compared and costs time alone, so recall comes first and selectivity second. One row a
    /// band where even that does not reach 0.99.
    pub fn new(threshold: f64, num_hashes: usize) -> Self {
        let of_rows = |rows: usize| Self {
            bands: (num_hashes / rows).clamp(1, MAX_BANDS),
            rows,
        };
        let good = (1..=num_hashes)
            .map(of_rows)
            .rfind(|split| split.probability(threshold) >= RECALL);
        good.unwrap_or_else(|| of_rows(1))
    }

    /// The probability that two texts of this Jaccard similarity agree in some band: `1 - (1 - s^rows)^bands`, as of
    /// independent hashes.
    pub fn probability(&self, similarity: f64) -> f64 {
        // Products one by one: the standard library's powers differ between platforms.
        let power = |base: f64, times| std::iter::repeat_n(base, times).product::<f64>();
        1.0 - power(1.0 - power(similarity, self.rows), self.bands)
    }

    /// The hashes of all bands.
    pub(super) fn num_hashes(&self) -> usize {
        self.bands * self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bands_that_find_enough() {
        let split = |threshold| {
            let Split { bands, rows } = Split::new(threshold, 128);
            (bands, rows)
        };
        assert_eq!(split(0.8), (21, 6));
        assert_eq!(split(0.5), (42, 3));
        assert_eq!(split(1.0), (1, 128));
        assert_eq!(split(0.001), (128, 1));
        assert_eq!(
            Split::new(0.3, 256),
            Split {
                bands: 128,
                rows: 2
            }
        );
        for percent in 5..=100 {
            let threshold = f64::from(percent) / 100.0;
            let split = Split::new(threshold, 128);
            assert!(split.probability(threshold) >= RECALL, "{threshold}");
            let longer = Split {
                rows: split.rows + 1,
                bands: (128 / (split.rows + 1)).max(1),
            };
            assert!(split.rows == 128 || longer.probability(threshold) < RECALL);
        }
    }

    #[test]
    fn probabilities_are_those_of_the_formula() {
        let split = Split { bands: 21, rows: 6 };
        assert!((split.probability(0.8) - 0.998_32).abs() < 1e-5);
        assert!(split.probability(0.0).abs() < 1e-15);
        assert!((split.probability(1.0) - 1.0).abs() < 1e-15);
    }
}
