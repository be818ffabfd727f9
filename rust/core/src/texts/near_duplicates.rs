//! Near-duplicates: texts whose sets of shingles are alike, found by `MinHash` and checked exactly.
//!
//! Broder 1997 ("On the resemblance and containment of documents"): the resemblance of two texts is the Jaccard similarity
//! of their sets of shingles, and equals the probability that a random hash has the same minimum over both. Signatures of
//! such minima are cut into bands, and texts that agree in all of some band are compared (Leskovec, Rajaraman and Ullman,
//! "Mining of Massive Datasets", chapter 3). A pair is reported by its exact similarity, so there are no false positives;
//! a pair is missed where no band agrees, which [`Split::probability`] tells.
//!
//! Texts are compared in their normal form ([`normalized`](super::normalized)). Those of equal form are twins: the first
//! stands for all, so that a thousand copies of a text cost no more than one.

mod bands;
mod buckets;
mod groups;
mod shingles;
mod signature;

pub use bands::Split;

use super::column::Column;
use super::{Interned, Strings, Texts, normal_column};
use crate::error::{Error, Result};
use crate::tick::Tick;
use buckets::{Match, Search, Sides};

/// What counts as near, and how hard it is looked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// The least Jaccard similarity of a pair, above 0 and at most 1.
    pub threshold: f64,
    /// The characters of a shingle; a shorter text is one shingle.
    pub shingle_size: usize,
    /// The most hashes in a text's signature, 1 to 256.
    pub num_hashes: usize,
    /// How many texts of one band's bucket are compared with all others of it, at least 1.
    pub max_bucket: usize,
    /// Of the hashes.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold: 0.8,
            shingle_size: 5,
            num_hashes: 128,
            max_bucket: 1000,
            seed: 0,
        }
    }
}

impl Options {
    fn check(&self) -> Result<()> {
        let Self {
            threshold,
            shingle_size,
            num_hashes,
            max_bucket,
            ..
        } = *self;
        if !(threshold > 0.0 && threshold <= 1.0) {
            let rule = "be above 0 and at most 1";
            return Err(Error::argument("threshold", rule, threshold));
        }
        if shingle_size == 0 {
            return Err(Error::argument("shingle_size", "be at least 1", 0));
        }
        if !(1..=256).contains(&num_hashes) {
            return Err(Error::argument(
                "num_hashes",
                "be at least 1 and at most 256",
                num_hashes,
            ));
        }
        if max_bucket == 0 {
            return Err(Error::argument("max_bucket", "be at least 1", 0));
        }
        Ok(())
    }
}

/// Pairs of rows, by the left one, then the right one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pairs {
    /// One row of each pair.
    pub left: Vec<u32>,
    /// The other one.
    pub right: Vec<u32>,
    /// The similarity of their sets of shingles.
    pub jaccard: Vec<f32>,
}

/// How a search went.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Different normal forms.
    pub distinct: u64,
    /// How signatures were cut.
    pub split: Split,
    /// Pairs of forms that agreed in a band, each once.
    pub candidates: u64,
    /// Buckets of more than `max_bucket` forms.
    pub large_buckets: u64,
    /// Pairs that a large bucket kept from being compared there, counted in every such bucket; another band may have
    /// compared them.
    pub skipped: u64,
}

/// The near-duplicates within one set of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct NearDuplicates {
    /// Pairs, the lower row left. Of twins only the first is paired with other texts, and each further one with the first,
    /// at similarity 1.
    pub pairs: Pairs,
    /// The class of twins of each row, numbered in the order of first appearance.
    pub twins: Vec<u32>,
    /// The class of each row where pairs link rows into classes, directly or through others, numbered likewise.
    pub groups: Vec<u32>,
    /// How the search went.
    pub report: Report,
}

/// The near-duplicates that two sets of texts share.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlap {
    /// Pairs of a left and a right row, twins at similarity 1. Of twins within a set only the first is in a pair.
    pub pairs: Pairs,
    /// Whether a left row has a near-duplicate on the right; true of twins alike.
    pub in_left: Vec<bool>,
    /// Whether a right row has one on the left.
    pub in_right: Vec<bool>,
    /// How the search went.
    pub report: Report,
}

