//! Laws of stored texts: ids, texts and fingerprints are those of interning in memory, however the stream is cut; and what
//! was changed on the disk is told, with the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
use arrow_array::{ArrayRef, Int64Array, LargeStringArray};
use foolsgold_core::texts::store::{Builder, Chosen, IdsOf, StoredColumn, TextStore};
use foolsgold_core::texts::{Column, Interned, Texts};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("foolsgold-texts-{}-{number}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

type Cells = Vec<Vec<String>>;

/// A column of lists, or of the first text of each row, or an empty one.
fn column(rows: &[Vec<String>], is_ragged: bool) -> Column {
    let array: ArrayRef = if is_ragged {
        let mut lists = LargeListBuilder::new(LargeStringBuilder::new());
        for row in rows {
            for text in row {
                lists.values().append_value(text);
            }
            lists.append(true);
        }
        Arc::new(lists.finish())
    } else {
        let first = |row: &Vec<String>| row.first().cloned().unwrap_or_default();
        Arc::new(LargeStringArray::from_iter_values(rows.iter().map(first)))
    };
    Column::new("text", vec![array])
}

fn kind(at: usize) -> bool {
    at % 2 == 1
}

fn intern(columns: &[Cells]) -> Result<Interned> {
    let columns = columns.iter().enumerate();
    let columns = columns.map(|(at, rows)| column(rows, kind(at))).collect();
    Texts::intern(columns, 2, &mut Tick::silent())
}

/// Writes columns in batches of `cut` rows, of which `first` go before in a build of their own.
fn stored(
    folder: &Path,
    columns: &[Cells],
    (cut, threads): (usize, usize),
    is_first: bool,
) -> Result<(TextStore, Vec<StoredColumn>)> {
    let tick = &mut Tick::silent();
    let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
    let mut builder = if is_first {
        Builder::create(folder, &names, Some(folder))?
    } else {
        Builder::append(folder, &names, Some(folder), threads, tick)?
    };
    let rows = columns[0].len();
    for start in (0..rows).step_by(cut.max(1)) {
        let part = start..rows.min(start + cut.max(1));
        let batch = columns.iter().enumerate();
        let batch = batch.map(|(at, rows)| column(&rows[part.clone()], kind(at)));
        builder.push(batch.collect(), threads, tick)?;
    }
    builder.finish(tick)
}

fn numbers(path: &Path) -> Vec<u32> {
    let bytes = std::fs::read(path).unwrap_or_default();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let numbers = bytes[128..].as_chunks::<4>().0;
    numbers
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect()
}

fn same(store: &TextStore, texts: &Texts) -> Result<(), TestCaseError> {
    prop_assert_eq!(store.len(), texts.len());
    let all = store.distinct(2, &mut Tick::silent())?;
    prop_assert_eq!(all, texts.distinct());
    for id in 0..=u32::try_from(store.len())? {
        prop_assert_eq!(store.get(id)?, texts.get(id));
    }
    let one = Column::new("text", vec![Arc::new(all.clone())]);
    let again = Texts::intern(vec![one], 1, &mut Tick::silent())?;
    prop_assert_eq!(store.fingerprint(), again.fingerprint);
    Ok(store.verify(2, &mut Tick::silent())?)
}

fn cells() -> impl Strategy<Value = Vec<Cells>> {
    let text = prop_oneof![
        "[a-c]{0,2}",
        "\\PC{0,20}",
        Just(String::new()),
        Just("a\u{0}b\n\"\u{feff}longer than a view holds inline".to_owned()),
    ];
    (0usize..40, 1usize..4).prop_flat_map(move |(rows, columns)| {
        let row = prop::collection::vec(text.clone(), 0..4);
        prop::collection::vec(prop::collection::vec(row, rows), columns)
    })
}

proptest! {
    // Every build waits for the disk several times.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_store_has_the_ids_of_memory(columns in cells(), cut in 1usize..50, threads in 1usize..4) {
        let folder = Folder::new();
        let (store, written) = stored(folder.path(), &columns, (cut, threads), true)?;
        let expected = intern(&columns)?;
        same(&store, &expected.texts)?;
        let mut of_store = Vec::new();
        for (at, (stored, column)) in written.iter().zip(&expected.columns).enumerate() {
            let ids = numbers(&folder.path().join(format!("ids-{at}.npy")));
            prop_assert_eq!(&ids, &column.ids);
            prop_assert_eq!(stored.ids, ids.len() as u64);
            prop_assert_eq!(stored.is_ragged, !columns[0].is_empty() && kind(at));
            of_store.push(ids);
        }
        // The columns' own fingerprint, with hashes from the build and with hashes from the texts.
        for knows in [true, false] {
            let described: Vec<IdsOf<'_>> = of_store.iter().zip(&written).zip(&expected.columns).map(|((ids, stored), column)| IdsOf {
                ids: Some(ids),
                offsets: column.offsets.as_deref(),
                block_hashes: knows.then_some(stored.block_hashes.as_slice()),
            }).collect();
            let found = store.intern(&described, threads, &mut Tick::silent())?;
            if !columns[0].is_empty() {
                prop_assert_eq!(found.fingerprint, expected.fingerprint);
            }
            prop_assert!(found.columns.iter().all(Option::is_none));
            prop_assert!(matches!(found.texts, Chosen::First(count) if count as usize == store.len()));
            let texts = store.texts(&found.texts, threads, &mut Tick::silent())?;
            prop_assert_eq!(texts.distinct(), expected.texts.distinct());
            prop_assert_eq!(texts.twins(1, &mut Tick::silent())?, expected.texts.twins(1, &mut Tick::silent())?);
        }
    }

    #[test]
    fn what_is_appended_leaves_ids(first in cells(), second in cells(), cut in 1usize..50, threads in 1usize..4) {
        let folder = Folder::new();
        stored(folder.path(), &first, (cut, threads), true)?;
        // A stopped writer leaves bytes behind what counts.
        for name in ["texts.bytes", "offsets.i64"] {
            let path = folder.path().join(name);
            let mut bytes = std::fs::read(&path)?;
            bytes.extend(b"left behind");
            std::fs::write(&path, bytes)?;
        }
        let before = TextStore::open(folder.path())?;
        let (store, written) = stored(folder.path(), &second, (cut, threads), false)?;
        let columns = first.iter().enumerate().map(|(at, rows)| column(rows, kind(at)));
        let columns: Vec<Column> = columns.chain(second.iter().enumerate().map(|(at, rows)| column(rows, kind(at)))).collect();
        let expected = Texts::intern(columns, 1, &mut Tick::silent())?;
        same(&store, &expected.texts)?;
        for (at, column) in expected.columns[first.len()..].iter().enumerate() {
            prop_assert_eq!(&numbers(&folder.path().join(format!("ids-{at}.npy"))), &column.ids);
        }
        prop_assert_eq!(written.len(), second.len());
        // The store that was open all the while is what it was.
        same(&before, &intern(&first)?.texts)?;
    }

    #[test]
    fn any_ids_are_interned_as_their_texts(columns in cells(), ids in prop::collection::vec(prop::collection::vec(0u32..1000, 0..50), 1..4), whole in prop::option::of(0usize..4)) {
        let folder = Folder::new();
        let (store, _) = stored(folder.path(), &columns, (7, 1), true)?;
        let Some(bound) = u32::try_from(store.len()).ok().filter(|&len| len > 0) else {
            return Ok(());
        };
        let ids: Vec<Vec<u32>> = ids.into_iter().map(|ids| ids.into_iter().map(|id| id % bound).collect()).collect();
        let texts = |ids: &[u32]| -> Result<Column> {
            let texts: Vec<&str> = ids.iter().map(|&id| Ok(store.get(id)?.unwrap_or_default())).collect::<Result<_>>()?;
            Ok(Column::new("text", vec![Arc::new(LargeStringArray::from_iter_values(texts))]))
        };
        let all: Vec<u32> = (0..bound).collect();
        let given = |at: usize| if whole == Some(at) { &all } else { &ids[at] };
        let columns = (0..ids.len()).map(|at| texts(given(at))).collect::<Result<_>>()?;
        let expected = Texts::intern(columns, 1, &mut Tick::silent())?;
        let described: Vec<IdsOf<'_>> = (0..ids.len()).map(|at| IdsOf {
            ids: (whole != Some(at)).then(|| ids[at].as_slice()), offsets: None, block_hashes: None,
        }).collect();
        let found = store.intern(&described, 2, &mut Tick::silent())?;
        prop_assert_eq!(found.fingerprint, expected.fingerprint);
        for (at, (found, expected)) in found.columns.iter().zip(&expected.columns).enumerate() {
            prop_assert_eq!(found.as_ref().unwrap_or(given(at)), &expected.ids);
        }
        let texts = store.texts(&found.texts, 1, &mut Tick::silent())?;
        prop_assert_eq!(texts.distinct(), expected.texts.distinct());
        let views = store.column(&ids[0], None, 1, &mut Tick::silent())?;
        let column = Column::new("text", vec![views]);
        let again = Texts::intern(vec![column], 1, &mut Tick::silent())?;
        let cells: Vec<&str> = again.columns[0].ids.iter().filter_map(|&id| again.texts.get(id)).collect();
        let wanted: Vec<&str> = ids[0].iter().map(|&id| Ok(store.get(id)?.unwrap_or_default())).collect::<Result<_>>()?;
        prop_assert_eq!(cells, wanted);
    }

    #[test]
    fn changed_files_are_errors_and_never_panics(columns in cells(), place in any::<prop::sample::Index>(), byte in any::<u8>(), which in 0usize..3, cut in any::<bool>()) {
        let folder = Folder::new();
        let (store, _) = stored(folder.path(), &columns, (7, 1), true)?;
        drop(store);
        let path = folder.path().join(["texts.bytes", "offsets.i64", "manifest.json"][which]);
        let mut bytes = std::fs::read(&path)?;
        if bytes.is_empty() {
            return Ok(());
        }
        let place = place.index(bytes.len());
        let before = bytes.clone();
        if cut {
            bytes.truncate(place);
        } else {
            bytes[place] = byte;
        }
        std::fs::write(&path, &bytes)?;
        let looked = TextStore::open(folder.path()).and_then(|store| {
            let tick = &mut Tick::silent();
            for id in 0..u32::try_from(store.len()).unwrap_or(0) {
                // Another text, or an error.
                let _ = store.get(id);
            }
            let _ = store.distinct(1, tick);
            let _ = store.column(&[0], None, 1, tick);
            store.verify(1, tick)
        });
        match looked {
            // White space in the manifest tells nothing.
            Ok(()) => prop_assert!(before == bytes || which == 2),
            Err(error) => prop_assert!(error.to_string().contains(&folder.path().display().to_string()), "{}", error),
        }
    }
}

