//! A pass over text files, which finds out what their columns hold. That of a stream keeps nothing else.

use std::path::Path;
use std::sync::Arc;

use super::bad::Bad;
use super::guess::Guess;
use super::pieces::{Piece, Pieces};
use super::plan::Stream;
use super::reader::pass;
use super::rows::{Texts, observe};
use super::shape::Keys;
use super::sheet::RecordTexts;
use super::{MAX_COLUMNS, Skipped, no_rows, too_many_columns};
use crate::error::{Error, Result};
use crate::tick::Tick;

/// What a pass finds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) keys: Keys,
    pub(super) sheets: Vec<(String, Guess)>,
    skipped: Skipped,
}

/// What a piece of a file holds.
pub(super) struct Look {
    pub(super) seen: Seen,
    pub(super) rows: u64,
    pub(super) bad: Bad,
}

pub(super) enum Seen {
    /// Nothing that was not seen before.
    Same,
    Keys(Keys),
    Guesses(Arc<Vec<String>>, Vec<Option<Guess>>),
}

impl Look {
    pub(super) fn at_texts(stream: &Stream, file: usize, texts: &Texts) -> Result<Self> {
        let number = u32::try_from(file).unwrap_or(u32::MAX);
        let path = &stream.files[file].path;
        let (keys, rows, bad) = observe(path, number, texts, stream.how.on_error)?;
        let seen = Seen::Keys(keys);
        Ok(Self { seen, rows, bad })
    }

    pub(super) fn at_records(records: &mut RecordTexts) -> Self {
        Self {
            seen: Seen::Guesses(Arc::clone(&records.names), records.guesses()),
            rows: records.rows as u64,
            bad: std::mem::take(&mut records.bad),
        }
    }
}

impl Stream {
    pub(super) fn first_pass(&self, tick: &mut Tick<'_>) -> Result<Found> {
        let total = self.text_bytes();
        let look = |file, piece| {
            let look = match piece {
                Piece::Texts(texts) => Look::at_texts(self, file, &texts)?,
                Piece::Records(mut records) => Look::at_records(&mut records),
                Piece::Rows(..) => return Err(no_text(&self.files[file].path)),
            };
            Ok((look, ()))
        };
        let found = self.look_through(look, |_, (), _| Ok(()), tick, total)?;
        tick.at(total, total)?;
        Ok(found)
    }

    /// Looks at the pieces of the text files on threads, and hands what else is made of each to `keep`, in order, with what
    /// was found up to there.
    pub(super) fn look_through<T: Send>(
        &self,
        look: impl Fn(usize, Piece) -> Result<(Look, T)> + Sync,
        mut keep: impl FnMut(usize, T, &Found) -> Result<()>,
        tick: &mut Tick<'_>,
        total: u64,
    ) -> Result<Found> {
        let mut found = Found::default();
        let mut before = 0;
        let files = self.files.iter().enumerate();
        for (at, file) in files.filter(|(_, file)| file.is_text()) {
            let mut rows = 0;
            let pieces = Pieces::new(at..at + 1, self.how.block_bytes, before);
            let merge = |(look, made): (Look, T)| {
                rows += look.rows;
                found.skipped.add(&file.path, look.bad);
                found.merge(look.seen, &file.path)?;
                keep(at, made, &found)
            };
            pass(self, pieces, &look, merge, tick, total)?;
            if rows == 0 {
                return Err(no_rows(&file.path, &found.first_fault(&file.path)));
            }
            before += file.size;
        }
        Ok(found)
    }
}

pub(super) fn no_text(file: &Path) -> Error {
    Error::data(file, "must be text")
}

impl Found {
    fn merge(&mut self, seen: Seen, file: &Path) -> Result<()> {
        match seen {
            Seen::Same => {}
            Seen::Keys(keys) => self.keys.merge(keys),
            Seen::Guesses(names, guesses) => {
                for (name, guess) in names.iter().zip(guesses) {
                    let guess = guess.unwrap_or_default();
                    match self.sheets.iter_mut().find(|(other, _)| other == name) {
                        Some((_, before)) => *before = before.and(guess),
                        None => self.sheets.push((name.clone(), guess)),
                    }
                }
            }
        }
        if self.keys.len() + self.sheets.len() > MAX_COLUMNS {
            return Err(too_many_columns(file));
        }
        Ok(())
    }

    /// A hint at the first bad row of a file.
    fn first_fault(&self, file: &Path) -> String {
        let of_file = self.skipped.rows.iter().find(|row| row.file == file);
        of_file.map_or_else(String::new, |row| {
            let reason = &row.reason;
            format!(" that can be read\nhint: the first one is bad: {reason}")
        })
    }
}
