//! The one error type. A variant is a kind of fault and carries the data of its message.

use std::path::{Path, PathBuf};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault that a caller can understand and mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An argument breaks a rule.
    #[error("`{name}` must {rule}, got {got}")]
    Argument {
        /// The argument as the caller knows it.
        name: String,
        /// What it must be, to be read after "must".
        rule: String,
        /// What it was.
        got: String,
    },
    /// An array has the wrong shape or element type.
    #[error("`{name}` must be {expected}, got {got}")]
    Shape {
        /// The argument as the caller knows it.
        name: String,
        /// The wanted shape or type.
        expected: String,
        /// The one that came.
        got: String,
    },
    /// One row of a column held in memory is unusable.
    #[error("`{column}` must {rule}, got {got} at row {row}")]
    Row {
        /// The column's name.
        column: String,
        /// Zero-based row.
        row: usize,
        /// What a value must be, to be read after "must".
        rule: String,
        /// What it was.
        got: String,
    },
    /// A file holds something unusable; `place` is a row and column as far as they are known.
    #[error("{}{place}: {message}", file.display())]
    Data {
        /// The file.
        file: PathBuf,
        /// Where in it, beginning with its separator, or empty.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The operating system refused.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file it refused.
        file: PathBuf,
        /// Its reason.
        #[source]
        source: std::io::Error,
    },
    /// There are more things than an id can count.
    #[error("`{name}` must hold at most {limit} {what}, got {got}")]
    TooMany {
        /// The argument as the caller knows it.
        name: String,
        /// The things counted.
        what: String,
        /// The most that fit.
        limit: u64,
        /// How many there are.
        got: u64,
    },
    /// A thread could not be started.
    #[error("cannot start {threads} threads: {reason}")]
    Threads {
        /// How many were asked for.
        threads: usize,
        /// The operating system's reason.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "callers hand over what they have at hand"
)]
impl Error {
    /// An argument that breaks a rule; `rule` is read after "must".
    pub fn argument(name: &str, rule: impl Into<String>, got: impl ToString) -> Self {
        Self::Argument {
            name: name.into(),
            rule: rule.into(),
            got: got.to_string(),
        }
    }

    /// An array of the wrong shape or element type.
    pub fn shape(name: &str, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Shape {
            name: name.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    /// A row in memory that cannot be used; `rule` is read after "must".
    pub fn row(column: &str, row: usize, rule: impl Into<String>, got: impl ToString) -> Self {
        Self::Row {
            column: column.into(),
            row,
            rule: rule.into(),
            got: got.to_string(),
        }
    }

    /// A fault in a file as a whole.
    pub fn data(file: &Path, message: impl Into<String>) -> Self {
        Self::Data {
            file: file.into(),
            place: String::new(),
            message: message.into(),
        }
    }

    /// A fault in one row of a file; rows count from 1, as editors do.
    pub fn data_row(file: &Path, row: u64, message: impl Into<String>) -> Self {
        Self::Data {
            file: file.into(),
            place: format!(", row {row}"),
            message: message.into(),
        }
    }

    /// A fault in one cell of a file; rows count from 1, as editors do.
    pub fn data_cell(file: &Path, row: u64, column: &str, message: impl Into<String>) -> Self {
        Self::Data {
            file: file.into(),
            place: format!(", row {row}, column `{column}`"),
            message: message.into(),
        }
    }

    /// What the operating system said of a file.
    pub fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io {
            file: file.into(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_names_its_subject() {
        let file = Path::new("pairs.csv");
        let refused = std::io::Error::other("no space left on device");
        let said = [
            (
                Error::argument("k", "be positive", 0),
                "`k` must be positive, got 0",
            ),
            (
                Error::shape("q", "two-dimensional", "(3,)"),
                "`q` must be two-dimensional, got (3,)",
            ),
            (
                Error::row("text", 7, "not be null", "null"),
                "`text` must not be null, got null at row 7",
            ),
            (
                Error::data(file, "holds no rows"),
                "pairs.csv: holds no rows",
            ),
            (
                Error::data_row(file, 3, "is cut short"),
                "pairs.csv, row 3: is cut short",
            ),
            (
                Error::data_cell(file, 3, "a", "is empty"),
                "pairs.csv, row 3, column `a`: is empty",
            ),
            (
                Error::io(file, refused),
                "pairs.csv: no space left on device",
            ),
            (
                Error::TooMany {
                    name: "rows".into(),
                    what: "rows".into(),
                    limit: 2,
                    got: 3,
                },
                "`rows` must hold at most 2 rows, got 3",
            ),
            (
                Error::Threads {
                    threads: 2,
                    reason: "limit".into(),
                },
                "cannot start 2 threads: limit",
            ),
            (Error::Cancelled, "cancelled"),
        ];
        for (error, text) in said {
            assert_eq!(error.to_string(), text);
        }
    }
}
