//! Rows packed into batches under rules: values that no two rows of a batch share, pairs that must not meet, like
//! lengths, shares of sources.
//!
//! Rows come in a random order and go to the oldest of 64 open batches that may take them: one 64-bit mask a value says
//! which open batches hold it, so a row costs O(columns) however many duplicates there are. Rows of frequent values come
//! at even distances, so that no pile of them is left for the end. What then finds no place is held against every batch
//! with room, and at last exchanged with rows of other batches.

mod batches;
mod conflicts;
mod counts;
mod exchange;
mod first_fit;
mod floor;
mod lengths;
mod pairs;
mod quotas;
mod repeat;
mod shape;
mod sweep;

pub use lengths::Lengths;

use crate::error::{Error, Result};
use crate::key::{Key, stream};
use crate::sampling::order::{shuffled, sorted};
use crate::sampling::plan::{Batching, Draw, Plan, Report, Tail};
use crate::tick::Tick;
use crate::view::{IdColumn, check_rows};
use conflicts::Conflicts;
use counts::{count_distinct, num_batches, too_dense};
use floor::Floor;
use lengths::Bands;
use quotas::Quotas;
use shape::Shape;

/// Rows of a value that is in more rows than this are laid out at even distances.
const FREQUENT: u32 = 64;
/// How often the number of batches is raised where rows are left over.
const ROUNDS: u32 = 4;

/// What decides which rows may meet.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules<'a> {
    /// Values that no two rows of a global batch share; equal numbers are equal values whatever the column.
    pub columns: &'a [IdColumn<'a>],
    /// What messages call the columns.
    pub names: &'a [String],
    /// Values that must not meet under two rows of a global batch.
    pub pairs: &'a [[u32; 2]],
    /// Whether the first two columns are queries and positives, so that no positive of a query may meet it elsewhere.
    pub has_known_positives: bool,
    /// Lengths by row; batches are of rows of like lengths.
    pub lengths: Option<Lengths<'a>>,
    /// The rows of each source, where every batch takes the same share of each; the sources lie one after the other.
    pub sources: &'a [u32],
    /// What each source gives of a batch, to each other; by default their rows.
    pub shares: &'a [u32],
    /// The number of global batches; by default what the counts of the values allow.
    pub num_batches: Option<usize>,
}

/// The rows of a data set, by what keeps them apart; plans any number of epochs.
#[derive(Debug)]
pub struct Packing {
    conflicts: Conflicts,
    batching: Batching,
    shape: Shape,
    bands: Bands,
    quotas: Option<Quotas>,
    /// Rows of one batch without conflicts, kept where an epoch might not find another.
    witness: Vec<u32>,
    /// The number of global batches before any was tried out.
    wanted: usize,
}

