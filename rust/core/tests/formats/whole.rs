//! What is read as a whole is what a stream gives: the rows, the types, the places and every fault.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{Float32Array, Int32Array, RecordBatch, StringArray};
use arrow_select::concat::concat_batches;
use foolsgold_core::formats::{Reading, Streaming, Writing, read};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::json;

use super::common::{Folder, message, rows};
use super::streamed::{said, stream, write};
use super::written::{json_lines, sheet};

/// All that is said of files that are read as a whole, as [`said`] has it.
fn whole(
    files: &[PathBuf],
    columns: Option<&[String]>,
    block_bytes: usize,
    threads: usize,
) -> String {
    let how = Reading {
        columns,
        threads,
        block_bytes,
        ..Reading::default()
    };
    let table = match read(files, &how, &mut Tick::silent()) {
        Ok(table) => table,
        Err(error) => return error.to_string(),
    };
    let Ok(rows) = concat_batches(table.schema(), table.batches()) else {
        return "batches of several schemas".into();
    };
    let places = (0..table.rows()).filter_map(|row| Some(table.place(row)?.1));
    let places: Vec<u64> = places.collect();
    let unreadable: Vec<String> = table
        .unreadable()
        .map(|(_, error)| error.to_string())
        .collect();
    format!(
        "{rows:?} {:?} {places:?} {unreadable:?}",
        Vec::<(u64, String)>::new()
    )
}

fn streamed(files: &[PathBuf]) -> String {
    said(&stream(files, Streaming::default()))
}

const CELLS: [&str; 14] = [
    "",
    "",
    "\"\"",
    "1",
    "-7",
    "\"1\"",
    "2.5",
    "1e3",
    "007",
    "9007199254740993",
    "x",
    "\"x,\n\"",
    "\"y\"\"\"",
    "\"z\"y",
];

