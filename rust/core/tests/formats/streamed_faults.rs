//! Streams of files with faults: what is said, what is skipped, which types come of it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use foolsgold_core::Result;
use foolsgold_core::formats::{OnError, Stream, Streaming, Writing, convert};
use foolsgold_core::tick::Tick;

use super::common::{Folder, gzip, open};
use super::streamed::{Told, one, said, write};

pub(super) fn how(on_error: OnError, block_bytes: usize, threads: usize) -> Streaming {
    Streaming {
        on_error,
        block_bytes,
        threads,
        ..Streaming::default()
    }
}

pub(super) fn kinds(told: &Told) -> Vec<(String, String)> {
    let schema = told.table.schema();
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().to_string()))
        .collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn faults_name_the_file_the_row_and_the_column() {
    let folder = Folder::new();
    let cases: &[(&str, &[u8], &str)] = &[
        ("a.jsonl", b"", "FILE: must hold rows, got none"),
        ("a.json", b"[]", "FILE: must hold rows, got none"),
        ("a.csv", b"a,b\n", "FILE: must hold rows, got none"),
        (
            "a.jsonl",
            b"{\"a\":1}\n[1]\n",
            "FILE, row 2: must be one JSON object, got an array\nhint: put each object on a line of its own",
        ),
        (
            "a.jsonl",
            b"{\"a\":\"\\ud800\"}\n",
            "FILE, row 1: must be one JSON object, got unexpected end of hex escape at byte 13",
        ),
        (
            "a.jsonl",
            b"{\"a\":1}\n{\"a\":\"\xff\"}\n",
            "FILE, row 2: must be UTF-8, got byte 0xff at offset 14",
        ),
        (
            "a.jsonl",
            b"{\"a\":1,\"a\":2}\n",
            "FILE, row 1: must be one JSON object, got the key `a` twice at byte 10",
        ),
        (
            "a.jsonl",
            b"\xff\xfe{\0",
            "FILE, row 1: must be UTF-8, got byte 0xff at offset 0\nhint: it looks like UTF-16",
        ),
        (
            "a.json",
            b"[{\"a\":1},{\"a\":}]",
            "FILE, row 2: must be an array of JSON objects, got expected value at byte 14",
        ),
        (
            "a.json",
            b"[{\"a\":1} {\"a\":2}]",
            "FILE, row 2: must be an array of JSON objects, got `{` between its objects",
        ),
        (
            "a.json",
            b"[{\"a\":1}",
            "FILE, row 2: must be an array of JSON objects, got the end of the file before that of the array",
        ),
        (
            "a.json",
            b"[{\"a\":1}] x",
            "FILE, row 2: must be an array of JSON objects, got characters after its end",
        ),
        (
            "a.json",
            b"[{\"a\":1},3]",
            "FILE, row 2: must be one JSON object, got invalid type: integer `3`, expected an object at byte 1",
        ),
        (
            "a.json",
            b"[{\"a\":\"\xc3\"}]",
            "FILE, row 1: must be UTF-8, got byte 0xc3 at offset 7",
        ),
        (
            "a.csv",
            b"a,b\n1,2\n3\n",
            "FILE, row 3: must have 2 fields as the header has, got 1",
        ),
        (
            "a.csv",
            b"a,a\n1,2\n",
            "FILE, row 1: must name each column once, got `a` twice",
        ),
        (
            "a.csv",
            b"a,b\n\"1,2\n",
            "FILE, row 2: must close the quotes it opens, got the end of the file",
        ),
        (
            "a.csv",
            b"a,b\nx,\xe9\n",
            "FILE, row 2: must be UTF-8, got byte 0xe9 at offset 6",
        ),
        ("a.parquet", b"PAR1", "FILE: must be sound Parquet, got "),
        (
            "a.arrow",
            b"ARROW1\0\0ARROW1",
            "FILE: must be sound Arrow IPC, got ",
        ),
        (
            "a.arrows",
            b"",
            "FILE: must be sound Arrow IPC, got no schema",
        ),
        (
            "a.txt",
            b"x",
            "FILE: must end in .jsonl, .ndjson, .json, .csv or .tsv",
        ),
        ("a.parquet.gz", b"x", "FILE: must end in .jsonl"),
    ];
    for (name, bytes, expected) in cases {
        let file = folder.file(name, bytes);
        for (block, threads) in [(1 << 20, 1), (1, 1), (3, 2), (7, 7)] {
            let text = said(&one(&file, how(OnError::Raise, block, threads)));
            let text = text.replace(&file.display().to_string(), "FILE");
            let is_start = ["got ", ".tsv", ".jsonl"]
                .iter()
                .any(|end| expected.ends_with(end));
            let is_it = text == *expected || is_start && text.starts_with(expected);
            assert!(is_it, "{name}, blocks of {block}: {text}");
        }
    }
}

