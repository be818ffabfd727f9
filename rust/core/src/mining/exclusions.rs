//! Documents that are never a query's negatives, whatever they score.

use crate::error::{Error, Result};
use crate::view::Groups;

/// The most exclusions of a search: the number of one is kept in 16 bits.
const MOST: usize = u16::MAX as usize;

/// A rule that turns away the documents whose class is in the query's list.
///
/// Known positives are one without classes; twins by text, near-duplicates and chunks of one document have classes.
#[derive(Debug, Clone, Copy)]
pub struct Exclusion<'a> {
    /// What the rule is called where what it turned away is counted.
    pub name: &'a str,
    /// The class of each document; `None` where a document is its own class, so that lists hold documents.
    pub classes: Option<&'a [u32]>,
    /// The classes that each query excludes.
    pub lists: Groups<'a>,
}

/// Every exclusion of a search, ready to be asked.
#[derive(Debug)]
pub(super) struct Excluded<'a> {
    rules: Vec<Rule<'a>>,
    first_document: u32,
}

#[derive(Debug)]
struct Rule<'a> {
    classes: Option<&'a [u32]>,
    lists: Lists,
}

impl<'a> Excluded<'a> {
    /// Checks the rules against the numbers of queries and documents. O(values x log(longest list)).
    pub(super) fn new(
        exclusions: &[Exclusion<'a>],
        queries: usize,
        documents: usize,
        first_document: u32,
    ) -> Result<Self> {
        if exclusions.len() > MOST {
            let rule = format!("be at most {MOST}");
            return Err(Error::argument("exclusions", rule, exclusions.len()));
        }
        for exclusion in exclusions {
            if exclusion.lists.len() != queries {
                let rule = format!("have one list for each of {queries} queries");
                let got = exclusion.lists.len();
                return Err(Error::argument(exclusion.name, rule, got));
            }
            if let Some(classes) = exclusion.classes.filter(|all| all.len() != documents) {
                let rule = format!("have one class for each of {documents} documents");
                return Err(Error::argument(exclusion.name, rule, classes.len()));
            }
        }
        let rule = |exclusion: &Exclusion<'a>| Rule {
            classes: exclusion.classes,
            lists: Lists::new(exclusion.lists),
        };
        Ok(Self {
            rules: exclusions.iter().map(rule).collect(),
            first_document,
        })
    }

    /// Whether no query excludes anything.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.iter().all(|rule| rule.lists.values.is_empty())
    }

    /// The first rule that turns a document away. O(rules x log(the query's list)).
    #[inline]
    pub(super) fn rule(&self, query: usize, document: u32) -> Option<u16> {
        (0..).zip(&self.rules).find_map(|(at, rule)| {
            let list = rule.lists.get(query);
            let class = match (list, rule.classes) {
                ([], _) => return None,
                (_, Some(classes)) => classes[document as usize],
                (_, None) => self.first_document + document,
            };
            let is_listed = match list {
                [only] => *only == class, // one positive is what most queries have
                list => list.binary_search(&class).is_ok(),
            };
            is_listed.then_some(at)
        })
    }
}

/// Lists of numbers, each ascending and distinct.
#[derive(Debug)]
struct Lists {
    offsets: Vec<usize>,
    values: Vec<u32>,
}

impl Lists {
    fn new(groups: Groups<'_>) -> Self {
        let mut offsets = Vec::with_capacity(groups.len() + 1);
        let mut values = Vec::with_capacity(groups.values().len());
        let mut list = Vec::new();
        offsets.push(0);
        for at in 0..groups.len() {
            list.clear();
            list.extend_from_slice(groups.get(at));
            list.sort_unstable();
            list.dedup();
            values.extend_from_slice(&list);
            offsets.push(values.len());
        }
        Self { offsets, values }
    }

    fn get(&self, list: usize) -> &[u32] {
        &self.values[self.offsets[list]..self.offsets[list + 1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_turns_away_is_named() -> Result<()> {
        let (near, far) = ([0, 3, 3], [0, 1, 2]);
        let classes = [7, 7, 9, 9];
        let exclusions = [
            Exclusion {
                name: "positive",
                classes: None,
                lists: Groups::new("p", &near, &[12, 10, 12], 14)?,
            },
            Exclusion {
                name: "group",
                classes: Some(&classes),
                lists: Groups::new("g", &far, &[7, 9], 10)?,
            },
        ];
        let excluded = Excluded::new(&exclusions, 2, 4, 10)?;
        let of = |query| [0, 1, 2, 3].map(|document| excluded.rule(query, document));
        assert_eq!(of(0), [Some(0), Some(1), Some(0), None]);
        assert_eq!(of(1), [None, None, Some(1), Some(1)]);
        assert!(!excluded.is_empty());
        assert!(Excluded::new(&[], 2, 4, 0)?.is_empty());
        Ok(())
    }

    #[test]
    fn lists_and_classes_fit_the_search() -> Result<()> {
        let classes = [1, 2, 3];
        let exclusion = Exclusion {
            name: "group",
            classes: Some(&classes),
            lists: Groups::new("group", &[0, 1], &[3], 4)?,
        };
        let told = |queries, documents| {
            let outcome = Excluded::new(&[exclusion], queries, documents, 0);
            outcome.err().map(|error| error.to_string())
        };
        assert_eq!(told(1, 3), None);
        assert_eq!(
            told(2, 3).as_deref(),
            Some("`group` must have one list for each of 2 queries, got 1")
        );
        assert_eq!(
            told(1, 4).as_deref(),
            Some("`group` must have one class for each of 4 documents, got 3")
        );
        Ok(())
    }
}
