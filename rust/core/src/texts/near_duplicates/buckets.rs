//! Buckets of forms that agree in a band, and the pairs that are compared in them.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use super::bands::Split;
use super::shingles::ShingleSet;
use super::signature::{Room, Sketcher};
use super::{Options, Report};
use crate::error::Result;
use crate::pool;
use crate::texts::Texts;
use crate::tick::Tick;

/// The signatures that a worker makes at a time.
const BLOCK: usize = 1 << 10;
/// The pairs that a worker looks at before it takes new ones.
const PAIRS: usize = 1 << 12;

/// Two forms, the lower first, and their similarity.
pub(super) type Match = (u32, u32, f32);

/// Which of two sets a form is in.
pub(super) enum Sides {
    /// There is one set, compared with itself.
    One,
    /// Whether each form is in the left and in the right set.
    Two(Vec<(bool, bool)>),
}

impl Sides {
    pub(super) fn two(left: &[Option<u32>], right: &[Option<u32>]) -> Self {
        let sides = left.iter().zip(right);
        Self::Two(
            sides
                .map(|(left, right)| (left.is_some(), right.is_some()))
                .collect(),
        )
    }

    fn of(&self, form: u32) -> (bool, bool) {
        match self {
            Self::One => (true, true),
            Self::Two(sides) => sides[form as usize],
        }
    }

    /// Whether the two forms may be a pair.
    fn face(&self, one: u32, other: u32) -> bool {
        let (one, other) = (self.of(one), self.of(other));
        one.0 && other.1 || one.1 && other.0
    }
}

/// The buckets of one band that have two forms or more.
struct Band {
    /// Forms, bucket after bucket, ascending within each.
    forms: Vec<u32>,
    /// Where each bucket ends.
    ends: Vec<usize>,
}

impl Band {
    fn new(hashes: &[u32], split: Split, band: usize) -> Self {
        let of_band = hashes.iter().skip(band).step_by(split.bands);
        let mut entries: Vec<(u32, u32)> = of_band.copied().zip(0..).collect();
        entries.sort_unstable();
        let (mut forms, mut ends) = (Vec::new(), Vec::new());
        for bucket in entries.chunk_by(|one, other| one.0 == other.0) {
            if bucket.len() > 1 {
                forms.extend(bucket.iter().map(|&(_, form)| form));
                ends.push(forms.len());
            }
        }
        Self { forms, ends }
    }

    fn buckets(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.forms[start..end])
    }

    /// The bucket that holds the form at `place`.
    fn around(&self, place: usize) -> Range<usize> {
        let bucket = self.ends.partition_point(|&end| end <= place);
        let start = bucket.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[bucket]
    }
}

/// For each form the bands in whose buckets it follows: in a bucket of more than `max_bucket` forms of a side, those beyond
/// the first so many are compared with these alone. Empty as long as there is no such bucket.
#[derive(Default)]
struct Followers(Vec<u128>);

impl Followers {
    fn of(&self, form: u32) -> u128 {
        self.0.get(form as usize).copied().unwrap_or(0)
    }

    fn follows(&self, form: u32, band: usize) -> bool {
        self.of(form) >> band & 1 == 1
    }

    fn add(&mut self, form: u32, band: usize, num_forms: usize) {
        self.0.resize(num_forms, 0);
        self.0[form as usize] |= 1 << band;
    }
}

/// Forms of a bucket whose pairs are compared next: those at `places` with all of their bucket.
struct Task {
    band: usize,
    places: Range<usize>,
}

/// A worker's sets: of the form that is compared, and of another one to be counted.
#[derive(Default)]
struct Sets {
    own: ShingleSet,
    other: ShingleSet,
}

