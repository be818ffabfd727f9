//! The columns of a stream while its files are looked at.

use std::collections::{HashMap, HashSet};

use super::fit::{name_of, plain};
use super::node::Flat;
use crate::formats::convert::unify;

/// The columns of all files, in order of first appearance.
#[derive(Default)]
pub(super) struct Columns {
    /// With whether a typed file has said so.
    pub(super) kinds: Vec<(Flat, bool)>,
    /// Of JSON.
    pub(super) names: HashSet<String>,
    pub(super) metadata: HashMap<String, String>,
}

/// What came of adding a column.
pub(super) struct Added(Result<(), String>);

impl Added {
    /// Nothing is wrong where the type is given.
    pub(super) fn filter(self, is_given: bool) -> Result<(), String> {
        if is_given { Ok(()) } else { self.0 }
    }
}

impl Columns {
    /// Adds a column, whose type must go with that of the same name.
    pub(super) fn add(&mut self, flat: Flat, is_typed: bool) -> Added {
        let same = |(other, _): &&mut (Flat, bool)| name_of(&other.path) == name_of(&flat.path);
        let Some((before, was_typed)) = self.kinds.iter_mut().find(same) else {
            self.kinds.push((flat, is_typed));
            return Added(Ok(()));
        };
        if *was_typed && is_typed && before.kind == flat.kind {
            return Added(Ok(()));
        }
        let outcome = unify(&plain(&before.kind), &plain(&flat.kind), 0);
        let outcome = outcome.map(|kind| before.kind = kind);
        Added(outcome.map_err(|message| message.replace("the rows before", "other files")))
    }
}