#[test]
fn bad_rows_are_skipped_and_counted() -> Result<()> {
    let folder = Folder::new();
    let text = "{\"a\":5}\n{\"a\":\"x\",\"b\":[\"y\"]}\n{\"a\":\"z\",\"b\":[1]}\n{\"a\":\n\n{\"a\":\"w\",\"b\":[\"v\",null]}\n{\"a\":{}}\n";
    let bytes = [text.as_bytes(), b"{\"a\":\"\xff\"}\n{\"a\":\"last\"}"].concat();
    let file = folder.file("a.jsonl", &bytes);
    let expected = [
        (1, "FILE, row 1, column `a`: must be a text, got a number"),
        (
            3,
            "FILE, row 3, column `b`: must be a list in which each is a text, got a number",
        ),
        (
            4,
            "FILE, row 4: must be one JSON object, got EOF while parsing a value at byte 5",
        ),
        (7, "FILE, row 7, column `a`: must be a text, got an object"),
        (8, "FILE, row 8: must be UTF-8, got byte 0xff at offset 93"),
    ];
    for (block, threads) in [(1 << 20, 1), (1, 1), (1, 2), (9, 7), (60, 2)] {
        let told = one(&file, how(OnError::Skip, block, threads))?;
        let skipped: Vec<(u64, String)> = told
            .skipped
            .iter()
            .map(|(row, reason)| (*row, reason.replace(&file.display().to_string(), "FILE")))
            .collect();
        let skipped: Vec<(u64, &str)> = skipped
            .iter()
            .map(|(row, text)| (*row, text.as_str()))
            .collect();
        assert_eq!(skipped, expected);
        assert_eq!(told.places, [2, 6, 9]);
        assert_eq!(kinds(&told)[0], ("a".into(), "LargeUtf8".into()));
    }
    // In an array only whole rows can be told from one another.
    let file = folder.file(
        "a.json",
        "[{\"a\":\"x\"},{\"a\":1},{\"a\":\"y\",\"a\":\"z\"}, [], {\"a\":\"w\"}]",
    );
    let told = one(&file, how(OnError::Skip, 4, 2))?;
    assert_eq!((told.places, told.skipped.len()), (vec![1, 5], 3));
    let bytes = b"a,b\n1,2\n3\n\xff,4\n5,6,7\n8,9\n\"open,1\n";
    let file = folder.file("a.csv", bytes);
    for (block, threads) in [(1 << 20, 1), (1, 2), (5, 3)] {
        let told = one(&file, how(OnError::Skip, block, threads))?;
        let rows: Vec<u64> = told.skipped.iter().map(|(row, _)| *row).collect();
        assert_eq!((told.places, rows), (vec![2, 6], vec![3, 4, 5, 7]));
    }
    let file = folder.file(
        "b.csv",
        b"\xef\xbb\xbfa,b\n1,2\n\"x\ny\xff\",3\n\"p\"q,5\n4,\xfe",
    );
    let expected = [
        (3, "row 3: must be UTF-8, got byte 0xff at offset 15"),
        (
            5,
            "row 5, column `a`: must end where its quotes close, got more behind them\nhint: a quote within quotes is written twice",
        ),
        (6, "row 6: must be UTF-8, got byte 0xfe at offset 29"),
    ];
    for (block, threads) in [(1 << 20, 1), (1, 2), (5, 3)] {
        let told = one(&file, how(OnError::Skip, block, threads))?;
        assert_eq!(told.places, [2]);
        for ((row, text), (place, end)) in told.skipped.iter().zip(expected) {
            assert!(*row == place && text.ends_with(end), "{text}");
        }
        assert_eq!(told.skipped.len(), expected.len());
    }
    let file = folder.file("all.jsonl", "x\ny\n");
    let text =
        said(&one(&file, how(OnError::Skip, 1, 1))).replace(&file.display().to_string(), "FILE");
    assert!(text.starts_with("FILE: must hold rows, got none that can be read\nhint: the first one is bad: FILE, row 1: must be one JSON object"), "{text}");
    Ok(())
}

