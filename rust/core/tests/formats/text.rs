//! JSON Lines and CSV: faults, columns, numbers, rows taken, progress.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_array::StringArray;
use foolsgold_core::formats::{Reading, read};
use foolsgold_core::{Error, Result, tick::Tick};
use serde_json::{Value, json};

use super::common::{Folder, gzip, lines, message, open, rows, wanting};
use super::parquet::parquet;

#[test]
fn faults_name_the_file_the_row_and_the_column() {
    const ENDINGS: &str = "FILE: must end in .jsonl, .ndjson, .json, .csv or .tsv (also with .gz or .zst), .parquet, .arrow, .arrows or .feather, or be a folder that `datasets` saved";
    let folder = Folder::new();
    let cases: &[(&str, &[u8], &str)] = &[
        ("a.jsonl", b"", "FILE: must hold rows, got none"),
        ("a.jsonl", b"\n \n\r\n", "FILE: must hold rows, got none"),
        ("a.csv", b"a,b\n", "FILE: must hold rows, got none"),
        ("a.txt", b"a", ENDINGS),
        ("a.parquet.gz", b"a", ENDINGS),
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
        (
            "a.csv",
            b"a,b\n1,\"x\ny\xff\"\n",
            "FILE, row 2: must be UTF-8, got byte 0xff at offset 10",
        ),
        (
            "a.json",
            b"[{\"a\":1},{\"a\":1,\"a\":2}]",
            "FILE, row 2: must be one JSON object, got the key `a` twice at byte 10",
        ),
    ];
    for (name, bytes, said) in cases {
        let file = folder.file(name, bytes);
        for block in [1, 1 << 20] {
            assert_eq!(&message(open(&file, block, 2), &file), said);
        }
    }
}

#[test]
fn what_is_no_file_is_told() {
    let folder = Folder::new();
    let missing = folder.0.join("nowhere.jsonl");
    assert!(matches!(open(&missing, 1, 1), Err(Error::Io { .. })));
    let inside = folder.file("folder/a.jsonl", b"{}");
    let folder = inside.parent().unwrap_or(&inside);
    assert_eq!(
        message(open(folder, 1, 1), folder),
        "FILE: must be a file or a folder that `datasets` saved, got another folder\nhint: name the files in it"
    );
}

#[test]
fn a_field_ends_where_its_quotes_close() -> Result<()> {
    let folder = Folder::new();
    let hint = "must end where its quotes close, got more behind them\nhint: a quote within quotes is written twice";
    let cases = [
        ("a,b\n1,2\n3,\"x\"y\n", "FILE, row 3, column `b`: "),
        ("a,b\n\"1\n\",\"x\" \n", "FILE, row 2, column `b`: "),
        ("a,b\n\"x\"y\",2\n", "FILE, row 2, column `a`: "),
        ("a,\"b\"c\n1,2\n", "FILE, row 1: field 2 "),
    ];
    for (text, place) in cases {
        let file = folder.file("a.csv", text);
        for block in [1, 5, 1 << 20] {
            let said = message(open(&file, block, 2), &file);
            assert_eq!(said, format!("{place}{hint}"));
        }
    }
    let good = "\u{feff}\u{feff}a,\"b\"\n\"x \"\"y\"\"\",x \"y\"\n\"\",\n";
    let found = rows(&open(&folder.file("a.csv", good), 3, 2)?);
    let cells: Vec<_> = found.into_iter().map(|(cells, _)| cells).collect();
    assert_eq!(
        json!(cells),
        json!([{"a": "x \"y\"", "b": "x \"y\""}, {"a": "", "b": null}])
    );
    Ok(())
}

#[test]
fn packed_files_end_with_their_last_member() -> Result<()> {
    let folder = Folder::new();
    let text = b"{\"a\":1}\n";
    let zstd = zstd::encode_all(&text[..], 1).unwrap_or_default();
    for (name, packed) in [("a.jsonl.gz", gzip(text)), ("a.jsonl.zst", zstd)] {
        let said = |more: &[u8]| {
            let file = folder.file(name, [&packed, more].concat());
            message(open(&file, 1, 1), &file)
        };
        let place = packed.len();
        for junk in [&b"x"[..], b"junk", b"\0\0\0\0\0\0\0\0\0\0\0\0"] {
            assert_eq!(
                said(junk),
                format!(
                    "FILE: must be sound gzip or zstd, got other bytes behind its end, from byte {place} on"
                )
            );
        }
        for cut in [1, 3, packed.len() - 1] {
            assert_eq!(said(&packed[..cut]), "FILE: is cut short", "{name} {cut}");
        }
        let file = folder.file(name, [&packed[..], &packed].concat());
        assert_eq!(open(&file, 1, 1)?.rows(), 2);
    }
    // A frame to skip, of two bytes.
    let frame = b"\x50\x2a\x4d\x18\x02\0\0\0ab";
    let zstd = zstd::encode_all(&text[..], 1).unwrap_or_default();
    let file = folder.file("b.jsonl.zst", [&zstd[..], frame, &zstd].concat());
    assert_eq!(open(&file, 1, 1)?.rows(), 2);
    Ok(())
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
    let texts = Arc::new(StringArray::from(vec!["007"]));
    let files = [
        folder.file("a.csv", "a\n1\n"),
        folder.file("b.parquet", parquet(vec![("a", texts)])),
        folder.file("c.jsonl", "{\"b\":1}"),
    ];
    let found = rows(&read(&files, &Reading::default(), &mut Tick::silent())?);
    let cells: Vec<_> = found.iter().map(|(cells, _)| cells["a"].clone()).collect();
    assert_eq!(cells, [json!("1"), json!("007"), Value::Null]);
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
