//! The few types that a table holds, which of them holds values of two, and which texts are numbers.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef};

/// The largest whole number up to which all have a `Float64` of their own.
const EXACT: u64 = 1 << 53;

pub(super) fn item(kind: DataType) -> FieldRef {
    Arc::new(Field::new("item", kind, true))
}

/// What can hold both kinds, which lie in `depth` lists; or what is said where nothing can.
pub(super) fn unify(a: &DataType, b: &DataType, depth: usize) -> Result<DataType, String> {
    use DataType::{Float64, Int64, LargeList, Null};
    Ok(match (a, b) {
        (Null, kind) | (kind, Null) => kind.clone(),
        (Int64, Float64) | (Float64, Int64) => Float64,
        (LargeList(a), LargeList(b)) => {
            LargeList(item(unify(a.data_type(), b.data_type(), depth + 1)?))
        }
        (a, b) if a == b => a.clone(),
        (a, b) => return Err(clash(named(a), named(b), depth)),
    })
}

pub(super) fn clash(expected: &str, got: &str, depth: usize) -> String {
    match depth {
        0 => format!("must be {expected} as in the rows before, got {got}"),
        _ => format!("must be a list in which each is {expected} as in the rows before, got {got}"),
    }
}

fn named(kind: &DataType) -> &'static str {
    match kind {
        DataType::Null => "null",
        DataType::Boolean => "a truth value",
        DataType::Int64 | DataType::Float64 => "a number",
        DataType::LargeList(_) => "a list",
        _ => "a text",
    }
}

/// What the texts of a column could all be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numeric {
    pub(super) whole: bool,
    pub(super) fraction: bool,
}

impl Numeric {
    pub(super) const NONE: Self = Self {
        whole: false,
        fraction: false,
    };
    pub(super) const ALL: Self = Self {
        whole: true,
        fraction: true,
    };

    pub(super) fn and(self, other: Self) -> Self {
        Self {
            whole: self.whole && other.whole,
            fraction: self.fraction && other.fraction,
        }
    }

    pub(super) fn of(self, text: &str) -> Self {
        if self == Self::NONE {
            return self;
        }
        let number = whole(text);
        let exact = |number: i64| number.unsigned_abs() <= EXACT;
        self.and(Self {
            whole: number.is_some(),
            fraction: number.map_or_else(|| fraction(text).is_some(), exact),
        })
    }
}

/// A whole number in its one usual spelling, so that no text changes when it is written again.
pub(super) fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_usual = digits == "0" && digits.len() == text.len()
        || digits.starts_with(|first: char| ('1'..='9').contains(&first));
    is_usual.then(|| text.parse().ok()).flatten()
}

/// A number as JSON spells it; a whole number past [`EXACT`] is none.
pub(super) fn fraction(text: &str) -> Option<f64> {
    let is_trimmed = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let number = is_trimmed
        .then(|| serde_json::from_str(text).ok())
        .flatten()?;
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_exact = !is_whole || digits.parse().is_ok_and(|whole: u64| whole <= EXACT);
    is_exact.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_keep_their_spelling_or_their_value() {
        for text in ["0", "7", "-12", "9223372036854775807"] {
            assert_eq!(
                whole(text).map(|number| number.to_string()).as_deref(),
                Some(text)
            );
        }
        for text in [
            "",
            "-",
            "-0",
            "007",
            "+1",
            "1.0",
            " 1",
            "1 ",
            "9223372036854775808",
            "١",
        ] {
            assert_eq!(whole(text), None, "{text:?}");
        }
        for (text, value) in [
            ("0.1", 0.1),
            ("-0", -0.0),
            ("1e3", 1e3),
            ("5", 5.0),
            ("2.50", 2.5),
        ] {
            assert_eq!(fraction(text), Some(value), "{text:?}");
        }
        for text in [
            "",
            "nan",
            "inf",
            ".5",
            "1.",
            "1e999",
            "1 ",
            "9007199254740993",
            "0x10",
            "null",
        ] {
            assert_eq!(fraction(text), None, "{text:?}");
        }
    }

    #[test]
    fn kinds_unify_as_a_lattice() {
        use DataType::{Boolean, Float64, Int64, LargeList, LargeUtf8, Null};
        let list = |kind| LargeList(item(kind));
        assert_eq!(unify(&Null, &LargeUtf8, 0), Ok(LargeUtf8));
        assert_eq!(unify(&list(Int64), &list(Float64), 0), Ok(list(Float64)));
        assert_eq!(unify(&list(Null), &list(LargeUtf8), 0), Ok(list(LargeUtf8)));
        let clashes = [
            (LargeUtf8, list(LargeUtf8), clash("a text", "a list", 0)),
            (Boolean, Int64, clash("a truth value", "a number", 0)),
            (list(LargeUtf8), list(Int64), clash("a text", "a number", 1)),
        ];
        for (a, b, message) in clashes {
            assert_eq!(unify(&a, &b, 0), Err(message));
        }
    }
}
