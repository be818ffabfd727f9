//! Results that memory cannot hold, refused before they are tried: a failed allocation would end the process.

use crate::error::{Error, Result};

/// The bytes of this machine's memory, or those that the process's group may use where that is less; where the system does
/// not tell, more than any machine has.
pub fn physical_memory() -> u64 {
    let limits = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ];
    let number = |text: String| text.trim().parse().ok();
    let limits = limits
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok().and_then(number));
    let told = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    limits.chain(total(&told)).min().unwrap_or(UNKNOWN)
}

/// Stands for a memory that nobody tells the size of.
const UNKNOWN: u64 = 1 << 44;

/// What `/proc/meminfo` calls `MemTotal`, in bytes.
fn total(told: &str) -> Option<u64> {
    let line = told
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Whether memory holds a count of things, `row_bytes` each, which `got` of `name` asks for; what else is in memory is not
/// known here.
///
/// # Errors
/// [`Error::Argument`] where it does not.
pub fn check_fits(
    name: &str,
    got: impl ToString,
    (count, things): (u128, &str),
    row_bytes: usize,
) -> Result<()> {
    let (needed, there) = (count.saturating_mul(row_bytes as u128), physical_memory());
    if needed <= u128::from(there) {
        return Ok(());
    }
    let rule = format!(
        "leave a result that memory holds: {count} {things} take {} of the {} that there are",
        told(needed),
        told(there.into())
    );
    Err(Error::argument(name, rule, got))
}

/// Bytes in the greatest unit that leaves a whole number of them.
fn told(bytes: u128) -> String {
    const UNITS: [&str; 9] = [
        "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB",
    ];
    let (mut left, mut unit) = (bytes, 0);
    while left >= 10 * 1024 && unit + 1 < UNITS.len() {
        (left, unit) = (left / 1024, unit + 1);
    }
    format!("{left} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_memory_cannot_hold_is_refused_by_name() {
        assert!(check_fits("num_negatives", 5, (1000, "queries"), 160).is_ok());
        assert!(check_fits("num_negatives", 5, (0, "queries"), usize::MAX).is_ok());
        for (rows, bytes, needed) in [
            (3, 1 << 60, "3072 PiB"),
            (u128::from(u64::MAX), usize::MAX, "281474976710655 YiB"),
            (u128::MAX, 12, "281474976710655 YiB"),
        ] {
            let error = check_fits("num_negatives", 7, (rows, "queries"), bytes).err();
            let error = error.map(|error| error.to_string()).unwrap_or_default();
            let begin = format!(
                "`num_negatives` must leave a result that memory holds: {rows} queries take {needed} of the "
            );
            assert!(error.starts_with(&begin), "{error}");
            assert!(error.ends_with(" that there are, got 7"), "{error}");
        }
    }

    #[test]
    fn memory_is_what_the_system_tells() {
        assert_eq!(total("MemTotal:       2 kB\nMemFree: 1 kB"), Some(2048));
        assert_eq!(total("MemFree: 1 kB"), None);
        assert!(physical_memory() > 1 << 20);
        let all = [0, 10_239, 10_240, 1 << 30, 25 << 40].map(told);
        let expected = ["0 bytes", "10239 bytes", "10 KiB", "1024 MiB", "25 TiB"];
        assert_eq!(all, expected);
    }
}
