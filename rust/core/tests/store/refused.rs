//! What is wrong with a folder or a column is said, and nothing is touched.

use std::fs;
use std::path::{Path, PathBuf};

use foolsgold_core::mining::store::{Column, FolderLock, Manifest, Store, Values};
use foolsgold_core::{Error, Result};

use crate::common::{Folder, fill, message, silent};

#[test]
fn another_call_is_told_apart() -> Result<()> {
    let folder = Folder::new();
    // Before the first part there is nothing to lose.
    folder.create(7, 7)?.close();
    let store = folder.create(10, 4)?;
    assert_eq!(store.manifest().queries(), 10);
    fill(&store, &vec![vec![]; 10], &[1])?;
    store.close();
    let other = |queries, key| {
        let manifest = Manifest::new(queries, 4, key)?;
        silent(|tick| Store::create(&folder.0, manifest, tick))
    };
    let place = folder.0.display();
    let hint = "hint: give another folder, or remove this one";
    assert_eq!(
        message(other(9, r#"{"margin": 0.1, "seed": 3}"#)),
        format!(
            "{place}: holds the candidates of another call: the number of queries was 10 and is 9 now, `corpus` was \"a1\" and is \
             not given now, `margin` was 0.05 and is 0.1 now, `seed` was not given and is 3 now\n{hint}"
        )
    );
    // The order of names and another size of parts make no other call; parts stay as they were cut.
    let same = Manifest::new(10, 7, r#"{"corpus": "a1", "margin": 0.05}"#)?;
    let store = silent(|tick| Store::create(&folder.0, same, tick))?;
    assert_eq!(store.manifest().part_rows(), 4);
    assert_eq!(store.manifest().key(), r#"{"corpus":"a1","margin":0.05}"#);
    Ok(())
}

#[test]
fn one_writes_at_a_time() -> Result<()> {
    let folder = Folder::new();
    let store = folder.create(3, 3)?;
    let told = message(folder.create(3, 3));
    assert!(
        told.contains("is being written by another call\nhint: wait"),
        "{told}"
    );
    assert!(message(FolderLock::new(&folder.0)).contains("is being written"));
    fill(&store, &[vec![], vec![], vec![]], &[0])?;
    store.close();
    let told = message(fill(&store, &[vec![], vec![], vec![]], &[0]));
    assert_eq!(told, "`store` must be opened for writing, got reading");
    assert!(folder.create(3, 3)?.missing().is_empty());
    Ok(())
}

#[test]
fn folders_of_others_stay_as_they_are() -> Result<()> {
    let folder = Folder::new();
    fs::create_dir(&folder.0).map_err(|source| Error::io(&folder.0, source))?;
    let note = folder.0.join("notes.txt");
    fs::write(&note, "mine").map_err(|source| Error::io(&note, source))?;
    let before = folder.content();
    let told = message(folder.create(3, 3));
    assert!(
        told.contains(
            "must hold stored candidates or nothing, got `notes.txt`\nhint: give a new folder"
        ),
        "{told}"
    );
    assert!(message(Store::open(&folder.0)).contains("manifest.json: "));
    assert_eq!(folder.content(), before);
    let file = Folder(note);
    assert!(message(file.create(3, 3)).contains("notes.txt: must be a folder, got a file"));
    assert!(message(Store::open(Path::new("/nowhere/at/all"))).contains("/nowhere/at/all"));
    assert_eq!(folder.content(), before);
    Ok(())
}

#[test]
fn hostile_manifests_are_named() -> Result<()> {
    let folder = Folder::new();
    folder.create(10, 4)?.close();
    let path = folder.0.join("manifest.json");
    let sound = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
    let opened = |text: &str| {
        fs::write(&path, text).map_err(|source| Error::io(&path, source))?;
        let (read, written) = (
            message(Store::open(&folder.0)),
            message(folder.create(10, 4)),
        );
        assert_eq!(read, written);
        assert!(read.starts_with(&path.display().to_string()), "{read}");
        Ok::<_, Error>(read)
    };
    for end in 0..sound.len() - 2 {
        assert!(opened(&sound[..end])?.contains("got broken JSON"), "{end}");
    }
    let changed = |from: &str, to: &str| {
        assert!(sound.contains(from), "{sound}");
        opened(&sound.replace(from, to))
    };
    assert!(opened("[]")?.contains("got broken JSON"));
    assert!(changed("foolsgold candidates", "other")?.contains("got another file"));
    let told = changed("\"version\": 1", "\"version\": 2")?;
    assert!(told.contains("must be of version 1, got 2\nhint"), "{told}");
    assert!(changed("\"version\": 1", "\"version\": -1")?.contains("got no `version`"));
    assert!(changed("\"queries\": 10", "\"queries\": 1e99")?.contains("no usable `queries`"));
    assert!(changed("\"queries\": 10", "\"queries\": 4294967296")?.contains("`queries`"));
    assert!(changed("\"part_rows\": 4", "\"part_rows\": 0")?.contains("no usable `part_rows`"));
    assert!(changed("\"key\": {", "\"keys\": {")?.contains("or `key`"));
    fs::write(&path, sound).map_err(|source| Error::io(&path, source))?;
    assert_eq!(Store::open(&folder.0)?.missing(), [0, 1, 2]);
    Ok(())
}

#[test]
fn parts_out_of_place_are_found() -> Result<()> {
    let folder = Folder::new();
    let store = folder.create(5, 2)?;
    let told = message(silent(|tick| store.read(1, None, tick)));
    assert!(
        told.contains("must be finished, got 3 of 3 parts missing\nhint: make the call"),
        "{told}"
    );
    let told = message(silent(|tick| store.read(3, None, tick)));
    assert_eq!(told, "`part` must be below 3, got 3");
    let lists: Vec<Vec<(u32, u32)>> = (0..5).map(|query| vec![(query, query); 2]).collect();
    fill(&store, &lists, &[0, 1, 2])?;
    store.close();
    let [first, second, _] = folder.parts().try_into().unwrap_or_default();
    let renamed =
        |from: &str, to: &str| PathBuf::from(first.display().to_string().replace(from, to));
    // Under another number, the queries in it tell.
    fs::remove_file(&second).map_err(|source| Error::io(&second, source))?;
    let moved = renamed("part-00000", "part-00001");
    fs::copy(&first, &moved).map_err(|source| Error::io(&moved, source))?;
    let told = message(silent(|tick| Store::open(&folder.0)?.read(1, None, tick)));
    assert!(
        told.contains("got other queries than its number says"),
        "{told}"
    );
    fs::remove_file(&moved).map_err(|source| Error::io(&moved, source))?;
    let past = renamed("part-00000", "part-00003");
    fs::copy(&first, &past).map_err(|source| Error::io(&past, source))?;
    assert!(message(Store::open(&folder.0)).contains("must be one of 3 parts, got `part-00003-"));
    fs::remove_file(&past).map_err(|source| Error::io(&past, source))?;
    let twice = folder.0.join("part-00000-0000000000000000.parquet");
    fs::copy(&first, &twice).map_err(|source| Error::io(&twice, source))?;
    assert!(message(Store::open(&folder.0)).contains("must hold each part once, got `part-00000-"));
    fs::remove_file(&twice).map_err(|source| Error::io(&twice, source))?;
    // Names that no part has are nobody's business.
    let strange = folder.0.join("part-0-xyz.parquet");
    fs::write(&strange, "").map_err(|source| Error::io(&strange, source))?;
    assert_eq!(Store::open(&folder.0)?.missing(), [1]);
    Ok(())
}

#[test]
fn a_file_of_that_checksum_that_is_no_part_is_named() -> Result<()> {
    let folder = Folder::new();
    let store = folder.create(5, 5)?;
    let told = |bytes: &[u8]| {
        let checksum = foolsgold_core::mining::store::checksum(bytes);
        let path = folder.0.join(format!("part-00000-{checksum:016x}.parquet"));
        fs::write(&path, bytes).map_err(|source| Error::io(&path, source))?;
        let told = message(silent(|tick| Store::open(&folder.0)?.read(0, None, tick)));
        fs::remove_file(&path).map_err(|source| Error::io(&path, source))?;
        Ok::<_, Error>(told)
    };
    for bytes in [&b""[..], b"PAR1", b"PAR1\0\0\0\0PAR1", &[0; 100]] {
        assert!(told(bytes)?.contains("must be a part of candidates, got"));
    }
    fill(&store, &vec![vec![(1, 1), (2, 2)]; 5], &[0])?;
    let sound = fs::read(&folder.parts()[0]).map_err(|source| Error::io(&folder.0, source))?;
    fs::remove_file(&folder.parts()[0]).map_err(|source| Error::io(&folder.0, source))?;
    for at in 0..sound.len() {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x55;
        // Whatever Parquet makes of it, it is an answer or an error that names the file, never a panic.
        let told = told(&bytes)?;
        assert!(told.is_empty() || told.contains("part-00000-"), "{told}");
    }
    Ok(())
}

#[test]
fn columns_that_do_not_fit_are_named() -> Result<()> {
    let folder = Folder::new();
    let store = folder.create(3, 2)?;
    let told = |column: Column| message(silent(|tick| store.write(0, &[column], tick)));
    let ids = || Values::U32(vec![7, 8, 9]);
    let said = [
        (
            told(Column::flat("x", ids())),
            "`x` must have one value for each of 2 queries, got 3",
        ),
        (
            told(Column::lists("x", vec![0, 3], ids())),
            "`x` must have one list for each of 2 queries, got 1",
        ),
        (
            told(Column::lists("x", vec![0, 1, 2], ids())),
            "`x` must have offsets that rise from 0 to its 3 values, got an end of 2",
        ),
        (
            told(Column::lists("x", vec![0, 4, 3], ids())),
            "`x` must have offsets that rise from 0 to its 3 values, got an end of 3",
        ),
        (
            told(Column::flat("query", Values::F64(vec![0.5, 0.5]))),
            "`query` must not be a column's name, got it",
        ),
        (message(store.rows(2)), "`part` must be below 2, got 2"),
        (
            message(Manifest::new(3, 0, "{}")),
            "`part_rows` must be at least 1, got 0",
        ),
    ];
    for (said, expected) in said {
        assert_eq!(said, expected);
    }
    assert!(message(Manifest::new(3, 1, "[]")).starts_with("`key` must be a JSON object, got "));
    fill(&store, &[vec![], vec![], vec![]], &[0, 1])?;
    let told = message(silent(|tick| store.read(0, Some(&["scores"]), tick)));
    assert!(told.contains("got no column `scores`"), "{told}");
    let told = message(silent(|tick| store.statistics("document", tick)));
    assert_eq!(told, "`document` must hold float32, got other numbers");
    let told = message(silent(|tick| store.num_short("anchor", 1, tick)));
    assert_eq!(told, "`anchor` must hold lists, got one value a query");
    // Nothing that is not whole stays: the lock, the manifest, two parts.
    assert_eq!(folder.content().len(), 4);
    Ok(())
}
