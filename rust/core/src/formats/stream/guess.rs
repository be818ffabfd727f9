//! What the texts of CSV and TSV are, found out and read on the workers.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, LargeStringArray};
use arrow_select::filter::filter;

use super::OnError;
use super::bad::Bad;
use super::node::Leaf;
use super::sheet::RecordTexts;
use crate::error::{Error, Result};
use crate::formats::convert::{Numeric, fraction, whole};
use crate::formats::table::Lines;

/// What the texts of a column could be read as; empty ones say nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    numeric: Numeric,
    is_filled: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            numeric: Numeric::ALL,
            is_filled: false,
        }
    }
}

impl Guess {
    pub(super) fn of(texts: &LargeStringArray) -> Self {
        let mut guess = Self::default();
        for text in texts.iter().flatten().filter(|text| !text.is_empty()) {
            guess.is_filled = true;
            guess.numeric = guess.numeric.of(text);
            if guess.numeric == Numeric::NONE {
                break;
            }
        }
        guess
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            numeric: self.numeric.and(other.numeric),
            is_filled: self.is_filled || other.is_filled,
        }
    }

    pub(super) fn leaf(self) -> Leaf {
        match self.numeric {
            Numeric { whole: true, .. } if self.is_filled => Leaf::Int,
            Numeric { fraction: true, .. } if self.is_filled => Leaf::Float,
            _ => Leaf::Text,
        }
    }
}

/// Texts as values; an empty text is a null where the values are no texts. With the rows that are none.
fn parse(texts: &LargeStringArray, leaf: Leaf, is_strict: bool) -> (ArrayRef, Vec<usize>) {
    fn each<T>(
        texts: &LargeStringArray,
        bad: &mut Vec<usize>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<Option<T>> {
        let read = |(row, text): (usize, Option<&str>)| {
            let text = text.filter(|text| !text.is_empty())?;
            let value = read(text);
            if value.is_none() {
                bad.push(row);
            }
            value
        };
        texts.iter().enumerate().map(read).collect()
    }
    let mut bad = Vec::new();
    // A type that the caller gives takes any spelling of a number.
    let array: ArrayRef = match leaf {
        Leaf::Int if is_strict => Arc::new(Int64Array::from(each(texts, &mut bad, whole))),
        Leaf::Int => Arc::new(Int64Array::from(each(texts, &mut bad, |text| {
            text.parse().ok()
        }))),
        Leaf::Float if is_strict => Arc::new(Float64Array::from(each(texts, &mut bad, fraction))),
        Leaf::Float => {
            let read = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
            Arc::new(Float64Array::from(each(texts, &mut bad, read)))
        }
        Leaf::Bool => {
            let read = |text: &str| match text {
                "true" | "True" | "1" => Some(true),
                "false" | "False" | "0" => Some(false),
                _ => None,
            };
            Arc::new(BooleanArray::from(each(texts, &mut bad, read)))
        }
        Leaf::Null | Leaf::Text => Arc::new(texts.clone()),
    };
    (array, bad)
}

/// Records with the types that their columns have.
pub(super) struct Typed {
    pub(super) names: Vec<String>,
    pub(super) arrays: Vec<ArrayRef>,
    pub(super) lines: Lines,
    pub(super) rows: usize,
    pub(super) bad: Bad,
}

impl RecordTexts {
    pub(super) fn typed(
        self,
        file: &Path,
        on_error: OnError,
        leaf: impl Fn(&str) -> (Leaf, bool),
    ) -> Result<Typed> {
        let (mut names, mut arrays, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        for (name, texts) in self.names.iter().zip(&self.texts) {
            let Some(texts) = texts else { continue };
            let (leaf, is_given) = leaf(name);
            let (array, bad) = parse(texts, leaf, !is_given);
            faults.extend(bad.into_iter().map(|row| {
                let line = self.lines.get(row).unwrap_or_default();
                let got = texts.value(row);
                let message = format!("must be {}, got `{got:.80}`", leaf.named());
                (row, line, Error::data_cell(file, line, name, message))
            }));
            names.push(name.clone());
            arrays.push(array);
        }
        let mut typed = Typed {
            names,
            arrays,
            lines: self.lines,
            rows: self.rows,
            bad: self.bad,
        };
        if !faults.is_empty() {
            faults.sort_by_key(|(row, ..)| *row);
            faults.dedup_by_key(|(row, ..)| *row);
            let mut is_good = vec![true; typed.rows];
            for (row, line, error) in faults {
                is_good[row] = false;
                typed.bad.skip(on_error, line, error)?;
            }
            typed.keep(file, &is_good)?;
        }
        Ok(typed)
    }

    /// The guess for each column.
    pub(super) fn guesses(&self) -> Vec<Option<Guess>> {
        let texts = self.texts.iter();
        texts.map(|texts| texts.as_ref().map(Guess::of)).collect()
    }
}

impl Typed {
    fn keep(&mut self, file: &Path, is_good: &[bool]) -> Result<()> {
        let mask = BooleanArray::from(is_good.to_vec());
        for array in &mut self.arrays {
            *array = filter(array, &mask).map_err(|error| {
                Error::data(file, format!("must fit into Arrow arrays, got {error}"))
            })?;
        }
        let mut lines = Lines::default();
        let good = (0..is_good.len()).filter(|&row| is_good[row]);
        for (to, from) in good.enumerate() {
            lines.push(to, self.lines.get(from).unwrap_or_default());
        }
        self.rows = mask.values().count_set_bits();
        self.lines = lines;
        Ok(())
    }
}