impl Packing {
    /// Looks at `rows` rows under `rules`. O(rows x columns).
    ///
    /// The number of batches is one for all epochs. It is what the counts of the values allow, column by column; where
    /// conflicts are so dense that this may be too many, one trial plan, the same for every seed, says how many are
    /// filled.
    ///
    /// # Errors
    /// [`Error::Argument`] where not one batch can be made, where one value is in all rows, or where a row is longer than
    /// a batch; [`Error::Shape`] where the columns differ in length; [`Error::Cancelled`].
    pub fn new(
        rows: usize,
        rules: Rules<'_>,
        batching: Batching,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<Self> {
        check_lengths(rows, rules)?;
        // A batch may have no more rows than its tokens allow.
        let of_longest = |lengths: Lengths<'_>| lengths.of_longest(batching);
        let least = rules.lengths.map_or(batching, of_longest);
        least.num_batches(rows)?;
        let conflicts = Conflicts::new(
            rows,
            rules.columns,
            rules.pairs,
            rules.has_known_positives,
            threads,
            tick,
        )?;
        check_common_text(&conflicts, batching)?;
        let bands = match rules.lengths {
            Some(lengths) => Bands::new(lengths, batching)?,
            None => Bands::default(),
        };
        let wanted = match rules.num_batches {
            Some(batches) => batches,
            None => num_batches(rules.columns, &conflicts, batching),
        };
        let shape = Shape::new(batching, &bands, rows, wanted);
        let is_given = rules.num_batches.is_some();
        let shares = if rules.shares.is_empty() {
            rules.sources
        } else {
            rules.shares
        };
        let quotas =
            (!rules.sources.is_empty()).then(|| Quotas::new(rules.sources, shares, &shape.targets));
        let mut packing = Self {
            conflicts,
            batching,
            shape,
            bands,
            quotas,
            witness: Vec::new(),
            wanted: 0,
        };
        packing.wanted = packing.shape.len();
        packing.try_out(is_given, threads, tick)?;
        if packing.shape.len() == 0 {
            return Err(too_dense(rules, rows, least));
        }
        Ok(packing)
    }

    /// The number of global batches of every epoch.
    pub fn num_batches(&self) -> usize {
        self.shape.len()
    }

    /// The number of batches of all ranks, in every epoch.
    pub fn len(&self) -> usize {
        self.shape.len() * self.batching.num_replicas()
    }

    /// Never: there is at least one batch.
    pub fn is_empty(&self) -> bool {
        self.shape.len() == 0
    }

    /// Whether there are pairs that must not meet, given ones or known positives that could.
    pub fn has_pairs(&self) -> bool {
        self.conflicts.has_reach()
    }

    /// The number of batches of all ranks that the counts of the values allow, whatever the pairs.
    pub fn num_without_pairs(&self) -> usize {
        self.wanted * self.batching.num_replicas()
    }

    /// The plan of an epoch; deterministic in `draw`. O(rows x columns).
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn plan(&self, draw: Draw, threads: usize, tick: &mut Tick<'_>) -> Result<Plan> {
        let key = draw.key();
        let (mut floor, _) = self.fill(key, threads, tick)?;
        let has_repeats = repeat::complete(&mut floor, &self.witness, key, tick)?;
        let batches = floor.into_batches();
        let (order, sizes) = if self.bands.len() > 1 {
            // The longest rows came first; in training they come at any time.
            let key = key.fold(stream::BATCHES);
            batches.into_parts_in(&shuffled(self.shape.len(), key, 1, tick)?)
        } else {
            batches.into_parts()
        };
        let rows = self.conflicts.rows();
        let used = if has_repeats {
            count_distinct(&order, rows)
        } else {
            order.len()
        };
        let room = self.shape.targets.iter().map(|&rows| rows as usize).sum();
        let report = Report::of_batches(room, rows, used, order.len());
        Ok(Plan::dealt(
            order,
            &sizes,
            self.batching.num_replicas(),
            report,
        ))
    }

    /// Batches of different rows, with room where no more could be placed, and the rows that have no place.
    fn fill(&self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<(Floor<'_>, Vec<u32>)> {
        let (order, spare) = self.order(key.fold(stream::SHUFFLE), threads, tick)?;
        let (order, ends) = self.by_band(order);
        let quotas = self.quotas.clone();
        let mut floor = Floor::new(&self.conflicts, &self.shape, &self.bands, quotas);
        let mut rest = first_fit::first_fit(&mut floor, &order, &ends, threads, tick)?;
        drop(order);
        rest.extend(spare);
        let rest = sweep::sweep(&mut floor, rest, key, tick)?;
        let rest = exchange::exchange(&mut floor, rest, key, tick)?;
        Ok((floor, rest))
    }

    /// Rows in the order in which they are placed, and rows beyond one for each batch that holds their value.
    fn order(&self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<(Vec<u32>, Vec<u32>)> {
        let order = shuffled(self.conflicts.rows(), key, threads, tick)?;
        let limit = u64::from(FREQUENT).min(self.shape.len() as u64 / 64 + 1);
        let (order, spare) = if u64::from(self.conflicts.most()) <= limit && self.quotas.is_none() {
            (order, Vec::new())
        } else {
            self.spread(&order, limit, key.fold(0), threads, tick)?
        };
        Ok((order, spare))
    }

    /// The same rows with those of frequent values, and of each source, at even distances.
    fn spread(
        &self,
        order: &[u32],
        limit: u64,
        inside: Key,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        let batches = self.shape.len() as u64;
        let mut spare = Vec::new();
        let mut ranks = vec![0u32; self.conflicts.values()];
        let sources = self.quotas.as_ref().map_or(&[][..], Quotas::rows);
        let mut seen = vec![0u64; sources.len().max(1)];
        // Where each row goes, as a share of 2^32, above its number.
        let mut positions = Vec::with_capacity(order.len());
        for &row in order {
            let source = self.quotas.as_ref().map_or(0, |quotas| quotas.source(row));
            let place = seen[source];
            seen[source] += 1;
            let frequent = self.conflicts.heaviest(row);
            let position = match frequent.filter(|&(_, count)| u64::from(count) > limit) {
                None => {
                    let places = sources
                        .get(source)
                        .map_or(order.len() as u64, |&rows| rows.into());
                    (place << 32) / places
                }
                Some((value, count)) => {
                    let rank = ranks[value];
                    ranks[value] += 1;
                    if u64::from(rank) >= batches {
                        spare.push(row);
                        continue;
                    }
                    let strata = u64::from(count).min(batches);
                    let offset = inside.bits(u64::from(row)) >> 32;
                    (u64::from(rank) << 32 | offset) / strata
                }
            };
            positions.push(position << 32 | u64::from(row));
        }
        let positions = sorted(&positions, threads, tick)?;
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the row")]
        let order = positions.into_iter().map(|item| item as u32).collect();
        Ok((order, spare))
    }

    /// The same rows, band after band, and how many there are up to each band's end.
    fn by_band(&self, order: Vec<u32>) -> (Vec<u32>, Vec<usize>) {
        if self.bands.len() < 2 {
            let end = order.len();
            return (order, vec![end]);
        }
        let mut places = vec![0usize; self.bands.len() + 1];
        for &row in &order {
            places[self.bands.of(row) + 1] += 1;
        }
        for band in 0..self.bands.len() {
            places[band + 1] += places[band];
        }
        let mut sorted = vec![0; order.len()];
        for row in order {
            let place = &mut places[self.bands.of(row)];
            sorted[*place] = row;
            *place += 1;
        }
        // The place after a band's last row is where it ends.
        places.pop();
        (sorted, places)
    }

    /// Where conflicts are dense, brings the number of batches to what one plan fills or needs.
    ///
    /// Where batches are more than twice the rows that any row conflicts with, there always is a full batch that takes
    /// any row for one that any other batch takes. Of like lengths there may be fewer; that each row of a value has one
    /// of its own is asked of them, and that exchange fails there is left to rows that come twice.
    fn try_out(&mut self, is_given: bool, threads: usize, tick: &mut Tick<'_>) -> Result<()> {
        let reach = 2 * self.conflicts.most_conflicts() + 1;
        let fewest = (0..self.bands.len().max(1)).map(|band| {
            let before = band
                .checked_sub(1)
                .map_or(0, |before| self.shape.end(before));
            self.shape.end(band) - before
        });
        let fewest = fewest.min().unwrap_or(0);
        let is_sparse = self.shape.len() > reach && fewest > self.conflicts.most() as usize;
        if self.conflicts.values() == 0 || is_sparse {
            return Ok(());
        }
        let key = Key::new(0).fold(stream::TRIAL);
        let rows = self.conflicts.rows();
        for round in 1..=ROUNDS {
            let (floor, rest) = self.fill(key, threads, tick)?;
            let filled: Vec<bool> = (0..floor.len())
                .map(|batch| floor.has_enough(batch))
                .collect();
            // Of batches of like lengths, the last have the shortest rows, and may have the most.
            let last = filled.iter().rposition(|&filled| filled);
            self.witness = match last {
                Some(last) => floor.get(last).to_vec(),
                None if self.batching.tail() == Tail::Refill => {
                    self.one_batch(key, threads, tick)?
                }
                None => Vec::new(),
            };
            if self.witness.is_empty() {
                self.shape = Shape::default();
            } else if !is_given && self.batching.tail() == Tail::Drop {
                self.shape = self.shape.without(|batch| filled[batch]);
            } else if !is_given && !rest.is_empty() && self.bands.len() < 2 {
                // The rows left find a place in more batches; how many more, the next round tells.
                let batches = self.shape.len();
                let more = (rest.len() * batches).div_ceil(rows) << round;
                let most = rows / self.batching.num_replicas();
                let wanted = (batches + more).min(most);
                self.shape = Shape::new(self.batching, &self.bands, rows, wanted);
                continue;
            }
            break;
        }
        Ok(())
    }

    /// The rows of one full batch of the shortest rows, where several that share all rows are not full; or none.
    fn one_batch(&mut self, key: Key, threads: usize, tick: &mut Tick<'_>) -> Result<Vec<u32>> {
        let last = self.shape.len() - 1;
        let mut one = self.shape.without(|batch| batch == last);
        one.targets.clone_from(&one.most);
        let all = std::mem::replace(&mut self.shape, one);
        let filled = self.fill(key, threads, tick).map(|(floor, _)| {
            if floor.has_enough(0) {
                floor.get(0).to_vec()
            } else {
                Vec::new()
            }
        });
        self.shape = all;
        filled
    }
}

fn check_lengths(rows: usize, rules: Rules<'_>) -> Result<()> {
    check_rows("dataset", rows)?;
    if let Some(column) = rules.columns.iter().find(|column| column.len() != rows) {
        let got = format!("{rows} and {}", column.len());
        return Err(Error::shape("columns", "of one length", got));
    }
    if let Some(lengths) = rules.lengths.filter(|lengths| lengths.rows.len() != rows) {
        let got = format!("{} for {rows} rows", lengths.rows.len());
        return Err(Error::shape("lengths", "one number a row", got));
    }
    let total: u64 = rules.sources.iter().map(|&rows| u64::from(rows)).sum();
    if !rules.sources.is_empty() && total != rows as u64 {
        let got = format!("{total} for {rows} rows");
        return Err(Error::shape("sources", "the numbers of all rows", got));
    }
    if !rules.shares.is_empty() && rules.shares.len() != rules.sources.len() {
        let wanted = format!("{} numbers, one a source", rules.sources.len());
        return Err(Error::shape("shares", wanted, rules.shares.len()));
    }
    Ok(())
}

fn check_common_text(conflicts: &Conflicts, batching: Batching) -> Result<()> {
    let rows = conflicts.rows();
    if conflicts.most() as usize == rows && rows > 1 && batching.whole() > 1 {
        let got = format!("a text that is in all {rows} rows");
        let hint = "\nhint: leave out a column that is the same in every row";
        let rule = "have rows without a common text";
        return Err(Error::argument("dataset", rule, got + hint));
    }
    Ok(())
}
