//! Folders that go with their test, and columns to write.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use foolsgold_core::Result;
use foolsgold_core::mining::store::{Column, Manifest, Store, Values};
use foolsgold_core::tick::Tick;

/// A folder of this test's own, gone with it.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("foolsgold-store-{}-{count}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(super) fn create(&self, queries: u32, part_rows: u32) -> Result<Store> {
        let manifest = Manifest::new(queries, part_rows, r#"{"margin": 0.05, "corpus": "a1"}"#)?;
        Store::create(&self.0, manifest, &mut Tick::silent())
    }

    /// Names and bytes of all files.
    pub(super) fn content(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(&self.0)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, fs::read(entry.path()).unwrap_or_default())
            })
            .collect();
        files.sort();
        files
    }

    pub(super) fn parts(&self) -> Vec<PathBuf> {
        let parts = self.content().into_iter().map(|(name, _)| name);
        let parts = parts.filter(|name| name.starts_with("part-"));
        parts.map(|name| self.0.join(name)).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn silent<T>(work: impl FnOnce(&mut Tick<'_>) -> T) -> T {
    work(&mut Tick::silent())
}

pub(super) fn message<T>(outcome: Result<T>) -> String {
    outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

/// Lists of the queries of a part with a score for each document, and an anchor a query.
pub(super) fn columns(lists: &[Vec<(u32, u32)>]) -> Vec<Column> {
    let mut offsets = vec![0];
    offsets.extend(lists.iter().scan(0, |end, list| {
        *end += list.len() as u64;
        Some(*end)
    }));
    let items = || lists.iter().flatten();
    let ids = Values::U32(items().map(|item| item.0).collect());
    let scores = Values::F32(items().map(|item| f32::from_bits(item.1)).collect());
    let rules = Values::U16(items().map(|item| (item.0 % 7) as u16).collect());
    let anchors = Values::F32(lists.iter().map(|list| list.len() as f32 - 0.5).collect());
    let counts = Values::U64(
        lists
            .iter()
            .map(|list| u64::MAX - list.len() as u64)
            .collect(),
    );
    vec![
        Column::lists("document", offsets.clone(), ids),
        Column::lists("score", offsets.clone(), scores),
        Column::lists("rule", offsets, rules),
        Column::flat("anchor", anchors),
        Column::flat("count", counts),
    ]
}

/// As [`columns`], equal where the bits are: NaN scores too.
pub(super) fn bits(columns: &[Column]) -> Vec<(String, Option<Vec<u64>>, Vec<u64>)> {
    let words = |values: &Values| match values {
        Values::U8(values) => values.iter().map(|&x| x.into()).collect(),
        Values::U16(values) => values.iter().map(|&x| x.into()).collect(),
        Values::U32(values) => values.iter().map(|&x| x.into()).collect(),
        Values::U64(values) => values.clone(),
        Values::F32(values) => values.iter().map(|x| x.to_bits().into()).collect(),
        Values::F64(values) => values.iter().map(|x| x.to_bits()).collect::<Vec<u64>>(),
    };
    let column = |column: &Column| {
        let values = words(&column.values);
        (column.name.clone(), column.offsets.clone(), values)
    };
    columns.iter().map(column).collect()
}

pub(super) fn fill(store: &Store, lists: &[Vec<(u32, u32)>], order: &[u32]) -> Result<()> {
    for &part in order {
        let rows = store.rows(part)?;
        let own = &lists[rows.start as usize..rows.end as usize];
        silent(|tick| store.write(part, &columns(own), tick))?;
    }
    Ok(())
}
