//! Laws of the readers: what was written is read, whatever the blocks, the threads and the packing; nothing panics.

use std::io::Write as _;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array as _, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use foolsgold_core::formats::{Beir, Reading, Table, read};
use foolsgold_core::key::Key;
use foolsgold_core::{Error, Result, tick::Tick};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "foolsgold-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap_or_default();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        std::fs::create_dir_all(folder).unwrap_or_default();
        std::fs::write(&path, bytes).unwrap_or_default();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

fn open(file: &Path, block_bytes: usize, threads: usize) -> Result<Table> {
    let how = Reading {
        block_bytes,
        threads,
        ..Reading::default()
    };
    read(&[file.into()], &how, &mut Tick::silent())
}

fn lines(rows: Range<usize>, line: impl Fn(usize) -> String) -> String {
    rows.map(line).collect::<Vec<_>>().concat()
}

fn wanting(file: &Path, columns: &[&str]) -> Result<Table> {
    let columns: Vec<String> = columns.iter().map(|&name| name.into()).collect();
    let how = Reading {
        columns: Some(&columns),
        ..Reading::default()
    };
    read(&[file.into()], &how, &mut Tick::silent())
}

fn message<T>(outcome: Result<T>, file: &Path) -> String {
    let text = outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    text.replace(&file.display().to_string(), "FILE")
}

/// A cell as JSON has it.
fn cell(array: &ArrayRef, row: usize) -> Value {
    use arrow_schema::DataType as Kind;
    match array.data_type() {
        _ if array.is_null(row) => Value::Null,
        Kind::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        Kind::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        Kind::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        Kind::Boolean => array.as_boolean().value(row).into(),
        Kind::LargeList(_) => {
            let items = array.as_list::<i64>().value(row);
            (0..items.len()).map(|at| cell(&items, at)).collect()
        }
        _ => Value::Null,
    }
}

/// The rows of a table, and where each comes from.
fn rows(table: &Table) -> Vec<(Map<String, Value>, u64)> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            let cells = cells.map(|(field, array)| (field.name().clone(), cell(array, row)));
            let line = table.place(rows.len()).map_or(0, |(_, line)| line);
            rows.push((cells.collect(), line));
        }
    }
    rows
}

/// What a reader says in all, to be equal for any blocks and threads.
fn told(outcome: &Result<Table>) -> String {
    match outcome {
        Ok(table) => {
            let refused: Vec<_> = table
                .unreadable()
                .map(|(_, error)| error.to_string())
                .collect();
            format!("{:?} {:?} {refused:?}", table.schema(), rows(table))
        }
        Err(error) => error.to_string(),
    }
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "\"",
        "'",
        ",",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "\0",
        "\u{feff}",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ":",
        "é",
        "😀",
        "\u{2028}",
        "\u{85}",
        " ",
        "null",
        "1",
        "\\ud800",
        "\u{10ffff}",
    ]);
    prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat())
}

/// A value of one of the kinds that a column may hold; kind 5 mixes them.
fn value(kind: usize) -> BoxedStrategy<Value> {
    let null = Just(Value::Null);
    match kind {
        0 => prop_oneof![6 => hostile().prop_map(Value::from), 1 => null].boxed(),
        1 => prop_oneof![6 => any::<i64>().prop_map(Value::from), 1 => null].boxed(),
        2 => prop_oneof![3 => (-1e9..1e9f64).prop_map(Value::from), 3 => any::<f32>().prop_filter_map("finite", |x| {
            serde_json::Number::from_f64(x.into()).map(Value::from)
        }), 1 => null]
        .boxed(),
        3 => prop_oneof![6 => any::<bool>().prop_map(Value::from), 1 => null].boxed(),
        4 => prop_oneof![6 => prop::collection::vec(hostile(), 0..4).prop_map(Value::from), 1 => null].boxed(),
        _ => prop_oneof![value(0), value(1), value(2), value(4), Just(json!({"a": 1}))].boxed(),
    }
}

type Sheet = Vec<Vec<(usize, Value)>>;

/// Rows of `(column, value)`; a column of number n holds the kind `n % kinds`.
fn sheet(kinds: usize) -> impl Strategy<Value = Sheet> {
    let cells = prop::collection::btree_map(0usize..7, any::<prop::sample::Index>(), 1..5);
    let row = cells.prop_flat_map(move |cells| {
        cells
            .into_keys()
            .map(|at| value(at % kinds).prop_map(move |value| (at, value)))
            .collect::<Vec<_>>()
    });
    prop::collection::vec(row, 1..20)
}

