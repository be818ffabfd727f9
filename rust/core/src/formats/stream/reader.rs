//! The rows of a stream, once through.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::RecordBatch;

use super::bad::{Bad, Skipped};
use super::pieces::{Piece, Pieces, parse};
use super::plan::Stream;
use crate::error::Result;
use crate::formats::Progress;
use crate::formats::table::Lines;
use crate::pool;
use crate::tick::Tick;
use std::ops::ControlFlow;

/// Blocks that a thread parses before what it found is handed out.
const ROUND: usize = 2;
/// More places than this are forgotten, the oldest first.
const MAX_PLACES: usize = 1 << 20;

/// Parsed rows of one file.
#[derive(Default)]
pub(super) struct Part {
    pub(super) file: usize,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) lines: Lines,
    pub(super) bad: Bad,
}

/// Where rows come from and which were left out, as far as they were read.
#[derive(Debug, Default)]
pub(super) struct Log {
    rows: u64,
    /// The first row of each part, its file and its lines.
    places: VecDeque<(u64, usize, Lines)>,
    num_places: usize,
    skipped: Skipped,
}

/// The batches of a stream, pulled one by one.
pub struct Batches {
    stream: Arc<Stream>,
    pieces: Pieces,
    ready: VecDeque<RecordBatch>,
    has_ended: bool,
    log: Log,
}

impl Log {
    /// Notes a part, and gives its batches.
    fn add(&mut self, stream: &Stream, part: Part) -> Vec<RecordBatch> {
        self.skipped.add(&stream.files[part.file].path, part.bad);
        let rows: usize = part.batches.iter().map(RecordBatch::num_rows).sum();
        if rows > 0 {
            self.num_places += part.lines.runs();
            self.places.push_back((self.rows, part.file, part.lines));
            while self.num_places > MAX_PLACES && self.places.len() > 1 {
                let oldest = self.places.pop_front();
                self.num_places -= oldest.map_or(0, |(_, _, lines)| lines.runs());
            }
        }
        self.rows += rows as u64;
        part.batches
    }

    fn place<'a>(&self, stream: &'a Stream, row: u64) -> Option<(&'a Path, u64)> {
        let after = self.places.partition_point(|&(first, ..)| first <= row);
        let (first, file, lines) = self.places.get(after.checked_sub(1)?)?;
        let line = lines.get(usize::try_from(row - first).ok()?)?;
        (row < self.rows).then_some((&*stream.files[*file].path, line))
    }
}

impl Batches {
    pub(super) fn new(stream: Arc<Stream>) -> Self {
        let pieces = Pieces::of_all(&stream, stream.how.block_bytes);
        Self {
            stream,
            pieces,
            ready: VecDeque::new(),
            has_ended: false,
            log: Log::default(),
        }
    }

    /// The next rows, at least one; `None` at the end. Progress counts bytes. O(bytes of some blocks).
    ///
    /// # Errors
    /// [`Data`](crate::Error::Data) at a bad row, or where a file has changed; [`Io`](crate::Error::Io);
    /// [`Cancelled`](crate::Error::Cancelled).
    pub fn next(&mut self, tick: &mut Tick<'_>) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(self.first_rows(batch)));
            }
            if self.has_ended {
                return Ok(None);
            }
            self.read_on(tick)?;
        }
    }

    /// The rows of a batch that are given at once; the others wait.
    fn first_rows(&mut self, batch: RecordBatch) -> RecordBatch {
        let (most, rows) = (self.stream.how.batch_rows, batch.num_rows());
        if rows <= most {
            return batch;
        }
        self.ready.push_front(batch.slice(most, rows - most));
        batch.slice(0, most)
    }

    fn read_on(&mut self, tick: &mut Tick<'_>) -> Result<()> {
        let (stream, threads) = (Arc::clone(&self.stream), self.stream.how.threads);
        let total = stream.bytes();
        let mut progress = Progress {
            tick,
            before: 0,
            total,
        };
        let mut round = Vec::new();
        let mut end = Ok(());
        while round.len() < threads.saturating_mul(ROUND) && !self.has_ended {
            match self.pieces.next(&stream, &mut progress) {
                Ok(Some(piece)) => round.push(piece),
                Ok(None) => self.has_ended = true,
                Err(error) => {
                    self.has_ended = true;
                    end = Err(error);
                }
            }
        }
        // What was read before a fault is judged before it.
        let work = |(): &mut (), (file, piece)| parse(&stream, file, piece);
        let mut last = progress.during(0, |tick| {
            pool::map_items(threads, round.into_iter(), tick, || (), work)
        });
        for part in last.iter_mut().flat_map(std::mem::take) {
            let batches = self.log.add(&stream, part).into_iter();
            self.ready
                .extend(batches.filter(|batch| batch.num_rows() > 0));
        }
        last.map(drop).and(end)?;
        if self.has_ended {
            tick.at(total, total)?;
        }
        Ok(())
    }

    /// The rows that were skipped so far.
    pub fn skipped(&self) -> &Skipped {
        &self.log.skipped
    }

    /// The file of a row that was read, and its number there, from 1; `None` for rows long past.
    pub fn place(&self, row: u64) -> Option<(&Path, u64)> {
        self.log.place(&self.stream, row)
    }
}

/// Calls `work` on pieces of files, in parallel, and `sink` on what it gives, in order.
pub(super) fn pass<T: Send>(
    stream: &Stream,
    mut pieces: Pieces,
    work: impl Fn(usize, Piece) -> Result<T> + Sync,
    mut sink: impl FnMut(T) -> Result<()>,
    tick: &mut Tick<'_>,
    total: u64,
) -> Result<()> {
    let done = AtomicU64::new(pieces.before);
    pool::in_order(
        stream.how.threads,
        |stop: &AtomicBool| {
            let mut poll = |read, _| {
                done.store(read, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let mut tick = Tick::new(&mut poll);
            let mut progress = Progress {
                tick: &mut tick,
                before: 0,
                total,
            };
            pieces.next(stream, &mut progress)
        },
        |(file, piece)| work(file, piece),
        &mut sink,
        || {
            tick.at(
                done.load(Ordering::Relaxed).min(total.saturating_sub(1)),
                total,
            )
        },
    )
}

impl Stream {
    /// Parses all rows on threads, hands each part to `work` there, and what `work` makes of it to `sink`, in order, with
    /// the number of its first row. Gives what was skipped.
    pub(in crate::formats) fn each<T: Send>(
        &self,
        block_bytes: usize,
        work: impl Fn(Vec<RecordBatch>) -> Result<T> + Sync,
        mut sink: impl FnMut(T, u64) -> Result<()>,
        tick: &mut Tick<'_>,
    ) -> Result<Skipped> {
        let mut log = Log::default();
        let total = self.bytes();
        pass(
            self,
            Pieces::of_all(self, block_bytes),
            |file, piece| {
                let mut part = parse(self, file, piece)?;
                let batches = std::mem::take(&mut part.batches);
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                let made = (rows > 0).then(|| work(batches)).transpose()?;
                Ok((made, rows, part))
            },
            |(made, rows, part)| {
                log.skipped.add(&self.files[part.file].path, part.bad);
                let first = log.rows;
                log.rows += rows as u64;
                made.map_or(Ok(()), |made| sink(made, first))
            },
            tick,
            total,
        )?;
        tick.at(total, total)?;
        Ok(log.skipped)
    }
}
