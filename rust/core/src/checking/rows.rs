//! What rows say of one another, on ids.

use hashbrown::hash_table::{Entry, HashTable};

use super::NO_TEXT;
use crate::error::{Error, Result};
use crate::tick::Tick;

/// Rows between two looks at the caller.
const BLOCK: usize = 1 << 14;
/// 2^64 over the golden ratio, as for any multiplicative hash.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// One id a row, or lists of ids.
#[derive(Debug, Clone, Copy)]
pub struct Ids<'a> {
    offsets: Option<&'a [i64]>,
    ids: &'a [u32],
}

impl<'a> Ids<'a> {
    /// Ids of rows, or of lists that begin at `offsets`, whose last is the number of ids.
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) where offsets do not ascend from 0 to the number of ids.
    pub fn new(ids: &'a [u32], offsets: Option<&'a [i64]>) -> Result<Self> {
        if let Some(cuts) = offsets {
            let ends = [cuts.first(), cuts.last()]
                .map(|cut| cut.and_then(|&cut| usize::try_from(cut).ok()));
            if ends != [Some(0), Some(ids.len())] || !cuts.is_sorted() {
                let rule = format!("ascend from 0 to {}", ids.len());
                return Err(Error::argument("offsets", rule, format!("{ends:?}")));
            }
        }
        Ok(Self { offsets, ids })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.offsets.map_or(self.ids.len(), |cuts| cuts.len() - 1)
    }

    fn range(&self, row: usize) -> std::ops::Range<usize> {
        let place = |cut: i64| usize::try_from(cut).unwrap_or(0);
        match self.offsets {
            Some(cuts) => place(cuts[row])..place(cuts[row + 1]),
            None => row..row + 1,
        }
    }

    fn of(&self, row: usize) -> &'a [u32] {
        &self.ids[self.range(row)]
    }
}

/// A column that rows are compared by.
#[derive(Debug, Clone, Copy)]
pub enum Key<'a> {
    /// Ids, or lists of them.
    Ids(Ids<'a>),
    /// Any 64 bits a row.
    Words(&'a [u64]),
}

impl Key<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::Ids(ids) => ids.rows(),
            Self::Words(words) => words.len(),
        }
    }

    fn hash(&self, row: usize, hash: u64) -> u64 {
        match self {
            Self::Ids(ids) => {
                let list = ids.of(row);
                let hash = if ids.offsets.is_some() {
                    mix(hash, list.len() as u64)
                } else {
                    hash
                };
                list.iter().fold(hash, |hash, &id| mix(hash, id.into()))
            }
            Self::Words(words) => mix(hash, words[row]),
        }
    }

    fn is_same(&self, one: usize, other: usize) -> bool {
        match self {
            Self::Ids(ids) => ids.of(one) == ids.of(other),
            Self::Words(words) => words[one] == words[other],
        }
    }
}

fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word.wrapping_add(SPREAD)) * u128::from(SPREAD);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are meant")]
    let (low, high) = (product as u64, (product >> 64) as u64);
    low ^ high.rotate_left(23)
}

fn check_rows(name: &str, expected: usize, got: usize) -> Result<()> {
    if expected == got {
        return Ok(());
    }
    Err(Error::shape(
        name,
        format!("a column of {expected} rows"),
        format!("{got} rows"),
    ))
}

fn as_row(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// For each of `rows` rows the first one that is equal to it in all of `keys`. O(cells), 16 bytes a row.
///
/// # Errors
/// [`Shape`](Error::Shape) for columns of another length, [`Cancelled`](Error::Cancelled).
pub fn equal_rows(keys: &[Key<'_>], rows: usize, tick: &mut Tick<'_>) -> Result<Vec<u32>> {
    for key in keys {
        check_rows("keys", rows, key.rows())?;
    }
    let mut table: HashTable<(u64, u32)> = HashTable::with_capacity(rows);
    let mut firsts = Vec::with_capacity(rows);
    for row in 0..rows {
        if row % BLOCK == 0 {
            tick.at(row as u64, rows as u64)?;
        }
        let hash = keys.iter().fold(SPREAD, |hash, key| key.hash(row, hash));
        let is_same = |&(other_hash, other): &(u64, u32)| {
            other_hash == hash && keys.iter().all(|key| key.is_same(row, other as usize))
        };
        let first = match table.entry(hash, is_same, |&(hash, _)| hash) {
            Entry::Occupied(found) => found.get().1,
            Entry::Vacant(place) => place.insert((hash, as_row(row))).get().1,
        };
        firsts.push(first);
    }
    tick.at(rows as u64, rows as u64)?;
    Ok(firsts)
}

/// For each value of `right` whether its row of `left` has it too; a null has no equal. O(left times right) a row.
///
/// # Errors
/// [`Shape`](Error::Shape) for columns of another length, [`Cancelled`](Error::Cancelled).
pub fn shared(left: Ids<'_>, right: Ids<'_>, tick: &mut Tick<'_>) -> Result<Vec<bool>> {
    let rows = left.rows();
    check_rows("right", rows, right.rows())?;
    let mut found = Vec::with_capacity(right.ids.len());
    for row in 0..rows {
        if row % BLOCK == 0 {
            tick.at(row as u64, rows as u64)?;
        }
        let known = left.of(row);
        found.extend(
            right
                .of(row)
                .iter()
                .map(|id| *id != NO_TEXT && known.contains(id)),
        );
    }
    Ok(found)
}

/// For each value of each of `negatives` whether it is a positive of its row's anchor, there or in any other row; a null
/// is none. O(values), 16 bytes a positive.
///
/// # Errors
/// [`Shape`](Error::Shape) for columns of another length, [`Cancelled`](Error::Cancelled).
pub fn known_positives(
    anchors: &[u32],
    positives: &[Ids<'_>],
    negatives: &[Ids<'_>],
    tick: &mut Tick<'_>,
) -> Result<Vec<Vec<bool>>> {
    let rows = anchors.len();
    for column in positives.iter().chain(negatives) {
        check_rows("positives and negatives", rows, column.rows())?;
    }
    let pair = |row: usize, id: u32| u64::from(anchors[row]) << 32 | u64::from(id);
    let spread = |pair: &u64| mix(SPREAD, *pair);
    let count = positives.iter().map(|column| column.ids.len()).sum();
    let mut known: HashTable<u64> = HashTable::with_capacity(count);
    let total = (rows * (positives.len() + negatives.len())) as u64;
    let mut done = 0;
    for column in positives {
        for (row, &anchor) in anchors.iter().enumerate() {
            if row % BLOCK == 0 {
                tick.at(done + row as u64, total)?;
            }
            let is_text = |id: u32| id != NO_TEXT && anchor != NO_TEXT;
            for &id in column.of(row).iter().filter(|&&id| is_text(id)) {
                let pair = pair(row, id);
                if let Entry::Vacant(place) =
                    known.entry(spread(&pair), |&other| other == pair, spread)
                {
                    place.insert(pair);
                }
            }
        }
        done += rows as u64;
    }
    let mut found = Vec::with_capacity(negatives.len());
    for column in negatives {
        let mut mask = Vec::with_capacity(column.ids.len());
        for row in 0..rows {
            if row % BLOCK == 0 {
                tick.at(done + row as u64, total)?;
            }
            mask.extend(column.of(row).iter().map(|&id| {
                let pair = pair(row, id);
                id != NO_TEXT && known.find(spread(&pair), |&other| other == pair).is_some()
            }));
        }
        done += rows as u64;
        found.push(mask);
    }
    Ok(found)
}
