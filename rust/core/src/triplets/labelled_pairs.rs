//! Pairs of one class and of two together, each with what it is: 1 or 0.

use super::classes::{Classes, Labels};
use super::counts::{Counts, Share};
use super::index::Index;
use super::labels::{Form, Report};
use super::permutation::Permutation;
use super::set::Set;
use super::take::{Draws, Numbered, Order, Places, Tuples};
use crate::error::{Error, Result};
use crate::tick::Tick;

#[derive(Debug)]
struct Both<I> {
    /// Those with the label 0, then those with 1.
    sets: [Set<I>; 2],
    /// Of each label so many; `None` where all come once.
    per_label: Option<u128>,
}

/// Pairs of rows, and 1 where both are of one class, else 0, as an implicit array.
///
/// In their own order all pairs of one class come first; where every label gives as many, they take turns.
#[derive(Debug)]
pub struct LabelledPairs {
    pairs: Numbered<Both<u64>, Both<u128>>,
    report: Report,
}

impl LabelledPairs {
    /// Pairs of all rows; where `share` is of labels, as many with 1 as with 0. O(rows + classes log classes).
    ///
    /// # Errors
    /// As [`LabelTuples::new`](super::LabelTuples::new); [`Error::Argument`] for a share of anchors.
    pub fn new(
        labels: Labels<'_>,
        is_ordered: bool,
        share: Share,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        let classes = Classes::new(labels, tick)?;
        let forms = [
            Form::DifferentPairs { is_ordered },
            Form::SamePairs { is_ordered },
        ];
        let [zero, one] = forms.map(|form| Counts::new(&classes, form, Share::All));
        let (zero, one) = (zero?, one?);
        let all = [zero.all, one.all];
        let per_label = per_label(share, all)?;
        let given = all.map(|all| per_label.unwrap_or(all));
        let beyond = |from: [u128; 2], what: [u128; 2]| {
            from[0].saturating_sub(what[0]) + from[1].saturating_sub(what[1])
        };
        let mut report = Report::new(
            &classes,
            if zero.anchors > one.anchors {
                &zero
            } else {
                &one
            },
        );
        report.all = all[0] + all[1];
        report.repeated = beyond(given, all);
        report.left_out = beyond(all, given);
        let ids = classes.ids.clone();
        let pairs = if u64::try_from(given[0] + given[1]).is_ok()
            && all.iter().all(|&all| u64::try_from(all).is_ok())
        {
            Numbered::Narrow(Both::new(forms, [zero, one], [ids, classes.ids], per_label))
        } else {
            Numbered::Wide(Both::new(forms, [zero, one], [ids, classes.ids], per_label))
        };
        Ok(Self { pairs, report })
    }

    /// How many pairs come.
    pub fn len(&self) -> u128 {
        self.pairs.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the labels give.
    pub fn report(&self) -> Report {
        self.report
    }

    /// Two rows and a label for each of `places` of `order`. O(places).
    ///
    /// # Errors
    /// As [`LabelTuples::take`](super::LabelTuples::take).
    pub fn take(
        &self,
        places: &Places<'_>,
        order: Order,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Vec<u32>> {
        self.pairs.take(places, order, threads, tick)
    }
}

/// How many pairs each label gives; `None` for all.
fn per_label(share: Share, all: [u128; 2]) -> Result<Option<u128>> {
    let per_label = match share {
        Share::All => return Ok(None),
        Share::PerAnchor(most) => {
            let rule = "be None for pairs of both labels";
            return Err(Error::argument("max_per_anchor", rule, most));
        }
        Share::PerClass(0) => return Err(Error::argument("per_label", "be at least 1", 0)),
        Share::PerClass(count) => count.into(),
        Share::Smallest => all[0].min(all[1]),
        Share::Largest => all[0].max(all[1]),
    };
    if all[0] == 0 || all[1] == 0 {
        let got = format!("{} pairs with 0 and {} with 1", all[0], all[1]);
        return Err(Error::argument(
            "labels",
            "make pairs of both kinds where each gives as many",
            got,
        ));
    }
    Ok(Some(per_label))
}

impl<I: Index> Both<I> {
    fn new(
        forms: [Form; 2],
        counts: [Counts; 2],
        ids: [Vec<u32>; 2],
        per_label: Option<u128>,
    ) -> Self {
        let ([form, other], [count, next], [id, more]) = (forms, counts, ids);
        let sets = [
            Set::new(form, Share::All, id, count),
            Set::new(other, Share::All, more, next),
        ];
        Self { sets, per_label }
    }
}

impl<I: Index> Tuples<I> for Both<I> {
    fn len(&self) -> u128 {
        let all = self.sets[0].end() + self.sets[1].end();
        self.per_label.map_or(all, |count| count * 2)
    }

    fn width(&self) -> usize {
        3
    }

    fn write(&self, draws: &Draws, numbers: &[I], out: &mut [u32]) {
        let drawn = |label: u8| {
            let len = self.sets[usize::from(label)].end();
            Permutation::new(len, draws.key.fold(label.into())).ok()
        };
        let orders = self.per_label.and_then(|_| Some([drawn(0)?, drawn(1)?]));
        let ones = self.sets[1].end();
        for (&number, out) in numbers.iter().zip(out.as_chunks_mut().0) {
            let number = number.wide();
            let (label, number) = match &orders {
                Some(orders) => {
                    let label = 1 - usize::from(number % 2 == 1);
                    let place = number / 2 % self.sets[label].end();
                    (label, orders[label].at(I::from_wide(place)))
                }
                None if number < ones => (1, I::from_wide(number)),
                None => (0, I::from_wide(number - ones)),
            };
            let [first, second, _] = self.sets[label].tuple(draws, number);
            *out = [first, second, u32::from(label == 1)];
        }
    }
}