fn json_lines(sheet: &Sheet, ends: &str) -> String {
    let line = |row: &Vec<(usize, Value)>| {
        let cells = row.iter().map(|(at, value)| format!("\"c{at}\":{value}"));
        format!("{{{}}}{ends}", cells.collect::<Vec<_>>().join(", "))
    };
    sheet.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn json_lines_are_what_was_written(sheet in sheet(5), ends in prop::sample::select(vec!["\n", "\r\n", "\n\n"]), bytes in 1usize..200, threads in 1usize..8) {
        let folder = Folder::new();
        let file = folder.file("a.jsonl", json_lines(&sheet, ends));
        let table = open(&file, bytes, threads)?;
        let step = if ends == "\n\n" { 2 } else { 1 };
        let found = rows(&table);
        prop_assert_eq!(found.len(), sheet.len());
        for (at, ((cells, line), row)) in (0u64..).zip(found.iter().zip(&sheet)) {
            prop_assert_eq!(*line, at * step + 1);
            for (name, value) in cells {
                let written = row.iter().find(|(column, _)| format!("c{column}") == *name).map_or(&Value::Null, |(_, value)| value);
                prop_assert_eq!(value, written);
            }
            let has_all = row.iter().all(|(column, _)| cells.contains_key(&format!("c{column}")));
            prop_assert!(has_all);
        }
    }

    #[test]
    fn any_blocks_and_threads_tell_the_same(sheet in sheet(6), cut in any::<prop::sample::Index>(), bytes in 1usize..100, threads in 1usize..8) {
        let folder = Folder::new();
        let mut text = json_lines(&sheet, "\n").into_bytes();
        let one = folder.file("a.jsonl", &text);
        prop_assert_eq!(told(&open(&one, 1 << 20, 1)), told(&open(&one, bytes, threads)));
        text.truncate(cut.index(text.len()));
        let one = folder.file("a.jsonl", &text);
        prop_assert_eq!(told(&open(&one, 1 << 20, 1)), told(&open(&one, bytes, threads)));
    }

    #[test]
    fn csv_is_what_was_written(texts in prop::collection::vec([hostile(), hostile(), hostile()], 1..20), is_tsv in any::<bool>(), ends in prop::sample::select(vec!["\n", "\r\n"]), bytes in 1usize..100) {
        let folder = Folder::new();
        let by = if is_tsv { '\t' } else { ',' };
        let quoted = |text: &String| format!("\"{}\"", text.replace('"', "\"\""));
        let mut lines = vec![format!("one{by}two{by}three")];
        lines.extend(texts.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(&by.to_string())));
        let text = lines.join(ends);
        let file = folder.file(if is_tsv { "a.tsv" } else { "a.csv" }, &text);
        let how = Reading { block_bytes: bytes, has_text_numbers: false, ..Reading::default() };
        let table = read(std::slice::from_ref(&file), &how, &mut Tick::silent())?;
        let mut place = lines[0].len() + ends.len();
        for ((cells, line), (row, written)) in rows(&table).iter().zip(texts.iter().zip(&lines[1..])) {
            prop_assert_eq!([&cells["one"], &cells["two"], &cells["three"]], [&row[0], &row[1], &row[2]]);
            prop_assert_eq!(usize::try_from(*line), Ok(text[..place].matches('\n').count() + 1));
            place += written.len() + ends.len();
        }
        prop_assert_eq!(table.rows(), texts.len());
        prop_assert_eq!(told(&open(&file, 1 << 20, 1)), told(&open(&file, bytes, 3)));
    }

    #[test]
    fn packing_changes_nothing(sheet in sheet(5), cut in any::<prop::sample::Index>(), bytes in 1usize..100) {
        let folder = Folder::new();
        let text = json_lines(&sheet, "\n").into_bytes();
        let plain = told(&open(&folder.file("a.jsonl", &text), bytes, 2));
        let (left, right) = text.split_at(cut.index(text.len()));
        let gzip: Vec<u8> = [left, right].iter().flat_map(|part| gzip(part)).collect();
        let zstd: Vec<u8> = [left, right].iter().flat_map(|part| zstd::encode_all(*part, 1).unwrap_or_default()).collect();
        // The first bytes count, not the name.
        for (name, packed) in [("a.jsonl.gz", &gzip), ("b.jsonl", &gzip), ("c.jsonl.zst", &zstd), ("d.jsonl.gz", &zstd), ("e.jsonl.gz", &text)] {
            let file = folder.file(name, packed);
            prop_assert_eq!(&told(&open(&file, bytes, 2)), &plain, "{}", name);
        }
        for (name, packed) in [("a.jsonl.gz", &gzip), ("c.jsonl.zst", &zstd)] {
            let shorter = &packed[..packed.len() - 1 - cut.index(right.len().min(4) + 1)];
            let file = folder.file(name, shorter);
            let said = told(&open(&file, bytes, 2));
            prop_assert!(said.contains(name) && !said.contains("Schema"), "{}", said);
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap_or_default();
    packer.finish().unwrap_or_default()
}

#[test]
fn faults_name_the_file_the_row_and_the_column() {
    let folder = Folder::new();
    let cases: &[(&str, &[u8], &str)] = &[
        ("a.jsonl", b"", "FILE: must hold rows, got none"),
        ("a.jsonl", b"\n \n\r\n", "FILE: must hold rows, got none"),
        ("a.csv", b"a,b\n", "FILE: must hold rows, got none"),
        (
            "a.txt",
            b"a",
            "FILE: must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst) or .parquet",
        ),
        (
            "a.parquet.gz",
            b"a",
            "FILE: must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst) or .parquet",
        ),
        (
            "a.jsonl",
            b"{\"a\":1}\n\n[1]\n",
            "FILE, row 3: must be one JSON object, got an array\nhint: put each object on a line of its own",
        ),
        (
            "a.jsonl",
            b"{\"a\":1}\n{\"a\":\"x",
            "FILE, row 2: must be one JSON object, got EOF while parsing a string at byte 7",
        ),
        (
            "a.jsonl",
            b"{\"a\":1} {}",
            "FILE, row 1: must be one JSON object, got trailing characters at byte 9",
        ),
        (
            "a.jsonl",
            b"{\"a\":1,\"a\":2}",
            "FILE, row 1: must be one JSON object, got the key `a` twice at byte 10",
        ),
        (
            "a.jsonl",
            b"{\"a\":\"\\ud800\"}",
            "FILE, row 1: must be one JSON object, got unexpected end of hex escape at byte 13",
        ),
        (
            "a.jsonl",
            b"{\"a\":\"\\udc00\"}",
            "FILE, row 1: must be one JSON object, got lone leading surrogate in hex escape at byte 12",
        ),
        (
            "a.jsonl",
            b"{\"a\":1}\n{\"a\":\"\xff\"}",
            "FILE, row 2: must be UTF-8, got byte 0xff at offset 14",
        ),
        (
            "a.jsonl",
            b"\xef\xbb\xbf{\"a\":1}\n{\"a\":\"\xff\"}",
            "FILE, row 2: must be UTF-8, got byte 0xff at offset 17",
        ),
        (
            "a.csv",
            b"\xff\xfea\0,\0",
            "FILE, row 1: must be UTF-8, got byte 0xff at offset 0\nhint: it looks like UTF-16",
        ),
        (
            "a.csv",
            b"a,b\n1,2\n\n\"x\ny\",3\n4\n",
            "FILE, row 6: must have 2 fields as the header has, got 1",
        ),
        (
            "a.csv",
            b"a,b\r\n1,2\r\n\r\n3\r\n",
            "FILE, row 4: must have 2 fields as the header has, got 1",
        ),
        (
            "a.csv",
            b"a,b\n1,\"x\n2,y\n",
            "FILE, row 2: must close the quotes it opens, got the end of the file",
        ),
        (
            "a.csv",
            b"a,a\n1,2\n",
            "FILE, row 1: must name each column once, got `a` twice",
        ),
    ];
    for (name, bytes, said) in cases {
        let file = folder.file(name, bytes);
        for block in [1, 1 << 20] {
            assert_eq!(&message(open(&file, block, 2), &file), said);
        }
    }
    let missing = folder.0.join("nowhere.jsonl");
    assert!(matches!(open(&missing, 1, 1), Err(Error::Io { .. })));
    let inside = folder.file("folder/a.jsonl", b"{}");
    let folder = inside.parent().unwrap_or(&inside);
    assert_eq!(
        message(open(folder, 1, 1), folder),
        "FILE: must be a file, got a folder\nhint: name the files in it"
    );
}

#[test]
fn wanted_columns_are_there_whole_and_of_one_kind() -> Result<()> {
    let folder = Folder::new();
    let cases: &[(&str, &str, &str)] = &[
        (
            "{\"a\":\"x\"}\n{\"b\":1}\n",
            "a",
            "FILE, row 2, column `a`: must not be null or empty, got null",
        ),
        (
            "{\"a\":\"x\"}\n\n{\"a\":null}\n",
            "a",
            "FILE, row 3, column `a`: must not be null or empty, got null",
        ),
        (
            "{\"a\":\"x\"}\n{\"a\":\" \\t\"}\n",
            "a",
            "FILE, row 2, column `a`: must not be null or empty, got no text",
        ),
        (
            "{\"a\":[\"x\"]}\n{\"a\":[\"x\",\"\"]}\n",
            "a",
            "FILE, row 2, column `a`: must not be null or empty, got no text",
        ),
        (
            "{\"a\":[\"x\"]}\n{\"a\":\"x\"}\n",
            "a",
            "FILE, row 2, column `a`: must be a list as in the rows before, got a text",
        ),
        (
            "{\"a\":\"x\"}\n{\"a\":[\"x\"]}\n",
            "a",
            "FILE, row 2, column `a`: must be a text as in the rows before, got a list",
        ),
        (
            "{\"a\":[\"x\"]}\n{\"a\":[1]}\n",
            "a",
            "FILE, row 2, column `a`: must be a list in which each is a text as in the rows before, got a number",
        ),
        (
            "{\"a\":[\"x\",1]}\n",
            "a",
            "FILE, row 1, column `a`: must be a list in which each is a text as in the rows before, got a number",
        ),
        (
            "{\"a\":{}}\n",
            "a",
            "FILE, row 1, column `a`: must be text, number, truth value or a list of these, got an object",
        ),
        (
            "{\"a\":1,\"b\":{}}\n",
            "c",
            "FILE: must have a column `c`, got the columns `a`, `b`",
        ),
    ];
    for (text, column, said) in cases {
        let file = folder.file("a.jsonl", text);
        assert_eq!(&message(wanting(&file, &[column]), &file), said);
    }
    let file = folder.file(
        "a.jsonl",
        "{\"a\":\"x\",\"b\":1}\n{\"a\":\"y\",\"b\":\"z\"}\n",
    );
    let table = wanting(&file, &["a"])?;
    assert_eq!(table.schema().fields().len(), 1);
    let table = open(&file, 1, 1)?;
    assert_eq!(
        (table.schema().fields().len(), table.unreadable().count()),
        (1, 1)
    );
    assert_eq!(
        message(table.column("b"), &file),
        "FILE, row 2, column `b`: must be a number as in the rows before, got a text"
    );
    Ok(())
}

#[test]
fn numbers_widen_and_csv_numbers_are_found() -> Result<()> {
    let folder = Folder::new();
    let text = "{\"a\":1,\"b\":[1]}\n{\"a\":2.5}\n{\"a\":18446744073709551615,\"b\":[0.5,null]}\n";
    for block in [1, 1000] {
        let found = rows(&open(&folder.file("a.jsonl", text), block, 1)?);
        let cells: Vec<_> = found
            .iter()
            .map(|(cells, _)| json!([cells["a"], cells["b"]]))
            .collect();
        assert_eq!(
            Value::from(cells),
            json!([
                [1.0, [1.0]],
                [2.5, null],
                [18_446_744_073_709_551_615f64, [0.5, null]]
            ])
        );
        let text = "a,b,c,d\n1,007,1.50,x\n-2,1,3,1\n";
        let found = rows(&open(&folder.file("a.csv", text), block, 1)?);
        assert_eq!(
            Value::from(found[0].0.clone()),
            json!({"a": 1, "b": "007", "c": 1.5, "d": "x"})
        );
        assert_eq!(
            Value::from(found[1].0.clone()),
            json!({"a": -2, "b": "1", "c": 3.0, "d": "1"})
        );
    }
    // What one file has as numbers another may have as texts.
    let files = [
        folder.file("a.csv", "a\n1\n"),
        folder.file("b.csv", "a\nx\n"),
        folder.file("c.jsonl", "{\"b\":1}"),
    ];
    let table = read(&files, &Reading::default(), &mut Tick::silent())?;
    let found: Vec<_> = rows(&table)
        .into_iter()
        .map(|(cells, line)| json!([cells["a"], cells["b"], line]))
        .collect();
    assert_eq!(
        Value::from(found),
        json!([["1", null, 2], ["x", null, 2], [null, 1, 1]])
    );
    assert_eq!(
        table.place(1).map(|(file, _)| file),
        Some(files[1].as_path())
    );
    assert_eq!(table.place(3), None);
    Ok(())
}

#[test]
fn taken_rows_keep_their_places() -> Result<()> {
    let folder = Folder::new();
    let text = lines(0..100, |row| {
        format!("{{\"a\":\"{row}\",\"b\":{}}}\n", row % 3)
    });
    let table = open(&folder.file("a.jsonl", text), 50, 2)?;
    let picked = table.rows_equal("b", "2")?;
    assert_eq!(picked.len(), 33);
    let taken =
        table
            .take(&picked, 2, &mut Tick::silent())?
            .take(&[32, 0, 0], 1, &mut Tick::silent())?;
    let found: Vec<_> = rows(&taken)
        .into_iter()
        .map(|(cells, line)| (cells["a"].clone(), line))
        .collect();
    assert_eq!(found, [(json!("98"), 99), (json!("2"), 3), (json!("2"), 3)]);
    assert_eq!(taken.rows_equal("a", "2")?, [1, 2]);
    assert!(table.take(&[100], 1, &mut Tick::silent()).is_err());
    assert!(
        table
            .take(&[], 1, &mut Tick::silent())?
            .batches()
            .is_empty()
    );
    Ok(())
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let written = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .map_err(parquet::errors::ParquetError::from)
    .and_then(|batch| {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
        writer.write(&batch)?;
        writer.into_inner()
    });
    written.unwrap_or_default()
}

#[test]
fn parquet_is_what_was_written() -> Result<()> {
    let folder = Folder::new();
    let texts: Vec<String> = (0..5000).map(|row| format!("text {row}")).collect();
    let bytes = parquet(vec![
        ("text", Arc::new(StringArray::from(texts))),
        (
            "small",
            Arc::new(
                (0..5000)
                    .map(|row| (row % 7 > 0).then_some(row))
                    .collect::<Int32Array>(),
            ),
        ),
        (
            "date",
            Arc::new(arrow_array::Date32Array::from(vec![1; 5000])),
        ),
    ]);
    let file = folder.file("a.parquet", &bytes);
    for block in [1, 1 << 20] {
        let table = open(&file, block, 1)?;
        let found = rows(&table);
        assert_eq!(found.len(), 5000);
        for (row, (cells, line)) in found.iter().enumerate() {
            assert_eq!(*line, row as u64 + 1);
            let small = if row % 7 > 0 { json!(row) } else { Value::Null };
            assert_eq!(
                [&cells["text"], &cells["small"]],
                [&json!(format!("text {row}")), &small]
            );
        }
        let said = "FILE: column `date` must hold texts, numbers, truth values or lists of these, got Date32";
        assert_eq!(message(table.column("date"), &file), said);
        assert_eq!(
            message(table.require("small"), &file),
            "FILE, row 1, column `small`: must not be null or empty, got null"
        );
    }
    assert_eq!(
        message(wanting(&file, &["text", "date"]), &file),
        message(open(&file, 1, 1)?.column("date"), &file)
    );
    for length in [0, 3, 8, bytes.len() / 2, bytes.len() - 1] {
        let file = folder.file("cut.parquet", &bytes[..length]);
        let said = message(open(&file, 1 << 20, 1), &file);
        assert!(
            said.starts_with("FILE: must be sound Parquet, got "),
            "{said}"
        );
    }
    let file = folder.file(
        "empty.parquet",
        parquet(vec![("a", Arc::new(Int64Array::from(Vec::<i64>::new())))]),
    );
    assert_eq!(
        message(open(&file, 1, 1), &file),
        "FILE: must hold rows, got none"
    );
    Ok(())
}

#[test]
fn beir_folders_are_joined_by_row() -> Result<()> {
    let folder = Folder::new();
    let at = |name: &str, text: &str| folder.file(name, text);
    at(
        "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"A\",\"text\":\"one\",\"metadata\":{}}\n{\"_id\":7,\"title\":\"\",\"text\":\"two\"}\n",
    );
    assert_eq!(
        message(
            open(&folder.0.join("corpus.jsonl"), 1, 1)?.column("_id"),
            &folder.0.join("corpus.jsonl")
        ),
        "FILE, row 2, column `_id`: must be a text as in the rows before, got a number"
    );
    at(
        "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"A\",\"text\":\"one\",\"metadata\":{}}\n{\"_id\":\"7\",\"title\":\"\",\"text\":\"two\"}\n",
    );
    at(
        "queries.jsonl",
        "{\"_id\":1,\"text\":\"q1\"}\n{\"_id\":2,\"text\":\"q2\"}\n",
    );
    at(
        "qrels/train.tsv",
        "query-id\tcorpus-id\tscore\n2\t7\t1\n1\td1\t0\n1\t7\t2\n",
    );
    at("qrels_test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t1\n");
    let beir = Beir::read(&folder.0, 2, &mut Tick::silent())?;
    let texts: Vec<_> = rows(&beir.documents)
        .into_iter()
        .map(|(cells, _)| cells["text"].clone())
        .collect();
    assert_eq!(Value::from(texts), json!(["A one", "two"]));
    let [test, train] = &beir.splits[..] else {
        return Err(Error::argument("splits", "be two", beir.splits.len()));
    };
    assert_eq!((test.name.as_str(), train.name.as_str()), ("test", "train"));
    assert_eq!(
        (&train.queries[..], &train.documents[..], &train.scores[..]),
        (&[1, 0, 0][..], &[1, 0, 1][..], &[1.0, 0.0, 2.0][..])
    );
    assert_eq!(train.table.place(1).map(|(_, line)| line), Some(3));
    let faults = [
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t8\t1\n",
            "FILE, row 2, column `corpus-id`: must be an id that is there, got `8`",
        ),
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t7\tx\n",
            "FILE, row 2, column `score`: must be a number, got `x`",
        ),
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t7\t1\n2\t7\t1\n",
            "FILE, row 3, column `corpus-id`: must be judged once for a query, got a second time",
        ),
        (
            "qrels/train.tsv",
            "q\td\ts\n2\t7\t1\n",
            "FILE: must have a column `query-id`, got the columns `q`, `d`, `s`",
        ),
        (
            "queries.jsonl",
            "{\"_id\":1,\"text\":\"q1\"}\n{\"_id\":1,\"text\":\"q2\"}\n",
            "FILE, row 2, column `_id`: must not come twice, got `1`",
        ),
        (
            "corpus.jsonl",
            "{\"_id\":\"d1\",\"title\":\" \",\"text\":null}\n",
            "FILE, row 1, column `text`: must not be null or empty, got no text",
        ),
    ];
    for (name, text, said) in &faults {
        let file = folder.0.join(name);
        let kept = std::fs::read(&file).unwrap_or_default();
        at(name, text);
        assert_eq!(
            &message(Beir::read(&folder.0, 2, &mut Tick::silent()), &file),
            said
        );
        folder.file(name, kept);
    }
    Ok(())
}

