//! The sound rows of files with faults: those that a naive reader of single lines finds, whatever the blocks and threads.

use std::sync::Arc;

use arrow_array::builder::StringDictionaryBuilder;
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Date32Array, Int32Array, RecordBatch};
use foolsgold_core::Result;
use foolsgold_core::formats::{MixedKind, Sound, Writing, read_sound};
use foolsgold_core::tick::Tick;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value};

use super::common::{Folder, gzip, message, rows};
use super::streamed::write;

fn sound(file: &std::path::Path, block_bytes: usize, threads: usize) -> Result<Sound> {
    read_sound(&[file.into()], threads, block_bytes, &mut Tick::silent())
}

const CELLS: [&str; 14] = [
    "null",
    "\"x\"",
    "\"\"",
    "\"y\"",
    "5",
    "true",
    "{\"k\":1}",
    "[]",
    "[null]",
    "[\"p\"]",
    "[\"p\",null,\"q\"]",
    "[1]",
    "[\"p\",1,\"q\"]",
    "[[\"q\"]]",
];
const BROKEN: [&str; 9] = [
    "{",
    "[]",
    "7",
    "{}x",
    "{\"a\":\"\\ud800\"}",
    "{\"b\":{\"k\":\"\\ud800\"}}",
    "{\"b\":[[1e999]]}",
    "{\"b\":{\"\\ud800\":1}}",
    "{\"c\":1,\"c\":2}",
];

/// Whether one type holds the values.
fn is_of_one_kind(values: &[&Value]) -> bool {
    let class = |value: &&Value| match value {
        Value::Null => None,
        Value::Bool(_) => Some(0),
        Value::Number(_) => Some(1),
        Value::String(_) => Some(2),
        Value::Array(_) => Some(3),
        Value::Object(_) => Some(4),
    };
    let mut classes: Vec<_> = values.iter().filter_map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    match classes[..] {
        [] | [0..=2] => true,
        [3] => {
            let items = values.iter().filter_map(|value| value.as_array());
            is_of_one_kind(&items.flatten().collect::<Vec<_>>())
        }
        _ => false,
    }
}

fn kind(value: &Value) -> MixedKind {
    let is_text = |item: &Value| item.is_string() || item.is_null();
    match value {
        Value::Null => MixedKind::Null,
        Value::Bool(_) => MixedKind::Flag,
        Value::Number(_) => MixedKind::Number,
        Value::String(_) => MixedKind::Text,
        Value::Object(_) => MixedKind::Object,
        Value::Array(items) if items.iter().all(is_text) => MixedKind::Texts,
        Value::Array(_) => MixedKind::Others,
    }
}

/// What becomes of a column: its cells and, of several kinds, the kinds; `None` where it is left out.
fn column(values: &[&Value]) -> Option<(Vec<Value>, Option<Vec<u8>>)> {
    if is_of_one_kind(values) {
        return Some((values.iter().map(|&value| value.clone()).collect(), None));
    }
    let kinds: Vec<MixedKind> = values.iter().map(|value| kind(value)).collect();
    let has_text = |(value, kind): (&&Value, &MixedKind)| match kind {
        MixedKind::Text => true,
        MixedKind::Texts => value
            .as_array()
            .is_some_and(|items| items.iter().any(Value::is_string)),
        _ => false,
    };
    if !values.iter().zip(&kinds).any(has_text) {
        return None;
    }
    let has_lists = kinds.contains(&MixedKind::Texts);
    let cells = values.iter().zip(&kinds).map(|(&value, kind)| match kind {
        MixedKind::Text if has_lists => Value::Array(vec![value.clone()]),
        MixedKind::Text | MixedKind::Texts => value.clone(),
        _ => Value::Null,
    });
    let told = kinds.iter().map(|&kind| kind as u8).collect();
    Some((cells.collect(), Some(told)))
}

