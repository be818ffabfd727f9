//! The tuples of classes: which one is number i.
//!
//! Every form but one is a rectangle: a class of n rows has n anchors, each with as many tuples as any other, so number q
//! of the class is tuple `q % per_anchor` of anchor `q / per_anchor`. The exception are pairs of one class in no order.

use super::counts::{Counts, Member, Shape, Share};
use super::index::Index;
use super::labels::Form;
use super::search::Search;
use super::take::{Draws, Tuples};

/// The tuples of all classes, one class after another.
#[derive(Debug)]
pub(super) struct Set<I> {
    form: Form,
    /// Whether classes give a share that is drawn.
    is_drawn: bool,
    ids: Vec<u32>,
    members: Vec<Member>,
    shapes: Vec<Shape>,
    search: Search<I>,
}

impl<I: Index> Set<I> {
    /// How many tuples there are.
    pub(super) fn end(&self) -> u128 {
        self.search.end()
    }

    pub(super) fn new(form: Form, share: Share, ids: Vec<u32>, counts: Counts) -> Self {
        Self {
            form,
            is_drawn: share != Share::All,
            ids,
            members: counts.members,
            shapes: counts.shapes,
            search: Search::new(counts.given.into_iter()),
        }
    }

    /// Tuple `number`: anchor, then the positive or the other row, then the negative.
    pub(super) fn tuple(&self, draws: &Draws, number: I) -> [u32; 3] {
        self.places(draws, number)
            .map(|place| self.ids[place as usize])
    }

    /// Where the rows of tuple `number` lie.
    #[expect(
        clippy::inline_always,
        reason = "numbers that return through memory one by one and are read as pairs wait for their stores"
    )]
    #[inline(always)]
    fn places(&self, draws: &Draws, number: I) -> [u32; 3] {
        let (class, into) = self.search.find(number);
        let member = self.members[class];
        let shape = &self.shapes[member.shape as usize];
        let first = u64::from(member.first);
        if self.form == (Form::SamePairs { is_ordered: false }) {
            return folded(shape, first, into);
        }
        let (anchor, rest) = if self.is_drawn {
            drawn(draws, class, shape, first, into)
        } else {
            let (anchor, rest) = into.divide(shape.per_anchor);
            (anchor.low(), rest)
        };
        self.of_anchor(shape, first, anchor, rest)
    }

    /// Tuple `rest` of those of row `anchor` of a class.
    #[inline]
    fn of_anchor(&self, shape: &Shape, first: u64, anchor: u64, rest: u64) -> [u32; 3] {
        let size = shape.size.value;
        // The rows but one, and the rows but those of a class: those after the gap come by its length later.
        let same = |place: u64| first + place + u64::from(place >= anchor);
        let stranger = |place: u64| place + if place >= first { size } else { 0 };
        let (second, third) = match self.form {
            Form::Triplets => {
                let (positive, negative) = shape.last.divide(rest);
                (same(positive), stranger(negative))
            }
            Form::SamePairs { .. } => (same(rest), 0),
            Form::DifferentPairs { is_ordered: true } => (stranger(rest), 0),
            Form::DifferentPairs { is_ordered: false } => (first + size + rest, 0),
        };
        [first + anchor, second, third].map(narrow)
    }
}

/// Pair `number` of a class in no order: columns of a triangle, the last beside the first, make rows of one length.
#[inline]
fn folded<I: Index>(shape: &Shape, first: u64, number: I) -> [u32; 3] {
    let size = shape.size.value;
    let (row, place) = number.divide(shape.size);
    let (row, long) = (row.low(), size - 1 - row.low());
    let (low, high) = if place < long {
        (place, long)
    } else {
        (place - long, row + 1)
    };
    [narrow(first + low), narrow(first + high), 0]
}

/// A place of at most `u32` rows.
#[inline]
fn narrow(place: u64) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The anchor of a class and which of its tuples come as number `number` of those that the class gives.
///
/// The anchors take turns, from one that the key decides; what an anchor gives is in an order of its own. So any two
/// anchors of a class come equally often or one of them once more, and so do an anchor's tuples.
#[inline]
fn drawn<I: Index>(
    draws: &Draws,
    class: usize,
    shape: &Shape,
    first: u64,
    number: I,
) -> (u64, u64) {
    let size = shape.size.value;
    let (turn, place) = number.divide(shape.size);
    let shift = (u128::from(draws.key.bits(class as u64)) * u128::from(size)) >> 64;
    let anchor = shape.size.divide(place + I::from_wide(shift).low()).1;
    let turn = shape.per_anchor.divide(turn.low()).1;
    // The numbers of classes lie far from those of rows.
    let tweak = draws.key.bits(!(first + anchor));
    (anchor, draws.rounds.permute(&shape.domain, tweak, turn))
}

impl<I: Index> Tuples<I> for Set<I> {
    fn len(&self) -> u128 {
        self.search.end()
    }

    fn width(&self) -> usize {
        self.form.width()
    }

    fn write(&self, draws: &Draws, numbers: &[I], out: &mut [u32]) {
        if self.width() == 3 {
            for (&number, out) in numbers.iter().zip(out.as_chunks_mut().0) {
                *out = self.places(draws, number);
            }
        } else {
            for (&number, out) in numbers.iter().zip(out.as_chunks_mut().0) {
                let [first, second, _] = self.places(draws, number);
                *out = [first, second];
            }
        }
        // Apart from the search, so that many of these loads wait together.
        for place in out {
            *place = self.ids[*place as usize];
        }
    }

    fn write_run(&self, start: I, out: &mut [u32]) -> bool {
        if self.is_drawn || self.form != Form::Triplets || out.is_empty() {
            return false;
        }
        let (mut class, into) = self.search.find(start);
        let (mut anchor, mut rest) = {
            let shape = &self.shapes[self.members[class].shape as usize];
            let (anchor, rest) = into.divide(shape.per_anchor);
            (anchor.low(), rest)
        };
        let mut out = out;
        while !out.is_empty() {
            let member = self.members[class];
            let shape = &self.shapes[member.shape as usize];
            let first = u64::from(member.first);
            let [a, p, _] = self.of_anchor(shape, first, anchor, rest);
            let (a, p) = (self.ids[a as usize], self.ids[p as usize]);
            let (_, negative) = shape.last.divide(rest);
            // To the class of the anchor, or from behind it: neighbours in memory.
            let (from, to) = if negative < first {
                (negative, first)
            } else {
                (negative + shape.size.value, self.ids.len() as u64)
            };
            let ids = &self.ids[usize::try_from(from).unwrap_or(0)..];
            let count = ids
                .len()
                .min(usize::try_from(to - from).unwrap_or(0))
                .min(out.len() / 3);
            let (now, later) = out.split_at_mut(count * 3);
            for (out, &n) in now.as_chunks_mut().0.iter_mut().zip(ids) {
                *out = [a, p, n];
            }
            out = later;
            rest += count as u64;
            if rest == shape.per_anchor.value {
                (anchor, rest) = (anchor + 1, 0);
                if anchor == shape.size.value {
                    (class, anchor) = (class + 1, 0);
                }
            }
        }
        true
    }
}
