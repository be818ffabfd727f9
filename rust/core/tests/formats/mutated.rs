//! Files with faults of any kind are read or refused, in bounded time and memory.
#![expect(clippy::print_stdout, reason = "the shares are to be read")]

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use foolsgold_core::Result;
use foolsgold_core::formats::{OnError, Streaming, Writing};
use foolsgold_core::key::Key;

use super::common::{Folder, gzip, open, told};
use super::parquet::parquet;
use super::streamed::{Told, one, said, write};

/// The seed of all mutations; each is of a number below it.
const SEED: u64 = 1;
/// The time that the readings of one mutation have, however busy the machine is.
const DEADLINE: Duration = Duration::from_mins(1);
/// The bytes that a table may take: so many, and so many for each of its file.
const MOST_BYTES: usize = 1 << 19;
const MOST_TIMES: usize = 64;

/// How many mutations each reader gets: `FOOLSGOLD_MUTATIONS`, 500 without it.
fn count() -> u32 {
    let given = std::env::var("FOOLSGOLD_MUTATIONS").unwrap_or("500".into());
    let count = given.parse();
    assert!(
        count.is_ok(),
        "FOOLSGOLD_MUTATIONS={given}: must be a number"
    );
    count.unwrap_or_default()
}

/// The mutation of a number.
fn mutated(good: &[u8], turn: u32) -> Vec<u8> {
    let mut rng = Key::new(SEED).fold(u64::from(turn)).rng();
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
    bytes
}

/// Calls `read` with the number of every mutation, each of which has its time, and gives the share that was accepted. `read`
/// gives the bytes of the table that came of a mutation, and of the file.
fn share(
    name: &str,
    count: u32,
    read: impl Fn(u32) -> Option<(usize, usize)> + Send + 'static,
) -> f64 {
    let (tell, told) = channel();
    // A thread that hangs is not waited for.
    spawn(move || (0..count).try_for_each(|turn| tell.send(read(turn))));
    let (mut taken, mut largest) = (0u32, 0);
    for turn in 0..count {
        let outcome = told.recv_timeout(DEADLINE);
        assert!(
            outcome.is_ok(),
            "{name}: seed {SEED}, mutation {turn}: {outcome:?}"
        );
        if let Ok(Some((table, file))) = outcome {
            taken += 1;
            largest = largest.max(table);
            assert!(
                table <= MOST_BYTES + MOST_TIMES * file,
                "{name}: seed {SEED}, mutation {turn}: {table} bytes of {file}"
            );
        }
    }
    let share = f64::from(taken) / f64::from(count);
    println!(
        "{name}: seed {SEED}, {count} mutations, {share:.4} accepted, at most {largest} bytes"
    );
    share
}

/// Reads every mutation of `good`, and gives the share that was accepted.
fn accepted(name: &'static str, good: &[u8], count: u32) -> f64 {
    let (folder, good) = (Folder::new(), good.to_vec());
    share(name, count, move |turn| {
        let bytes = mutated(&good, turn);
        let file = folder.file(name, &bytes);
        let outcome = open(&file, 1 << 16, 1);
        if turn % 64 == 0 {
            let small = open(&file, 16, 2);
            assert_eq!(outcome.is_ok(), small.is_ok(), "{turn}");
            if outcome.is_ok() {
                assert_eq!(told(&outcome), told(&small), "{turn}");
            }
            // A stream may have no rows where its types are known without them.
            if name != "a.parquet" {
                let stream = one(&file, Streaming::default());
                assert_eq!(outcome.is_ok(), stream.is_ok(), "{turn}");
            }
        }
        let batches = outcome.ok()?.batches().to_vec();
        let table = batches.iter().map(RecordBatch::get_array_memory_size);
        Some((table.sum(), bytes.len()))
    })
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
    let shares = [
        accepted("a.jsonl", text.as_bytes(), count()),
        accepted("a.csv", sheet.as_bytes(), count()),
        accepted("a.jsonl.gz", &gzip(text.as_bytes()), count()),
        accepted("a.jsonl.zst", &zstd, count()),
        accepted("a.parquet", &columns, count()),
    ];
    assert!(
        shares.iter().all(|share| (0.0001..0.9).contains(share)),
        "{shares:?}"
    );
}