/// All that a search knows before it compares.
pub(super) struct Search<'a> {
    forms: &'a Texts,
    sides: &'a Sides,
    options: &'a Options,
    split: Split,
    /// The hash of each band, form after form.
    hashes: Vec<u32>,
    bands: Vec<Band>,
    followers: Followers,
    /// The number of shingles of each form, 0 as long as nobody has counted.
    sizes: Vec<AtomicU32>,
    large_buckets: u64,
    skipped: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        forms: &'a Texts,
        sides: &'a Sides,
        options: &'a Options,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let split = Split::new(options.threshold, options.num_hashes);
        let sketcher = Sketcher::new(options, split);
        let mut hashes = vec![0; forms.len() * split.bands];
        pool::fill_blocks(
            threads,
            &mut hashes,
            BLOCK * split.bands,
            tick,
            |start, chunk| {
                let mut room = Room::default();
                let of_forms = chunk.chunks_exact_mut(split.bands);
                for (form, out) in (start / split.bands..).zip(of_forms) {
                    sketcher.bands(text(forms, form), &mut room, out);
                }
                Ok(())
            },
        )?;
        let bands = pool::map_blocks(threads, split.bands, 1, tick, |band| {
            Ok(Band::new(&hashes, split, band.start))
        })?;
        let mut search = Self {
            forms,
            sides,
            options,
            split,
            hashes,
            bands,
            followers: Followers::default(),
            sizes: (0..forms.len()).map(|_| AtomicU32::new(0)).collect(),
            large_buckets: 0,
            skipped: 0,
        };
        search.find_followers();
        Ok(search)
    }

    fn find_followers(&mut self) {
        for (number, band) in self.bands.iter().enumerate() {
            let large = band
                .buckets()
                .filter(|bucket| bucket.len() > self.options.max_bucket);
            for bucket in large {
                let (mut lefts, mut rights) = (0, 0);
                let (mut left_only, mut right_only, mut both) = (0u64, 0u64, 0u64);
                for &form in bucket {
                    let (left, right) = self.sides.of(form);
                    lefts += usize::from(left);
                    rights += usize::from(right);
                    let leads = left && lefts <= self.options.max_bucket
                        || right && rights <= self.options.max_bucket;
                    if leads {
                        continue;
                    }
                    self.followers.add(form, number, self.forms.len());
                    match (left, right) {
                        (true, true) => both += 1,
                        (true, false) => left_only += 1,
                        _ => right_only += 1,
                    }
                }
                let skipped = left_only * right_only
                    + both * (left_only + right_only)
                    + both * both.saturating_sub(1) / 2;
                self.skipped += skipped;
                self.large_buckets += u64::from(skipped > 0);
            }
        }
    }

    /// All pairs of forms at the threshold or above that share a bucket, in no order that matters.
    pub(super) fn run(self, threads: usize, tick: &mut Tick<'_>) -> Result<(Vec<Match>, Report)> {
        let tasks = self.tasks();
        let found = pool::map_items(
            threads,
            tasks.into_iter(),
            tick,
            Sets::default,
            |sets, task| Ok(self.compare(&task, sets)),
        )?;
        let report = Report {
            distinct: self.forms.len() as u64,
            split: self.split,
            candidates: found.iter().map(|(_, compared)| compared).sum(),
            large_buckets: self.large_buckets,
            skipped: self.skipped,
        };
        let matches = found.into_iter().flat_map(|(matches, _)| matches);
        Ok((matches.collect(), report))
    }

    /// Tasks of about equal cost.
    fn tasks(&self) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (band, buckets) in self.bands.iter().enumerate() {
            let (mut start, mut place, mut cost) = (0, 0, 0);
            for bucket in buckets.buckets() {
                for &form in bucket {
                    place += 1;
                    if !self.followers.follows(form, band) {
                        cost += bucket.len();
                    }
                    if cost >= PAIRS || place == buckets.forms.len() {
                        let places = start..place;
                        tasks.push(Task { band, places });
                        (start, cost) = (place, 0);
                    }
                }
            }
        }
        tasks
    }

    /// The matches of a task, and the number of pairs that were compared for it.
    fn compare(&self, task: &Task, sets: &mut Sets) -> (Vec<Match>, u64) {
        let band = &self.bands[task.band];
        let (mut matches, mut compared) = (Vec::new(), 0);
        for place in task.places.clone() {
            let form = band.forms[place];
            if self.followers.follows(form, task.band) {
                continue;
            }
            let mut size = None;
            for &other in &band.forms[band.around(place)] {
                if !self.is_due(form, other, task.band) {
                    continue;
                }
                compared += 1;
                let size = *size.get_or_insert_with(|| self.fill(form, &mut sets.own));
                if let Some(jaccard) = self.jaccard(size, other, sets) {
                    matches.push((form.min(other), form.max(other), jaccard));
                }
            }
        }
        (matches, compared)
    }

    /// Whether a form that leads its bucket is to be compared with `other` here: once for both, and in no earlier band.
    fn is_due(&self, form: u32, other: u32, band: usize) -> bool {
        let once = form < other || form != other && self.followers.follows(other, band);
        if !once || !self.sides.face(form, other) {
            return false;
        }
        let both_follow = self.followers.of(form) & self.followers.of(other);
        let hashes = self.hashes_of(form).iter().zip(self.hashes_of(other));
        let mut earlier = (0..band).zip(hashes);
        !earlier.any(|(band, (one, other))| one == other && both_follow >> band & 1 == 0)
    }

    fn hashes_of(&self, form: u32) -> &[u32] {
        let start = form as usize * self.split.bands;
        &self.hashes[start..start + self.split.bands]
    }

    /// The similarity of `other` to the form in `sets.own`, which has `size` shingles, if it reaches the threshold.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "counts are far below 2^53, and a similarity is given as float32"
    )]
    fn jaccard(&self, size: usize, other: u32, sets: &mut Sets) -> Option<f32> {
        let size_of_other = match self.sizes[other as usize].load(Ordering::Relaxed) {
            0 => self.fill(other, &mut sets.other),
            counted => counted as usize,
        };
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        let most = share(size.min(size_of_other), size.max(size_of_other));
        if most < self.options.threshold {
            return None;
        }
        let text = text(self.forms, other as usize);
        let shared = sets.own.shared(text, self.options.shingle_size);
        let jaccard = share(shared, size + size_of_other - shared);
        (jaccard >= self.options.threshold).then_some(jaccard as f32)
    }

    /// Fills `set` with the shingles of a form and notes their number.
    fn fill(&self, form: u32, set: &mut ShingleSet) -> usize {
        let text = text(self.forms, form as usize);
        let size = set.fill(text, self.options.shingle_size);
        let noted = u32::try_from(size).unwrap_or(0);
        self.sizes[form as usize].store(noted, Ordering::Relaxed);
        size
    }
}

fn text(forms: &Texts, form: usize) -> &str {
    let form = u32::try_from(form).ok();
    form.and_then(|form| forms.get(form)).unwrap_or_default()
}