/// The near-duplicates in a column of texts. O(characters) time besides the pairs that are compared; memory for a normal
/// form of each text and 4 bytes a band for each different one. Deterministic in `options`.
///
/// # Errors
/// [`Argument`](Error::Argument) for an option out of range, those of [`Strings::new`], [`Error::Cancelled`].
pub fn near_duplicates(
    texts: Column,
    options: &Options,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<NearDuplicates> {
    options.check()?;
    let forms = normal_forms(texts, threads, tick)?;
    within(forms, options, threads, tick)
}

impl Texts {
    /// The near-duplicates among the distinct texts, by id; as [`near_duplicates`].
    ///
    /// # Errors
    /// [`Argument`](Error::Argument) for an option out of range, [`Error::Cancelled`].
    pub fn near_duplicates(
        &self,
        options: &Options,
        threads: usize,
        tick: &mut Tick<'_>,
    ) -> Result<NearDuplicates> {
        options.check()?;
        let text = |id: usize| self.cells.text(self.firsts[id]);
        let forms = normal_column(self.len(), text, threads, tick)?;
        within(forms, options, threads, tick)
    }
}

/// The near-duplicates that two columns of texts share; cost as of [`near_duplicates`] of both.
///
/// # Errors
/// As [`near_duplicates`].
pub fn near_duplicates_between(
    left: Column,
    right: Column,
    options: &Options,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<Overlap> {
    options.check()?;
    let forms = vec![
        normal_forms(left, threads, tick)?,
        normal_forms(right, threads, tick)?,
    ];
    let Interned { texts, columns, .. } = Texts::intern(forms, threads, tick)?;
    let (lefts, rights) = (&columns[0].ids, &columns[1].ids);
    let (left_firsts, right_firsts) = (firsts(lefts, texts.len()), firsts(rights, texts.len()));
    let sides = Sides::two(&left_firsts, &right_firsts);
    let search = Search::new(&texts, &sides, options, threads, tick)?;
    let (matches, report) = search.run(threads, tick)?;
    let (mut on_left, mut on_right) = (vec![false; texts.len()], vec![false; texts.len()]);
    let same = (0..).take(texts.len()).map(|form| (form, form, 1.0));
    let mut pairs = Vec::new();
    for (one, other, jaccard) in matches.into_iter().chain(same) {
        let ways = [(one, other), (other, one)];
        for &(one, other) in &ways[..=usize::from(one != other)] {
            let (left, right) = (left_firsts[one as usize], right_firsts[other as usize]);
            if let (Some(left), Some(right)) = (left, right) {
                pairs.push((left, right, jaccard));
                on_left[one as usize] = true;
                on_right[other as usize] = true;
            }
        }
    }
    Ok(Overlap {
        pairs: ordered(pairs),
        in_left: lefts.iter().map(|&form| on_left[form as usize]).collect(),
        in_right: rights.iter().map(|&form| on_right[form as usize]).collect(),
        report,
    })
}

fn normal_forms(texts: Column, threads: usize, tick: &mut Tick<'_>) -> Result<Column> {
    let texts = Strings::new(texts)?;
    let text = |row| u32::try_from(row).ok().and_then(|row| texts.get(row));
    normal_column(
        texts.len(),
        |row| text(row).unwrap_or_default(),
        threads,
        tick,
    )
}

fn within(
    forms: Column,
    options: &Options,
    threads: usize,
    tick: &mut Tick<'_>,
) -> Result<NearDuplicates> {
    let Interned {
        texts, mut columns, ..
    } = Texts::intern(vec![forms], threads, tick)?;
    let twins = std::mem::take(&mut columns[0].ids);
    let search = Search::new(&texts, &Sides::One, options, threads, tick)?;
    let (matches, report) = search.run(threads, tick)?;
    let groups = groups::of(&twins, texts.len(), &matches);
    let firsts: Vec<u32> = firsts(&twins, texts.len()).into_iter().flatten().collect();
    let first = |form: u32| firsts[form as usize];
    let copies = (0..).zip(&twins).filter_map(|(row, &form)| {
        let first = first(form);
        (first != row).then_some((first, row, 1.0))
    });
    let pairs = matches
        .iter()
        .map(|&(left, right, jaccard)| (first(left), first(right), jaccard));
    Ok(NearDuplicates {
        pairs: ordered(pairs.chain(copies).collect()),
        twins,
        groups,
        report,
    })
}

/// The first row of each form, `None` of those without a row.
fn firsts(forms: &[u32], num_forms: usize) -> Vec<Option<u32>> {
    let mut firsts = vec![None; num_forms];
    for (row, &form) in (0..).zip(forms) {
        firsts[form as usize].get_or_insert(row);
    }
    firsts
}

fn ordered(mut pairs: Vec<Match>) -> Pairs {
    pairs.sort_unstable_by_key(|&(left, right, _)| (left, right));
    Pairs {
        left: pairs.iter().map(|pair| pair.0).collect(),
        right: pairs.iter().map(|pair| pair.1).collect(),
        jaccard: pairs.iter().map(|pair| pair.2).collect(),
    }
}
