//! What the values of a column are, counted: all that a first pass over text files keeps.
//!
//! Counts add up, so that the answer does not depend on how a file is cut into blocks.

use std::collections::HashMap;

use super::node::{Leaf, Node};
use crate::formats::convert::clash;

/// Where a value stands: the file, its line, and the value's turn in it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: u32,
    pub(super) line: u64,
    pub(super) turn: u32,
}

/// The kinds of a value that is not null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    /// A whole number beyond 64 bits with a sign.
    Long,
    Float,
    Text,
    List,
    Object,
}

const TOO_LONG: &str = "must hold whole numbers below 2^63, got a larger one\nhint: write them as texts, or read them rounded, as `float64` in `types`";
const KINDS: usize = 7;

#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    count: u64,
    /// Of the first, where there is one.
    first: Place,
}

/// The kinds of the values of a column, or of the items of its lists.
#[derive(Debug, Default)]
pub(super) struct Shape {
    seen: [Seen; KINDS],
    items: Option<Box<Shape>>,
    keys: Option<Box<Keys>>,
}

/// Names, in the order in which they come first, and what stands under them.
#[derive(Debug, Default)]
pub(super) struct Keys {
    names: Vec<String>,
    places: HashMap<String, usize>,
    shapes: Vec<Shape>,
    /// In how many rows each name is.
    counts: Vec<u64>,
    /// The row, as the reader counts, in which each name was last.
    rows: Vec<u64>,
}

/// Why a column cannot be held.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) path: String,
    pub(super) place: Option<Place>,
    pub(super) message: String,
}

/// What decides the kind of a column that holds several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// The column is refused.
    Same,
    /// The kind that most values have; of equal numbers the one that comes first.
    Most,
    /// None where texts are among them, alone or in lists: it is a column of several kinds, with the reason. Another one
    /// is refused.
    Mixed,
}

/// How the types of columns are settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settling {
    pub(super) rule: Rule,
    /// Whether objects are columns.
    pub(super) is_nested: bool,
    /// Whether whole numbers beyond 64 bits become fractions also where there is none: as long as not all is seen.
    pub(super) rounds: bool,
}

impl Shape {
    /// Counts a value, or with `is_undone` takes it back.
    pub(super) fn see(&mut self, kind: Kind, place: Place, is_undone: bool) {
        let seen = &mut self.seen[kind as usize];
        if is_undone {
            seen.count -= 1;
            return;
        }
        if seen.count == 0 {
            seen.first = place;
        }
        seen.count += 1;
    }

    pub(super) fn items(&mut self) -> &mut Self {
        self.items.get_or_insert_default()
    }

    pub(super) fn keys(&mut self) -> &mut Keys {
        self.keys.get_or_insert_default()
    }

    /// Whether a value, or an item of one that is a list, is a text.
    fn has_texts(&self) -> bool {
        let items = self.items.as_deref();
        let has = |shape: &Self| shape.count(&[Kind::Text]) > 0;
        has(self) || items.is_some_and(has)
    }

    /// Adds what comes after.
    fn merge(&mut self, later: Self) {
        for (seen, other) in self.seen.iter_mut().zip(later.seen) {
            if seen.count == 0 {
                seen.first = other.first;
            }
            seen.count += other.count;
        }
        if let Some(items) = later.items {
            self.items().merge(*items);
        }
        if let Some(keys) = later.keys {
            self.keys().merge(*keys);
        }
    }

    fn count(&self, class: &[Kind]) -> u64 {
        class
            .iter()
            .map(|&kind| self.seen[kind as usize].count)
            .sum()
    }

    fn first(&self, class: &[Kind]) -> Option<Place> {
        let seen = class.iter().map(|&kind| self.seen[kind as usize]);
        seen.filter(|seen| seen.count > 0)
            .map(|seen| seen.first)
            .min()
    }