fn said<T>(outcome: Result<T>) -> String {
    outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

fn rows(texts: &[&str]) -> Cells {
    texts.iter().map(|text| vec![(*text).to_owned()]).collect()
}

#[test]
fn folders_of_others_are_refused() -> Result<()> {
    let folder = Folder::new();
    let path = folder.path();
    let names = ["c0".to_owned()];
    assert!(said(TextStore::open(path)).contains("manifest.json: No such file"));
    stored(path, &[rows(&["a"])], (1, 1), true)?;
    let again = said(Builder::create(path, &names, None));
    assert!(
        again.contains("must hold no store yet, got `manifest.json`"),
        "{again}"
    );
    let writer = Builder::append(path, &names, None, 1, &mut Tick::silent())?;
    let busy = said(Builder::append(path, &names, None, 1, &mut Tick::silent()));
    assert!(busy.contains("is being written by another call"), "{busy}");
    drop(writer);
    let io = |source| Error::io(path, source);
    std::fs::rename(path.join("manifest.json"), path.join("other.json")).map_err(io)?;
    let unfinished = said(TextStore::open(path));
    assert!(
        unfinished.contains("must be a finished store, got no `manifest.json`"),
        "{unfinished}"
    );
    assert!(
        unfinished.contains("hint: the call that builds it was stopped"),
        "{unfinished}"
    );
    let foreign = said(Builder::create(path, &names, None));
    assert!(
        foreign.contains("must hold nothing else, got `"),
        "{foreign}"
    );
    std::fs::write(path.join("manifest.json"), "{\"format\": \"else\"}").map_err(io)?;
    let other = said(TextStore::open(path));
    assert!(
        other.contains("must be a manifest of stored texts, got another file"),
        "{other}"
    );
    std::fs::write(
        path.join("manifest.json"),
        "{\"format\": \"foolsgold texts\", \"version\": 9}",
    )
    .map_err(io)?;
    let newer = said(TextStore::open(path));
    assert!(newer.contains("must be of version 1, got 9"), "{newer}");
    let file = path.join("file");
    std::fs::write(&file, "").map_err(io)?;
    assert!(said(Builder::create(&file, &names, None)).contains("must be a folder, got a file"));
    Ok(())
}

#[test]
fn rows_that_cannot_be_are_told() -> Result<()> {
    let folder = Folder::new();
    let names = ["a".to_owned(), "b".to_owned()];
    let tick = &mut Tick::silent();
    let make = |texts: &[Option<&str>]| {
        let array: LargeStringArray = texts.iter().copied().collect();
        Column::new("a", vec![Arc::new(array)])
    };
    let text = || make(&[Some("x"), Some("y")]);
    let mut builder = Builder::create(folder.path(), &names, None)?;
    builder.push(vec![text(), text()], 1, tick)?;
    let null = said(builder.push(vec![text(), make(&[Some("x"), None])], 1, tick));
    assert_eq!(null, "`a` must not be null, got null at row 3");
    let short = said(builder.push(vec![text(), make(&[Some("x")])], 1, tick));
    assert_eq!(short, "`b` must have 2 rows as the others, got 1");
    let few = said(builder.push(vec![text()], 1, tick));
    assert_eq!(few, "`columns` must be the 2 that were named, got 1");
    let lists = said(builder.push(vec![column(&rows(&["x", "y"]), true), text()], 1, tick));
    assert_eq!(
        lists,
        "`a` must be a column of strings as before, got a column of lists of strings"
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let numbers = said(builder.push(vec![Column::new("a", vec![numbers]), text()], 1, tick));
    assert_eq!(numbers, "`a` must be a column of strings, got Int64");
    drop(builder);
    assert!(said(TextStore::open(folder.path())).contains("must be a finished store"));
    stored(folder.path(), &[rows(&["é"])], (1, 1), true)?;
    let store = TextStore::open(folder.path())?;
    assert_eq!(
        said(store.column(&[1], None, 1, tick)),
        "`ids` must be below 1, got 1"
    );
    let bad = IdsOf {
        ids: Some(&[3]),
        offsets: None,
        block_hashes: Some(&[]),
    };
    assert_eq!(
        said(store.intern(&[bad], 1, tick)),
        "`ids` must be below 1, got 3"
    );
    let cuts = said(store.column(&[0], Some(&[0, 2]), 1, tick));
    assert!(
        cuts.starts_with("`offsets` must cut the ids, got"),
        "{cuts}"
    );
    let bytes = folder.path().join("texts.bytes");
    std::fs::write(&bytes, [0xC3, 0x28]).map_err(|source| Error::io(&bytes, source))?;
    let store = TextStore::open(folder.path())?;
    assert!(said(store.get(0)).contains("texts.bytes: must hold UTF-8, got another byte at 0"));
    assert!(said(store.distinct(1, tick)).contains("must hold UTF-8"));
    Ok(())
}

#[test]
fn a_stopped_build_begins_anew() -> Result<()> {
    let folder = Folder::new();
    let columns = [rows(&["b", "a", "b"]), rows(&["c", "b", "d"])];
    let mut polls = 0;
    let mut stop_at = 0;
    loop {
        let mut poll = |_, _| {
            polls += 1;
            if polls > stop_at {
                return std::ops::ControlFlow::Break(());
            }
            std::ops::ControlFlow::Continue(())
        };
        let tick = &mut Tick::new(&mut poll);
        let names = ["a".to_owned(), "b".to_owned()];
        let mut builder = Builder::create(folder.path(), &names, Some(folder.path()))?;
        let batch = vec![column(&columns[0], false), column(&columns[1], true)];
        let outcome = builder
            .push(batch, 1, tick)
            .and_then(|()| builder.finish(tick));
        match outcome {
            Err(Error::Cancelled) => {
                assert!(TextStore::open(folder.path()).is_err());
                polls = 0;
                stop_at += 1;
                // What was stopped after its arrays were written leaves them; a caller that keeps ids clears its folder.
                for name in ["ids-0.npy", "ids-1.npy", "offsets-1.npy"] {
                    let _ = std::fs::remove_file(folder.path().join(name));
                }
            }
            outcome => {
                let (store, written) = outcome?;
                assert_eq!(numbers(&folder.path().join("ids-1.npy")), [2, 0, 3]);
                assert_eq!((store.len(), written.len()), (4, 2));
                break;
            }
        }
    }
    assert!(stop_at > 3, "{stop_at}");
    Ok(())
}

#[test]
fn texts_larger_than_a_segment_and_many_blocks_are_whole() -> Result<()> {
    let folder = Folder::new();
    let long = "long ".repeat(28 << 20); // 140 MB, more than two maps
    let mut many: Vec<String> = (0..150_000u32)
        .map(|at| (at % 100_003).to_string())
        .collect();
    many.insert(70_000, long.clone());
    many.push(long);
    let make = |texts: &[String]| {
        Column::new(
            "t",
            vec![Arc::new(LargeStringArray::from_iter_values(texts)) as ArrayRef],
        )
    };
    let names = ["t".to_owned(), "u".to_owned()];
    let tick = &mut Tick::silent();
    for columns in [1, 2] {
        let mut builder = Builder::create(
            &folder.path().join(columns.to_string()),
            &names[..columns],
            None,
        )?;
        for part in many.chunks(60_000) {
            builder.push((0..columns).map(|_| make(part)).collect(), 2, tick)?;
        }
        let (store, _) = builder.finish(tick)?;
        let expected = Texts::intern(vec![make(&many)], 2, tick)?;
        assert_eq!(store.distinct(2, tick)?, expected.texts.distinct());
        store.verify(2, tick)?;
    }
    Ok(())
}
