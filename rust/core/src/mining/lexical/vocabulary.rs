//! Terms: how a text is cut into them, and a number for each.

use hashbrown::HashTable;
use twox_hash::XxHash3_64;

use crate::texts::normalized;

/// Calls `each` with every term of `text`: the longest runs of alphanumeric characters (Unicode's Alphabetic or a number)
/// of its [`normalized`] form. `torch.nn_Module` has the terms `torch`, `nn` and `module`.
pub(super) fn for_each_term(text: &str, mut each: impl FnMut(&str)) {
    let form = normalized(text);
    for term in form.split(|letter: char| !letter.is_alphanumeric()) {
        if !term.is_empty() {
            each(term);
        }
    }
}

/// Distinct terms, numbered in the order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    letters: String,
    /// Where each term ends in `letters`.
    ends: Vec<usize>,
    table: HashTable<u32>,
}

impl Vocabulary {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn terms(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|number| term(&self.letters, &self.ends, number))
    }

    /// The number of `wanted`, a new one if need be.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a corpus of fewer than 2^32 distinct terms: more would not fit into memory"
    )]
    pub(super) fn intern(&mut self, wanted: &str) -> u32 {
        let (letters, ends) = (&self.letters, &self.ends);
        let text = |number: &u32| term(letters, ends, *number as usize);
        let entry = self.table.entry(
            hash(wanted),
            |number| text(number) == wanted,
            |number| hash(text(number)),
        );
        let number = *entry.or_insert(self.ends.len() as u32).get();
        if number as usize == self.ends.len() {
            self.letters.push_str(wanted);
            self.ends.push(self.letters.len());
        }
        number
    }

    /// The number of `wanted`, if it has one.
    pub(super) fn get(&self, wanted: &str) -> Option<u32> {
        let equal = |number: &u32| term(&self.letters, &self.ends, *number as usize) == wanted;
        self.table.find(hash(wanted), equal).copied()
    }
}

fn term<'a>(letters: &'a str, ends: &[usize], number: usize) -> &'a str {
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &letters[start..ends[number]]
}

fn hash(term: &str) -> u64 {
    XxHash3_64::oneshot(term.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_folded_alphanumeric_runs() {
        let cases: [(&str, &[&str]); 6] = [
            ("torch.nn_Module(x2)", &["torch", "nn", "module", "x2"]),
            ("  -- \t", &[]),
            ("CAFE\u{301} Straße ﬁne", &["café", "strasse", "fine"]),
            ("don't e-mail", &["don", "t", "e", "mail"]),
            ("東京 １２", &["東京", "12"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            let mut found = Vec::new();
            for_each_term(text, |term| found.push(term.to_owned()));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_follow_first_appearance() {
        let mut vocabulary = Vocabulary::default();
        let words = ["b", "a", "b", "c", "a"];
        let numbers: Vec<u32> = words.iter().map(|word| vocabulary.intern(word)).collect();
        assert_eq!(numbers, [0, 1, 0, 2, 1]);
        assert!(vocabulary.terms().eq(["b", "a", "c"]));
        assert_eq!((vocabulary.get("c"), vocabulary.get("d")), (Some(2), None));
    }
}