/// Streams every mutation of `good`, in blocks and threads of all kinds, and gives the share that was accepted.
fn streamed(name: &'static str, good: Vec<u8>, count: u32, how: Streaming) -> f64 {
    let folder = Folder::new();
    share(name, count, move |turn| {
        let bytes = mutated(&good, turn);
        let file = folder.file(name, &bytes);
        let told = |on_error, block_bytes, threads| {
            let how = Streaming {
                on_error,
                block_bytes,
                threads,
                ..how.clone()
            };
            one(&file, how)
        };
        let outcome = told(OnError::Raise, 1 << 16, 1);
        let skipping = told(OnError::Skip, 1 << 16, 1);
        assert!(
            outcome.is_err() || skipping.is_ok(),
            "{name} {turn}: {}",
            said(&skipping)
        );
        if turn % 64 == 0 {
            // Why a column of Parquet is refused depends on how many of its values were asked for.
            let known = |outcome: &Result<Told>| match outcome {
                Err(_) if name == "a.parquet" => "refused".into(),
                _ => said(outcome),
            };
            let texts = [known(&outcome), known(&skipping)];
            for (block, threads) in [(1, 2), (16, 1), (40, 3)] {
                let small =
                    [OnError::Raise, OnError::Skip].map(|rule| known(&told(rule, block, threads)));
                assert_eq!(
                    texts, small,
                    "{name} {turn}: blocks of {block}, {threads} threads"
                );
            }
        }
        let table = outcome.ok()?.table;
        Some((table.get_array_memory_size(), bytes.len()))
    })
}

/// The most memory that this process has had, where the system tells.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    number.unwrap_or(0) * 1024
}

#[test]
fn mutated_streams_are_read_or_refused() {
    let folder = Folder::new();
    let lines = "{\"a\":\"x \\u00e9\\n\",\"b\":[\"y\",null],\"c\":1.5e3,\"o\":[{\"p\":1}]}\n{\"a\":\"😀\",\"b\":[],\"c\":-7,\"d\":true,\"o\":[]}\n";
    let array = format!("[{}]\n", lines.trim_end().replace("}\n{", "}, {"));
    let sheet = "a,b,c\n\"x, \"\"y\"\"\",1,é\r\n\"two\nlines\",2.5,\n";
    let plain = "a\tb\nx \"y\t1\r\nz\t2\n";
    let table = RecordBatch::try_from_iter_with_nullable([
        (
            "a",
            Arc::new(StringArray::from(vec!["x", "y", "x"])) as arrow_array::ArrayRef,
            true,
        ),
        (
            "b",
            Arc::new(Int64Array::from(vec![1, 2, 3])) as arrow_array::ArrayRef,
            true,
        ),
    ]);
    let table =
        table.unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(arrow_schema::Schema::empty())));
    let written = |name: &str| {
        let path = folder.0.join(name);
        let outcome = write(&path, &table, 2, &Writing::default());
        assert!(outcome.is_ok(), "{name}");
        std::fs::read(path).unwrap_or_default()
    };
    let zstd = zstd::encode_all(lines.as_bytes(), 1).unwrap_or_default();
    let quoted = Streaming::default();
    let nested = Streaming {
        is_nested: true,
        ..Streaming::default()
    };
    let unquoted = Streaming {
        is_quoted: false,
        ..Streaming::default()
    };
    let readers: [(&str, Vec<u8>, &Streaming); 10] = [
        ("a.jsonl", lines.into(), &quoted),
        ("nested.jsonl", lines.into(), &nested),
        ("a.json", array.into(), &nested),
        ("a.csv", sheet.into(), &quoted),
        ("a.tsv", plain.into(), &unquoted),
        ("a.jsonl.gz", gzip(lines.as_bytes()), &quoted),
        ("a.jsonl.zst", zstd, &quoted),
        ("a.parquet", written("a.parquet"), &quoted),
        ("a.arrow", written("a.arrow"), &quoted),
        ("a.arrows", written("a.arrows"), &quoted),
    ];
    // One of them by itself: FOOLSGOLD_READER=a.arrow.
    let only = std::env::var("FOOLSGOLD_READER");
    let mut tried = 0;
    for (name, good, how) in readers {
        if only.as_ref().is_ok_and(|only| only != name) {
            continue;
        }
        tried += 1;
        let share = streamed(name, good, count(), how.clone());
        assert!((0.0001..0.98).contains(&share), "{name}: {share}");
    }
    assert!(tried > 0, "FOOLSGOLD_READER={only:?}: is no reader");
    let peak = peak_bytes();
    assert!(peak < 2 << 30, "{peak} bytes of memory");
}