fn records() -> impl Strategy<Value = String> {
    // Each column has cells of its own, so that some are numbers alone.
    let cells = prop::collection::vec(select(CELLS.to_vec()), 1..4);
    let columns = prop::collection::vec(cells, 1..4);
    let picks = prop::collection::vec(prop::collection::vec(any::<Index>(), 3), 0..20);
    (columns, picks).prop_map(|(columns, picks)| {
        let names: Vec<String> = (0..columns.len()).map(|at| format!("c{at}")).collect();
        let mut lines = vec![names.join(",")];
        lines.extend(picks.iter().map(|picks| {
            let cells = columns
                .iter()
                .zip(picks)
                .map(|(cells, pick)| *pick.get(cells));
            cells.collect::<Vec<_>>().join(",")
        }));
        lines.join("\n")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn json_is_read_as_its_stream(sheet in sheet(6), cut in prop::option::of(any::<Index>()), is_array in any::<bool>(), bytes in 1usize..200, threads in 1usize..5) {
        let folder = Folder::new();
        let mut text = json_lines(&sheet, "\n");
        if is_array {
            text = format!("[{}]", text.trim_end().replace('\n', ","));
        }
        let mut text = text.into_bytes();
        if let Some(cut) = cut {
            text.truncate(cut.index(text.len()));
        }
        let files = [folder.file(if is_array { "a.json" } else { "a.jsonl" }, text)];
        prop_assert_eq!(whole(&files, None, bytes, threads), streamed(&files));
    }

    #[test]
    fn sheets_are_read_as_their_stream(text in records(), bytes in 1usize..60, threads in 1usize..5) {
        let folder = Folder::new();
        let files = [folder.file("a.csv", text)];
        prop_assert_eq!(whole(&files, None, bytes, threads), streamed(&files));
    }

    #[test]
    fn several_files_are_read_as_their_stream(first in sheet(6), text in records(), last in sheet(5), bytes in 1usize..200, threads in 1usize..5) {
        let folder = Folder::new();
        let files = [
            folder.file("a.jsonl", json_lines(&first, "\n")),
            folder.file("b.csv", text),
            folder.file("c.jsonl", json_lines(&last, "\n")),
        ];
        prop_assert_eq!(whole(&files, None, bytes, threads), streamed(&files));
    }
}

#[test]
fn later_rows_widen_what_earlier_ones_were() -> Result<()> {
    let folder = Folder::new();
    let text = "{\"a\":null,\"b\":1,\"c\":[null]}\n{\"a\":1,\"b\":2,\"c\":[1]}\n{\"a\":\"x\",\"b\":0.5,\"c\":[0.5],\"d\":[[]]}\n{\"a\":\"y\",\"d\":[[true]]}\n";
    let file = folder.file("a.jsonl", text);
    for (block, threads) in [(1, 1), (1, 3), (1 << 20, 1)] {
        let how = Reading {
            block_bytes: block,
            threads,
            ..Reading::default()
        };
        let table = read(std::slice::from_ref(&file), &how, &mut Tick::silent())?;
        let found: Vec<_> = rows(&table)
            .into_iter()
            .map(|(cells, _)| json!(cells))
            .collect();
        assert_eq!(
            found,
            [
                json!({"b": 1.0, "c": [null], "d": null}),
                json!({"b": 2.0, "c": [1.0], "d": null}),
                json!({"b": 0.5, "c": [0.5], "d": [[]]}),
                json!({"b": null, "c": null, "d": [[true]]}),
            ]
        );
        assert_eq!(
            message(table.column("a"), &file),
            "FILE, row 3, column `a`: must be a number as in the rows before, got a text"
        );
    }
    Ok(())
}

#[test]
fn files_of_every_format_are_one_table_in_their_order() -> Result<()> {
    let folder = Folder::new();
    let columns: [(&str, arrow_array::ArrayRef); 2] = [
        ("a", Arc::new(StringArray::from(vec!["p", "q"]))),
        ("n", Arc::new(Int32Array::from(vec![3, 4]))),
    ];
    let error = |error| foolsgold_core::Error::argument("columns", "be of one length", error);
    let typed = RecordBatch::try_from_iter(columns).map_err(error)?;
    for name in ["b.parquet", "d.arrow", "saved"] {
        write(&folder.0.join(name), &typed, 1, &Writing::default())?;
    }
    let none: arrow_array::ArrayRef = Arc::new(Float32Array::from(Vec::<f32>::new()));
    let empty = RecordBatch::try_from_iter([("n", none)]).map_err(error)?;
    write(
        &folder.0.join("empty.arrow"),
        &empty,
        1,
        &Writing::default(),
    )?;
    let files = [
        folder.file("a.jsonl", "{\"a\":\"x\",\"n\":1}\n"),
        folder.0.join("b.parquet"),
        folder.file("c.csv", "n,a\n2.5,y\n"),
        folder.0.join("d.arrow"),
        folder.file("e.json", "[{\"a\":\"z\",\"n\":5}]"),
        folder.0.join("saved"),
    ];
    let mut heard = Vec::new();
    let mut poll = |done, total| {
        heard.push((done, total));
        std::ops::ControlFlow::Continue(())
    };
    let table = read(&files, &Reading::default(), &mut Tick::new(&mut poll))?;
    let found: Vec<_> = rows(&table)
        .into_iter()
        .map(|(cells, line)| json!([cells["a"], cells["n"], line]))
        .collect();
    assert_eq!(
        json!(found),
        json!([
            ["x", 1.0, 1],
            ["p", 3.0, 1],
            ["q", 4.0, 2],
            ["y", 2.5, 2],
            ["p", 3.0, 1],
            ["q", 4.0, 2],
            ["z", 5.0, 1],
            ["p", 3.0, 1],
            ["q", 4.0, 2]
        ])
    );
    assert_eq!(table.place(4).map(|(file, _)| file), Some(&*files[3]));
    assert!(heard.is_sorted());
    let files = [folder.0.join("b.parquet"), folder.0.join("empty.arrow")];
    let said = message(
        read(&files, &Reading::default(), &mut Tick::silent()),
        &files[1],
    );
    assert_eq!(said, "FILE: must hold rows, got none");
    Ok(())
}

#[test]
fn columns_that_are_not_wanted_are_sound_and_not_told() {
    let folder = Folder::new();
    let text = "{\"a\":\"x\",\"b\":1}\n{\"a\":\"y\",\"b\":\"z\"}\n{\"a\":\"z\",\"c\":{}}\n";
    let files = [folder.file("a.jsonl", text)];
    let wanted = |name: &str| whole(&files, Some(&[name.into()]), 1, 2);
    assert!(wanted("a").ends_with(" [] [1, 2, 3] []"), "{}", wanted("a"));
    assert!(wanted("d").ends_with("must have a column `d`, got the columns `a`, `b`, `c`"));
    let files = [folder.file(
        "b.jsonl",
        "{\"a\":\"x\"}\n{\"a\":\"y\",\"b\":\"\\ud800\"}\n",
    )];
    let said = whole(&files, Some(&["a".into()]), 1, 1);
    assert!(
        said.contains("row 2: must be one JSON object, got "),
        "{said}"
    );
}
