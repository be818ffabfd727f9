//! How much each class gives: all that it has, so many of each anchor or class, or as many as another class.

use std::collections::BTreeMap;

use super::classes::Classes;
use super::index::Divisor;
use super::labels::Form;
use super::permutation::Domain;
use crate::error::{Error, Result};

/// How much every anchor or class gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// All that there is.
    All,
    /// So many of each anchor at most, none twice.
    PerAnchor(u64),
    /// So many of each class; from one that has fewer, each as often as any other or once more.
    PerClass(u64),
    /// As many of each class as the smallest has; none comes twice.
    Smallest,
    /// As many of each class as the largest has; none is left out.
    Largest,
}

/// What classes of one size have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Rows of the class.
    pub(super) size: Divisor,
    /// Tuples of an anchor.
    pub(super) per_anchor: Divisor,
    /// Rows that a tuple's last number is one of.
    pub(super) last: Divisor,
    /// The tuples of an anchor, in the order of a permutation.
    pub(super) domain: Domain,
    /// Tuples of the class.
    count: u128,
}

/// A class that gives tuples.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) first: u32,
    pub(super) shape: u32,
}

impl Shape {
    /// Of a class of `size` rows that ends at `end`, of `total`; `None` where it gives no tuple.
    fn new(form: Form, size: u64, end: u64, total: u64) -> Option<Self> {
        let (others, strangers) = (size.saturating_sub(1), total - size);
        let (per_anchor, last) = match form {
            Form::Triplets => (others * strangers, strangers),
            Form::SamePairs { .. } => (others, others),
            Form::DifferentPairs { is_ordered: true } => (strangers, strangers),
            Form::DifferentPairs { is_ordered: false } => (total - end, total - end),
        };
        let count = u128::from(size) * u128::from(per_anchor);
        let halved = matches!(form, Form::SamePairs { is_ordered: false });
        (count > 0).then(|| Self {
            size: Divisor::new(size),
            per_anchor: Divisor::new(per_anchor),
            last: Divisor::new(last),
            domain: Domain::new(per_anchor.into()),
            count: if halved { count / 2 } else { count },
        })
    }

    /// How many of its tuples a class gives where `share` is for each anchor or class by itself.
    fn given(&self, share: Share) -> u128 {
        match share {
            Share::PerAnchor(most) => {
                u128::from(self.size.value) * u128::from(most.min(self.per_anchor.value))
            }
            Share::PerClass(count) => count.into(),
            Share::All | Share::Smallest | Share::Largest => self.count,
        }
    }
}

/// The tuples that each class has and gives.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) members: Vec<Member>,
    pub(super) shapes: Vec<Shape>,
    pub(super) given: Vec<u128>,
    /// All that there are.
    pub(super) all: u128,
    /// Those that come, some perhaps more than once.
    pub(super) total: u128,
    /// Those that come in place of others of their class.
    pub(super) repeated: u128,
    /// Rows of classes that have an anchor.
    pub(super) anchors: u64,
}

impl Counts {
    pub(super) fn new(classes: &Classes, form: Form, share: Share) -> Result<Self> {
        check_share(form, share)?;
        let (mut members, mut shapes, mut known) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (mut anchors, mut all) = (0, 0);
        let by_place = matches!(form, Form::DifferentPairs { is_ordered: false });
        for (size, &[first, end]) in classes.sizes().zip(classes.starts.array_windows()) {
            let like = (size, if by_place { end } else { 0 });
            let shape = if let Some(&shape) = known.get(&like) {
                shape
            } else {
                let made = Shape::new(form, size, end.into(), classes.len());
                let place = made.map(|shape| {
                    shapes.push(shape);
                    shapes.len() - 1
                });
                if !by_place {
                    known.insert(like, place);
                }
                place
            };
            if form.has_anchors(size, classes.len()) {
                anchors += size;
            }
            if let Some(shape) = shape {
                all += shapes[shape].count;
                let shape = u32::try_from(shape).unwrap_or(u32::MAX);
                members.push(Member { first, shape });
            }
        }
        let counts = members.iter().map(|member| &shapes[member.shape as usize]);
        let level = match share {
            Share::Smallest => counts.clone().map(|shape| shape.count).min(),
            Share::Largest => counts.clone().map(|shape| shape.count).max(),
            _ => None,
        };
        let given = |shape: &Shape| level.unwrap_or_else(|| shape.given(share));
        let repeated = counts
            .clone()
            .map(|shape| given(shape).saturating_sub(shape.count))
            .sum();
        let given: Vec<u128> = counts.map(given).collect();
        let total = given.iter().try_fold(0u128, |sum, &count| {
            sum.checked_add(count).filter(|&sum| sum <= 1 << 126)
        });
        let Some(total) = total else {
            let got = format!("{} classes", members.len());
            return Err(Error::argument("share", "make at most 2^126 tuples", got));
        };
        Ok(Self {
            members,
            shapes,
            given,
            all,
            total,
            repeated,
            anchors,
        })
    }
}

fn check_share(form: Form, share: Share) -> Result<()> {
    let name = match share {
        Share::All => return Ok(()),
        Share::PerAnchor(most) => {
            if most == 0 {
                return Err(Error::argument("max_per_anchor", "be at least 1", most));
            }
            "max_per_anchor"
        }
        Share::PerClass(count) => {
            if count == 0 {
                return Err(Error::argument("per_class", "be at least 1", count));
            }
            "per_class"
        }
        Share::Smallest | Share::Largest => "per_class",
    };
    let is_ordered = !matches!(
        form,
        Form::SamePairs { is_ordered: false } | Form::DifferentPairs { is_ordered: false }
    );
    if is_ordered {
        return Ok(());
    }
    let rule = "be for ordered pairs, in which each row is the anchor of its own";
    Err(Error::argument(name, rule, "unordered ones"))
}