fn line() -> impl Strategy<Value = (String, bool)> {
    let cell = || select(CELLS.to_vec());
    let good = (cell(), cell(), any::<bool>()).prop_map(|(a, b, has_both)| {
        let text = if has_both {
            format!("{{\"a\":{a},\"b\":{b}}}")
        } else {
            format!("{{\"b\":{b}}}")
        };
        (text, true)
    });
    let broken = select(BROKEN.to_vec()).prop_map(|text| (text.to_owned(), false));
    prop_oneof![6 => good, 1 => broken]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn rows_and_kinds_are_those_of_single_lines(
        lines in prop::collection::vec(line(), 1..24),
        is_packed in any::<bool>(),
    ) {
        let folder = Folder::new();
        let text: Vec<&str> = lines.iter().map(|(text, _)| text.as_str()).collect();
        let bytes = text.join("\n").into_bytes();
        let bytes = if is_packed { gzip(&bytes) } else { bytes };
        let file = folder.file("a.jsonl", bytes);
        let good: Vec<(u64, Map<String, Value>)> = (1..)
            .zip(&lines)
            .filter(|(_, (_, is_good))| *is_good)
            .map(|(line, (text, _))| (line, serde_json::from_str(text).unwrap_or_default()))
            .collect();
        for (block, threads) in [(1 << 20, 1), (1, 2), (40, 3)] {
            let found = sound(&file, block, threads);
            if good.is_empty() {
                let text = message(found, &file);
                prop_assert!(text.starts_with("FILE: must hold rows, got none"), "{}", text);
                continue;
            }
            let found = found.map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(found.skipped.count, (lines.len() - good.len()) as u64);
            let mut expected: Vec<(Map<String, Value>, u64)> =
                good.iter().map(|(line, _)| (Map::new(), *line)).collect();
            let mut left_out = Vec::new();
            let mut kinds = Vec::new();
            for name in ["a", "b"] {
                let null = Value::Null;
                let values: Vec<&Value> =
                    good.iter().map(|(_, row)| row.get(name).unwrap_or(&null)).collect();
                if !good.iter().any(|(_, row)| row.contains_key(name)) {
                    continue;
                }
                let Some((cells, told)) = column(&values) else {
                    left_out.push(name.to_owned());
                    continue;
                };
                for ((row, _), cell) in expected.iter_mut().zip(cells) {
                    row.insert(name.into(), cell);
                }
                kinds.extend(told.map(|told| (name.to_owned(), told)));
            }
            let mut mixed: Vec<_> =
                found.mixed.into_iter().map(|column| (column.name, column.kinds)).collect();
            mixed.sort();
            let mut refused: Vec<String> =
                found.table.unreadable().map(|(name, _)| name.to_owned()).collect();
            refused.sort();
            prop_assert_eq!(rows(&found.table), expected);
            prop_assert_eq!(mixed, kinds);
            prop_assert_eq!(refused, left_out);
        }
    }
}

#[test]
fn typed_files_become_columns_of_a_table() -> Result<()> {
    let folder = Folder::new();
    let mut names = StringDictionaryBuilder::<Int32Type>::new();
    names.append_value("x");
    names.append_null();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("name", Arc::new(names.finish())),
        ("day", Arc::new(Date32Array::from(vec![1, 2]))),
        ("n", Arc::new(Int32Array::from(vec![Some(1), None]))),
    ];
    let batch = RecordBatch::try_from_iter(columns)
        .map_err(|error| foolsgold_core::Error::argument("columns", "be of one length", error))?;
    for name in ["a.parquet", "a.arrow", "a.arrows"] {
        let file = folder.0.join(name);
        write(&file, &batch, 1, &Writing::default())?;
        let found = sound(&file, 1 << 20, 2)?;
        let fields = found.table.schema().fields().iter();
        let kinds: Vec<String> = fields
            .map(|field| format!("{}: {}", field.name(), field.data_type()))
            .collect();
        assert_eq!(kinds, ["name: LargeUtf8", "n: Int64"]);
        let cells = rows(&found.table);
        assert_eq!(
            cells.iter().map(|(_, line)| *line).collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(cells[0].0["name"], "x");
        assert_eq!(cells[1].0["n"], Value::Null);
        let refused: Vec<String> = found
            .table
            .unreadable()
            .map(|(_, error)| error.to_string())
            .collect();
        assert!(
            refused[0].contains("column `day` must hold texts, numbers"),
            "{refused:?}"
        );
    }
    Ok(())
}

#[test]
fn a_kind_is_told_of_json_alone() -> Result<()> {
    let folder = Folder::new();
    let lines = folder.file(
        "a.jsonl",
        "{\"a\":\"x\",\"b\":\"1\"}\n{\"a\":[\"y\"],\"b\":\"2\"}\n",
    );
    let sheet = folder.file("b.csv", "a,b\nz,\n");
    let found = read_sound(&[lines.clone(), sheet], 1, 1, &mut Tick::silent())?;
    assert!(found.mixed.is_empty());
    assert_eq!(
        found
            .table
            .unreadable()
            .map(|(name, _)| name)
            .collect::<Vec<_>>(),
        ["a"]
    );
    let places: Vec<u64> = rows(&found.table).iter().map(|(_, line)| *line).collect();
    assert_eq!(places, [1, 2, 2]);
    assert_eq!(sound(&lines, 1, 1)?.mixed[0].kinds, [1, 2]);
    Ok(())
}

#[test]
fn a_header_that_is_no_text_is_no_row_to_skip() {
    let folder = Folder::new();
    let cases: [(&[u8], &str); 2] = [
        (
            b"a,\xff\n1,2\n3,4\n",
            "FILE, row 1: must be UTF-8, got byte 0xff at offset 2",
        ),
        (
            b"\xff\xfea\0",
            "FILE, row 1: must be UTF-8, got byte 0xff at offset 0\nhint: it looks like UTF-16",
        ),
    ];
    for (bytes, expected) in cases {
        let file = folder.file("a.csv", bytes);
        assert_eq!(message(sound(&file, 1, 1), &file), expected);
    }
}
