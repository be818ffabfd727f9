//! A first pass over text files, which finds out what their columns hold and keeps nothing else.

use std::path::Path;
use std::sync::Arc;

use super::guess::Guess;
use super::pieces::Piece;
use super::plan::Stream;
use super::reader::pass;
use super::rows::observe;
use super::shape::Keys;
use super::{MAX_COLUMNS, Skipped};
use crate::error::{Error, Result};
use crate::formats::assembly::too_many_columns;
use crate::tick::Tick;

/// What a first pass finds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) keys: Keys,
    pub(super) sheets: Vec<(String, Guess)>,
    skipped: Skipped,
}

enum Seen {
    Keys(Keys),
    Guesses(Arc<Vec<String>>, Vec<Option<Guess>>),
}

impl Stream {
    pub(super) fn first_pass(&self, tick: &mut Tick<'_>) -> Result<Found> {
        let mut found = Found::default();
        let total = self
            .files
            .iter()
            .filter(|file| file.is_text())
            .map(|file| file.size)
            .sum();
        for (at, file) in self
            .files
            .iter()
            .enumerate()
            .filter(|(_, file)| file.is_text())
        {
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            let mut rows = 0;
            let look = |_, piece| match piece {
                Piece::Texts(texts) => {
                    let seen = observe(&file.path, number, &texts, self.how.on_error)?;
                    Ok((Seen::Keys(seen.0), seen.1, seen.2))
                }
                Piece::Records(records) => {
                    let guesses = records.guesses();
                    Ok((
                        Seen::Guesses(records.names, guesses),
                        records.rows as u64,
                        records.bad,
                    ))
                }
                Piece::Rows(..) => Err(Error::data(&file.path, "must be text")),
            };
            let merge = |(seen, more, bad)| {
                rows += more;
                found.skipped.add(&file.path, bad);
                found.merge(seen, &file.path)
            };
            pass(
                self,
                at..at + 1,
                self.how.block_bytes,
                look,
                merge,
                tick,
                total,
            )?;
            if rows == 0 {
                return Err(no_rows(&file.path, &found.skipped));
            }
        }
        tick.at(total, total)?;
        Ok(found)
    }
}

fn no_rows(file: &Path, skipped: &Skipped) -> Error {
    let of_file = skipped.rows.iter().find(|row| row.file == file);
    let hint = of_file.map_or_else(String::new, |row| {
        format!(
            " that can be read\nhint: the first one is bad: {}",
            row.reason
        )
    });
    Error::data(file, format!("must hold rows, got none{hint}"))
}

impl Found {
    fn merge(&mut self, seen: Seen, file: &Path) -> Result<()> {
        match seen {
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
}
