//! Options and data that make no batch of two classes, refused with what could be done.

use super::{Imbalance, Units, sum};
use crate::error::{Error, Result};
use crate::sampling::plan::{Batching, Tail};

/// Checks that a batch holds units of two classes.
pub(super) fn check_options(units: Units, batching: Batching) -> Result<()> {
    let size = batching.batch_size();
    let Units::Classes {
        k,
        imbalance,
        coverage,
    } = units
    else {
        if size < 4 || !size.is_multiple_of(2) {
            return Err(Error::argument(
                "batch_size",
                "be even and at least 4",
                size,
            ));
        }
        return Ok(());
    };
    if k < 2 {
        return Err(Error::argument("k", "be at least 2", k));
    }
    if !size.is_multiple_of(k) {
        let rule = format!("be a multiple of `k`, {k}");
        return Err(Error::argument("batch_size", rule, size));
    }
    if size / k < 2 {
        let rule = format!("hold `k` rows, {k}, of at least 2 labels");
        return Err(Error::argument("batch_size", rule, size));
    }
    if coverage && imbalance == Imbalance::Cap {
        let rule = "be oversample or shrink with `coverage`";
        return Err(Error::argument("imbalance", rule, "cap"));
    }
    Ok(())
}

/// Checks that there are two classes, and one of a unit.
pub(super) fn check_counts(counts: &[u32], units: Units, k: usize) -> Result<()> {
    let labels = counts.iter().filter(|&&rows| rows > 0).count();
    if labels < 2 {
        let got = if labels == 0 {
            "no rows".to_owned()
        } else {
            "1: every row has the same label\n\
             hint: take another sampler, with a loss that needs no labels"
                .to_owned()
        };
        return Err(Error::argument(
            "dataset",
            "have rows of at least 2 labels",
            got,
        ));
    }
    let largest = counts.iter().max().map_or(0, |&rows| rows as usize);
    if let (Units::Classes { .. }, true) = (units, largest < k) {
        let rule = format!("be at most the rows of the most frequent label, {largest}");
        return Err(Error::argument("k", rule, k));
    }
    Ok(())
}

/// Places are counted in 32 bits, which only rows that come many times can exceed.
pub(super) fn check_places(places: usize) -> Result<()> {
    if u32::try_from(places).is_ok() {
        return Ok(());
    }
    let rule = "give at most 2^32 rows an epoch";
    let got = format!("{places}\nhint: take `imbalance=\"cap\"` or `imbalance=\"shrink\"`");
    Err(Error::argument("imbalance", rule, got))
}

/// The classes do not make one step.
pub(super) fn too_few(units: &[u32], size: usize, of: Units, batching: Batching) -> Error {
    let usable = units.iter().filter(|&&own| own > 0).count();
    let (k, ranks) = (of.rows(), batching.num_replicas());
    let is_shrunk = matches!(
        of,
        Units::Classes {
            imbalance: Imbalance::Shrink,
            ..
        }
    );
    let is_pairs = of == Units::Pairs;
    let least = if is_shrunk || is_pairs { 2 } else { size };
    if usable < least {
        let rule = format!("have at least {least} labels with {k} rows or more");
        let hint = if is_shrunk || is_pairs {
            ""
        } else {
            "\nhint: take a smaller `batch_size`, or `imbalance=\"shrink\"`"
        };
        return Error::argument("dataset", rule, format!("{usable}{hint}"));
    }
    let rule = match ranks {
        1 => "have rows for one batch of at least 2 labels".to_owned(),
        _ => format!("have rows for {ranks} batches of at least 2 labels, one for each rank"),
    };
    let hint = match (is_pairs, batching.tail()) {
        (true, Tail::Drop | Tail::Refill) => {
            "\nhint: take a smaller `batch_size`, or `drop_last=False`"
        }
        (true, Tail::Short) => "",
        _ if is_shrunk => "",
        _ => "\nhint: take a smaller `batch_size`, or `imbalance=\"shrink\"`",
    };
    let got = format!(
        "{usable} labels with {k} rows or more, {} times {k} rows in all{hint}",
        sum(units)
    );
    Error::argument("dataset", rule, got)
}