#[test]
fn columns_of_several_kinds_are_left_out_or_settled_by_most() -> Result<()> {
    let folder = Folder::new();
    let file = folder.file(
        "a.jsonl",
        "{\"a\":1,\"b\":[1]}\n{\"a\":2.5,\"b\":[\"x\"]}\n{\"a\":3,\"b\":[\"y\"],\"c\":{\"d\":1}}\n",
    );
    let told = one(&file, how(OnError::Raise, 5, 2))?;
    assert_eq!(kinds(&told), [("a".into(), "Float64".into())]);
    let unreadable: Vec<String> = told
        .unreadable
        .iter()
        .map(|text| text.replace(&file.display().to_string(), "FILE"))
        .collect();
    assert_eq!(
        unreadable,
        [
            "FILE, row 2, column `b`: must be a list in which each is a number as in the rows before, got a text",
            "FILE, row 3, column `c`: must be text, number, truth value or a list of these, got an object",
        ]
    );
    let told = one(&file, how(OnError::Skip, 5, 2))?;
    assert_eq!((told.places, told.skipped.len()), (vec![2, 3], 1));
    let wanted = |name: &str| Streaming {
        columns: Some(vec![name.into()]),
        ..Streaming::default()
    };
    let asked = said(&one(&file, wanted("b")));
    assert!(
        asked.contains("row 2, column `b`: must be a list"),
        "{asked}"
    );
    let asked = said(&one(&file, wanted("e")));
    assert!(
        asked.contains("must have a column `e`, got the columns `a`, `b`, `c`"),
        "{asked}"
    );
    assert_eq!(
        kinds(&one(&file, wanted("a"))?),
        [("a".into(), "Float64".into())]
    );
    Ok(())
}

#[test]
fn objects_are_columns_on_request_and_objects_again() -> Result<()> {
    let folder = Folder::new();
    let text = concat!(
        "{\"q\":\"a\",\"ctxs\":[{\"text\":\"x\",\"n\":[1,2]},{\"text\":\"y\",\"n\":[]}],\"meta\":{\"id\":1,\"deep\":{\"k\":[true]}}}\n",
        "{\"q\":\"b\",\"ctxs\":[],\"meta\":{\"id\":null,\"deep\":{\"k\":null}}}\n",
        "{\"q\":\"c\",\"ctxs\":null,\"meta\":{\"id\":3,\"deep\":{\"k\":[]}}}\n",
        "{\"q\":\"d\",\"ctxs\":[{\"text\":null,\"n\":null}],\"meta\":{\"id\":4,\"deep\":{\"k\":[false,null]}}}\n",
    );
    let file = folder.file("a.jsonl", text);
    let nested = Streaming {
        is_nested: true,
        block_bytes: 30,
        threads: 2,
        ..Streaming::default()
    };
    let told = one(&file, nested.clone())?;
    let names: Vec<String> = kinds(&told).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["q", "ctxs.text", "ctxs.n", "meta.id", "meta.deep.k"]
    );
    for name in ["b.jsonl", "b.json", "b.parquet", "b.arrow", "folder"] {
        let to = folder.0.join(name);
        let stream = Stream::open(
            std::slice::from_ref(&file),
            nested.clone(),
            &mut Tick::silent(),
        )?;
        let is_array = name == "b.json";
        convert(
            &stream,
            &to,
            &Writing {
                is_array,
                ..Writing::default()
            },
            &mut Tick::silent(),
        )?;
        if name == "b.jsonl" {
            assert_eq!(std::fs::read_to_string(&to).unwrap_or_default(), text);
        }
        // Typed files keep the way to the objects.
        let back = folder.0.join("back.jsonl");
        let stream = Stream::open(&[to], nested.clone(), &mut Tick::silent())?;
        convert(&stream, &back, &Writing::default(), &mut Tick::silent())?;
        assert_eq!(
            std::fs::read_to_string(&back).unwrap_or_default(),
            text,
            "{name}"
        );
    }
    let file = folder.file("c.jsonl", "{\"a\":{\"b\":1},\"a.b\":2}\n");
    let text = said(&one(&file, nested));
    assert!(
        text.contains("must give each column a name of its own, got `a.b` twice"),
        "{text}"
    );
    Ok(())
}

#[test]
fn types_may_be_given() -> Result<()> {
    let folder = Folder::new();
    let file = folder.file("a.tsv", "1\t\"x\"\t\n02\ty\t2.5\n");
    let names = |on_error| Streaming {
        names: Some(["id", "text", "score"].map(String::from).to_vec()),
        columns: Some(["text", "score", "id"].map(String::from).to_vec()),
        types: [("id", "text"), ("text", "text"), ("score", "float64")]
            .map(|(name, kind)| (name.into(), kind.into()))
            .into(),
        is_quoted: false,
        on_error,
        block_bytes: 3,
        ..Streaming::default()
    };
    let told = one(&file, names(OnError::Raise))?;
    let expected = [
        ("text", "LargeUtf8"),
        ("score", "Float64"),
        ("id", "LargeUtf8"),
    ];
    assert_eq!(
        kinds(&told),
        expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()))
    );
    assert_eq!(told.table.column(1).null_count(), 1);
    let file = folder.file("b.tsv", "1\tx\tz\n2\ty\t3\n");
    let text = said(&one(&file, names(OnError::Raise)));
    assert!(
        text.ends_with("row 1, column `score`: must be a number, got `z`"),
        "{text}"
    );
    assert_eq!(one(&file, names(OnError::Skip))?.places, [2]);
    let bad = |kind: &str| Streaming {
        types: HashMap::from([("a".into(), kind.into())]),
        ..Streaming::default()
    };
    let text = said(&one(&file, bad("date")));
    assert_eq!(
        text,
        "`types` must hold `text`, `int64`, `float64`, `bool` or `list[...]` of one of these, got `date` for `a`"
    );
    let file = folder.file("c.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    assert_eq!(
        kinds(&one(&file, bad("float64"))?),
        [("a".into(), "Float64".into())]
    );
    let text = said(&one(&file, bad("text")));
    assert!(
        text.ends_with("row 1, column `a`: must be a text, got a number"),
        "{text}"
    );
    Ok(())
}