#[test]
fn progress_counts_bytes_and_a_break_stops() {
    let folder = Folder::new();
    let text = lines(0..20_000, |row| format!("{{\"a\":\"{row}\"}}\n"));
    let files = [
        folder.file("a.jsonl", &text),
        folder.file("b.jsonl.gz", gzip(text.as_bytes())),
    ];
    let total: u64 = files
        .iter()
        .filter_map(|file| file.metadata().ok())
        .map(|metadata| metadata.len())
        .sum();
    let mut heard = Vec::new();
    let how = Reading {
        block_bytes: 1 << 14,
        ..Reading::default()
    };
    let mut poll = |done, of| {
        heard.push((done, of));
        ControlFlow::Continue(())
    };
    assert!(read(&files, &how, &mut Tick::new(&mut poll)).is_ok());
    assert!(heard.is_sorted() && heard.iter().all(|&(_, of)| of == total));
    assert_eq!(heard.last(), Some(&(total, total)));
    for after in [1, 5, heard.len() - 1] {
        let mut calls = 0;
        let mut poll = |_, _| {
            calls += 1;
            if calls < after {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let outcome = read(&files, &how, &mut Tick::new(&mut poll));
        assert!(matches!(outcome, Err(Error::Cancelled)));
        assert!(calls <= after + 1, "{calls} calls for {after}");
    }
}

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
