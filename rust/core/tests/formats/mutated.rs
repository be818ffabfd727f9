//! Files with faults of any kind are read or refused.

use std::sync::Arc;

use arrow_array::{Int64Array, StringArray};
use foolsgold_core::key::Key;

use super::common::{Folder, gzip, open, told};
use super::parquet::parquet;

/// Mutates `good` in every way of `Key`, reads each, and gives the share that was accepted.
fn accepted(name: &str, good: &[u8], count: u32) -> f64 {
    let folder = Folder::new();
    let mut taken = 0u32;
    for turn in 0..count {
        let mut rng = Key::new(1).fold(u64::from(turn)).rng();
        let mut bytes = good.to_vec();
        let mut place = |len: usize| usize::try_from(rng.below(len as u64)).unwrap_or(0);
        for _ in 0..=place(3) {
            let at = place(bytes.len());
            match place(6) {
                0 => bytes.truncate(at + 1),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\"\\,\n{}[]\xff\x00"[place(10)]),
                3 => bytes[at] ^= 1 << place(8),
                4 => bytes[at] = b'0' + u8::try_from(place(10)).unwrap_or(0),
                _ => bytes.swap(at, 0),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let file = folder.file(name, &bytes);
        let outcome = open(&file, 1 << 16, 1);
        taken += u32::from(outcome.is_ok());
        if turn % 64 == 0 {
            let small = open(&file, 16, 2);
            assert_eq!(outcome.is_ok(), small.is_ok(), "{turn}");
            if outcome.is_ok() {
                assert_eq!(told(&outcome), told(&small), "{turn}");
            }
        }
    }
    f64::from(taken) / f64::from(count)
}

#[test]
fn mutated_files_are_read_or_refused() {
    let text = "{\"a\":\"x \\u00e9\\n\",\"b\":[\"y\",null],\"c\":1.5e3}\n{\"a\":\"😀\",\"b\":[],\"c\":-7,\"d\":true}\n";
    let sheet = "a,b,c\n\"x, \"\"y\"\"\",1,é\r\n\"two\nlines\",2.5,\n";
    let zstd = zstd::encode_all(text.as_bytes(), 1).unwrap_or_default();
    let columns = parquet(vec![
        ("a", Arc::new(StringArray::from(vec!["x", "y", "x"]))),
        ("b", Arc::new(Int64Array::from(vec![1, 2, 3]))),
    ]);
    // The gate asks for ten times as many.
    let times = std::env::var("FOOLSGOLD_MUTATIONS").map_or(1, |times| times.parse().unwrap_or(1));
    let shares = [
        accepted("a.jsonl", text.as_bytes(), 5_000 * times),
        accepted("a.csv", sheet.as_bytes(), 3_000 * times),
        accepted("a.jsonl.gz", &gzip(text.as_bytes()), 1_000 * times),
        accepted("a.jsonl.zst", &zstd, 1_000 * times),
        accepted("a.parquet", &columns, 500 * times),
    ];
    assert!(
        shares.iter().all(|share| (0.0001..0.9).contains(share)),
        "{shares:?}"
    );
}