    /// The type that holds the values, or the first value in the way of it.
    fn settle(
        &self,
        how: Settling,
        path: &str,
        depth: usize,
        refused: &mut Vec<Refusal>,
    ) -> Result<Node, (Place, String)> {
        const CLASSES: [(&[Kind], &str); 5] = [
            (&[Kind::Bool], "a truth value"),
            (&[Kind::Int, Kind::Long, Kind::Float], "a number"),
            (&[Kind::Text], "a text"),
            (&[Kind::List], "a list"),
            (&[Kind::Object], "an object"),
        ];
        let mut found: Vec<(Place, &[Kind], &str)> = CLASSES
            .iter()
            .filter_map(|&(class, named)| Some((self.first(class)?, class, named)))
            .collect();
        found.sort_by_key(|&(place, ..)| place);
        if how.rule == Rule::Most {
            // Stable: of equal numbers the first stays before.
            found.sort_by_key(|(_, class, _)| std::cmp::Reverse(self.count(class)));
            found.truncate(1);
        }
        let Some(&(place, class, named)) = found.first() else {
            return Ok(Node::Leaf(Leaf::Null));
        };
        let mut faults = Vec::new();
        let objects = found.iter().find(|(_, class, _)| class[0] == Kind::Object);
        if let Some((place, ..)) = objects.filter(|_| !how.is_nested) {
            let message = "must be text, number, truth value or a list of these, got an object";
            faults.push((*place, message.to_owned()));
        }
        if let Some((place, _, got)) = found.get(1) {
            faults.push((*place, clash(named, got, depth)));
        }
        let settled = match class[0] {
            Kind::Bool => Ok(Node::Leaf(Leaf::Bool)),
            Kind::Int | Kind::Long | Kind::Float => {
                let has_fraction = self.count(&[Kind::Float]) > 0;
                match self.first(&[Kind::Long]) {
                    Some(place) if !has_fraction && !how.rounds => {
                        Err((place, TOO_LONG.to_owned()))
                    }
                    None if !has_fraction => Ok(Node::Leaf(Leaf::Int)),
                    _ => Ok(Node::Leaf(Leaf::Float)),
                }
            }
            Kind::Text => Ok(Node::Leaf(Leaf::Text)),
            Kind::List => {
                let none = Shape::default();
                let items = self.items.as_deref().unwrap_or(&none);
                let inner = items.settle(how, path, depth + 1, refused);
                inner.map(|item| Node::List(Box::new(item)))
            }
            Kind::Object if !how.is_nested => Err((place, String::new())),
            Kind::Object => {
                let none = Keys::default();
                let keys = self.keys.as_deref().unwrap_or(&none);
                Ok(Node::Object(keys.settle(how, path, refused)))
            }
        };
        match settled {
            Err(fault) => faults.push(fault),
            Ok(node) if faults.is_empty() => return Ok(node),
            Ok(_) => {}
        }
        // Of two faults the one that comes first; the sort is stable.
        faults.retain(|(_, message)| !message.is_empty());
        faults.sort_by_key(|&(place, _)| place);
        Err(faults.swap_remove(0))
    }
}

impl Keys {
    /// The place of a name, which is likely `guess`.
    pub(super) fn place(&mut self, name: &str, guess: usize) -> usize {
        if self.names.get(guess).is_some_and(|other| other == name) {
            return guess;
        }
        self.places.get(name).copied().unwrap_or_else(|| {
            self.places.insert(name.into(), self.names.len());
            self.names.push(name.into());
            self.shapes.push(Shape::default());
            self.counts.push(0);
            self.rows.push(0);
            self.names.len() - 1
        })
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    pub(super) fn shape(&mut self, at: usize) -> &mut Shape {
        &mut self.shapes[at]
    }

    /// Counts a name in a row; false where it was in that row before.
    pub(super) fn enter(&mut self, at: usize, row: u64, is_undone: bool) -> bool {
        if std::mem::replace(&mut self.rows[at], row) == row {
            return false;
        }
        if is_undone {
            self.counts[at] -= 1;
        } else {
            self.counts[at] += 1;
        }
        true
    }

    pub(super) fn merge(&mut self, later: Self) {
        let shapes = later.shapes.into_iter().zip(later.counts);
        for (name, (shape, count)) in later.names.into_iter().zip(shapes) {
            let at = self.place(&name, usize::MAX);
            self.shapes[at].merge(shape);
            self.counts[at] += count;
        }
    }

    /// The type of each name; what cannot be held is `None`, with the reason in `refused`; so is that of several kinds.
    pub(super) fn settle(
        &self,
        how: Settling,
        path: &str,
        refused: &mut Vec<Refusal>,
    ) -> Vec<(String, Option<Node>)> {
        let mut settled = Vec::new();
        for (at, name) in self.names.iter().enumerate() {
            if self.counts[at] == 0 {
                continue;
            }
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let node = self.shapes[at].settle(how, &path, 0, refused);
            let refuse = |(place, message)| {
                let place = Some(place);
                refused.push(Refusal {
                    path,
                    place,
                    message,
                });
                let is_mixed = how.rule == Rule::Mixed && self.shapes[at].has_texts();
                is_mixed.then_some(Node::Mixed)
            };
            let node = node.map_or_else(refuse, Some);
            settled.push((name.clone(), node));
        }
        settled
    }
}
