//! Any JSON Lines and any CSV is what was written, in any packing.

use foolsgold_core::formats::{Reading, read};
use foolsgold_core::tick::Tick;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::common::{Folder, gzip, open, rows, told};

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

pub(super) type Sheet = Vec<Vec<(usize, Value)>>;

/// Rows of `(column, value)`; a column of number n holds the kind `n % kinds`.
pub(super) fn sheet(kinds: usize) -> impl Strategy<Value = Sheet> {
    let cells = prop::collection::btree_map(0usize..7, any::<prop::sample::Index>(), 1..5);
    let row = cells.prop_flat_map(move |cells| {
        cells
            .into_keys()
            .map(|at| value(at % kinds).prop_map(move |value| (at, value)))
            .collect::<Vec<_>>()
    });
    prop::collection::vec(row, 1..20)
}

pub(super) fn json_lines(sheet: &Sheet, ends: &str) -> String {
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
