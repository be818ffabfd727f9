//! Statistics of numbers that stream by twice, exact whatever their number.

/// What the numbers of a column are like; those that are not numbers (NaN) do not count.
///
/// Quartiles lie between two numbers in order where their place does, as the mean of the two by distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// How many there are.
    pub count: u64,
    /// Their mean; NaN where there is none, as are the others then.
    pub mean: f64,
    /// Their standard deviation, for `count` - 1 degrees of freedom; 0 for a single one.
    pub std: f64,
    /// The least.
    pub min: f32,
    /// What a quarter, a half and three quarters of them lie below.
    pub quartiles: [f64; 3],
    /// The greatest.
    pub max: f32,
}

/// The numbers by the upper half of their place in the order of all float32.
pub(super) struct First {
    count: u64,
    sum: f64,
    min: f32,
    max: f32,
    bins: Vec<u64>,
}

/// The numbers by the lower half, in those bins that hold a quartile.
pub(super) struct Second {
    first: First,
    mean: f64,
    squares: f64,
    /// Places in order that are asked for.
    places: Vec<u64>,
    /// The bins in which they lie, ascending, each with how many numbers lie before it.
    wanted: Vec<(usize, u64, Vec<u64>)>,
}

const HALF: usize = 1 << 16;

/// The place of a number among all float32, -0 just below 0.
fn place(x: f32) -> u32 {
    let bits = x.to_bits();
    if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    }
}

fn at_place(place: u32) -> f32 {
    f32::from_bits(if place >> 31 == 1 {
        place & !(1 << 31)
    } else {
        !place
    })
}

impl First {
    pub(super) fn new() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f32::NAN,
            max: f32::NAN,
            bins: vec![0; HALF],
        }
    }

    pub(super) fn take(&mut self, numbers: &[f32]) {
        for &x in numbers.iter().filter(|x| !x.is_nan()) {
            self.count += 1;
            self.sum += f64::from(x);
            self.min = self.min.min(x);
            self.max = self.max.max(x);
            self.bins[(place(x) >> 16) as usize] += 1;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count is below 2^53")]
    pub(super) fn next(self) -> Second {
        let last = self.count.saturating_sub(1);
        // A quartile lies between the numbers at `quarter * last / 4`, rounded down and up.
        let mut places: Vec<u64> = (1..4)
            .flat_map(|quarter| [quarter * last / 4, (quarter * last).div_ceil(4)])
            .collect();
        places.dedup();
        let mut wanted: Vec<(usize, u64, Vec<u64>)> = Vec::new();
        let mut before = 0;
        for (bin, &count) in self.bins.iter().enumerate() {
            let range = before..before + count;
            if places.iter().any(|place| range.contains(place)) {
                wanted.push((bin, before, vec![0; HALF]));
            }
            before += count;
        }
        Second {
            mean: self.sum / self.count as f64,
            first: self,
            squares: 0.0,
            places,
            wanted,
        }
    }
}

impl Second {
    pub(super) fn take(&mut self, numbers: &[f32]) {
        for &x in numbers.iter().filter(|x| !x.is_nan()) {
            self.squares += (f64::from(x) - self.mean).powi(2);
            let place = place(x) as usize;
            let bin = place / HALF;
            if let Some((_, _, counts)) = self.wanted.iter_mut().find(|(at, ..)| *at == bin) {
                counts[place % HALF] += 1;
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a count is below 2^53")]
    pub(super) fn finish(self) -> Statistics {
        let found: Vec<f64> = self
            .places
            .iter()
            .map(|&place| self.number(place))
            .collect();
        let last = self.first.count.saturating_sub(1);
        let quartile = |quarter: u64| {
            let below = self
                .places
                .partition_point(|&place| place < quarter * last / 4);
            let share = (quarter * last % 4) as f64 / 4.0;
            let low = found.get(below).copied().unwrap_or(f64::NAN);
            if share == 0.0 {
                return low;
            }
            low + share * (found[below + 1] - low)
        };
        Statistics {
            count: self.first.count,
            mean: self.mean,
            std: match self.first.count {
                0 => f64::NAN,
                1 => 0.0,
                count => (self.squares / (count - 1) as f64).sqrt(),
            },
            min: self.first.min,
            quartiles: [1, 2, 3].map(quartile),
            max: self.first.max,
        }
    }

    /// The number at a place in order.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "bins and places in them are below 2^16"
    )]
    fn number(&self, place: u64) -> f64 {
        let holding = self.wanted.iter().rev();
        let holding = holding.filter(|(_, before, _)| *before <= place);
        for (bin, before, counts) in holding {
            let mut before = *before;
            for (low, count) in counts.iter().enumerate() {
                before += count;
                if before > place {
                    return f64::from(at_place((bin * HALF + low) as u32));
                }
            }
        }
        f64::NAN
    }
}