#[test]
fn long_lines_marks_line_ends_and_packing() -> Result<()> {
    let folder = Folder::new();
    let long = "é".repeat(5_000_000);
    let text = format!("\u{feff}{{\"a\":\"{long}\"}}\r\n\r\n{{\"a\":\"\\u0000\"}}\r\n");
    let array = format!("\u{feff}[\r\n{{\"a\":\"{long}\"}} ,\r\n{{\"a\":\"\\u0000\"}}\r\n]\r\n");
    let sheet = format!("\u{feff}a,b\r\n\"{long},\n\"\"\",1\r\n\r\n\"\0\",2\r\n");
    let gzipped = gzip(text.as_bytes());
    let cases = [
        ("a.jsonl", text.into_bytes(), "", [1, 3]),
        ("a.jsonl.gz", gzipped, "", [1, 3]),
        ("a.json", array.into_bytes(), "", [1, 2]),
        ("a.csv", sheet.into_bytes(), ",\n\"", [2, 5]),
    ];
    for (name, bytes, end, places) in cases {
        let file = folder.file(name, bytes);
        for (block, threads) in [(1 << 12, 2), (1 << 20, 1)] {
            let told = one(&file, how(OnError::Raise, block, threads))?;
            let table = open(&file, block, threads)?;
            let whole = table.column("a")?;
            let whole: Vec<&str> = whole
                .iter()
                .flat_map(|chunk| chunk.as_string::<i64>().iter().flatten())
                .collect();
            let texts = told.table.column(0).as_string::<i64>();
            assert!([texts.value(0), texts.value(1)] == whole[..], "{name}");
            assert!(whole[0].strip_prefix(&*long) == Some(end), "{name}");
            assert_eq!((whole[1], &told.places[..]), ("\0", &places[..]));
        }
    }
    Ok(())
}

#[test]
fn what_a_format_cannot_hold_is_refused_by_row_and_column() -> Result<()> {
    use arrow_array::{ArrayRef, Float64Array, LargeStringArray, RecordBatch};
    let folder = Folder::new();
    let table = |name: &str, array: ArrayRef| {
        RecordBatch::try_from_iter_with_nullable([
            (name, array, true),
            (
                "beside",
                Arc::new(Float64Array::from(vec![0.5; 3])) as ArrayRef,
                true,
            ),
        ])
    };
    let numbers = |bad| Arc::new(Float64Array::from(vec![1.0, 2.0, bad])) as ArrayRef;
    let texts =
        |last| Arc::new(LargeStringArray::from(vec![Some("a"), Some("b"), last])) as ArrayRef;
    let plain = Writing {
        is_quoted: false,
        ..Writing::default()
    };
    let cases = [
        (
            "a.jsonl",
            numbers(f64::NAN),
            Writing::default(),
            "FILE, row 3, column `x`: must be finite in JSON, got NaN",
        ),
        (
            "a.json",
            numbers(f64::INFINITY),
            Writing::default(),
            "FILE, row 3, column `x`: must be finite in JSON, got infinity",
        ),
        (
            "a.csv",
            numbers(f64::NAN),
            Writing::default(),
            "FILE, row 3, column `x`: must be finite in a sheet, got NaN",
        ),
        (
            "a.tsv",
            texts(Some("c\td")),
            plain.clone(),
            "FILE, row 3, column `x`: must hold no separator and no line end where nothing is quoted, got `\\t`",
        ),
        (
            "a.tsv",
            texts(None),
            plain,
            "FILE, row 3, column `x`: must not be null where nothing is quoted: it would be read as no text, got null",
        ),
    ];
    for (name, column, how, expected) in cases {
        let path = folder.file(name, "earlier");
        let table = table("x", column)
            .map_err(|error| foolsgold_core::Error::argument("table", "be one", error))?;
        let text = write(&path, &table, 1, &how)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert_eq!(text.replace(&path.display().to_string(), "FILE"), expected);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap_or_default(),
            "earlier"
        );
        assert_eq!(std::fs::read_dir(&folder.0).map_or(0, Iterator::count), 1);
        std::fs::remove_file(&path).unwrap_or_default();
    }
    Ok(())
}
