//! Streams: what was written is read, whatever the blocks and the threads; every path between formats gives back the rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, LargeListBuilder,
    LargeStringBuilder, ListBuilder, StringBuilder, StringDictionaryBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use foolsgold_core::formats::{Stream, Streaming, Writer, Writing, convert};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use super::common::Folder;

/// What a stream says in all.
pub(super) struct Told {
    pub(super) table: RecordBatch,
    pub(super) skipped: Vec<(u64, String)>,
    pub(super) places: Vec<u64>,
    pub(super) unreadable: Vec<String>,
}

pub(super) fn stream(files: &[PathBuf], how: Streaming) -> Result<Told> {
    let stream = Arc::new(Stream::open(files, how, &mut Tick::silent())?);
    let mut batches = stream.batches();
    let mut found = Vec::new();
    while let Some(batch) = batches.next(&mut Tick::silent())? {
        assert!(batch.num_rows() > 0);
        found.push(batch);
    }
    let table = concat_batches(stream.schema(), &found)
        .map_err(|error| foolsgold_core::Error::argument("batches", "be of one schema", error))?;
    let rows = table.num_rows() as u64;
    Ok(Told {
        skipped: batches
            .skipped()
            .rows
            .iter()
            .map(|row| (row.row, row.reason.clone()))
            .collect(),
        places: (0..rows)
            .filter_map(|row| Some(batches.place(row)?.1))
            .collect(),
        unreadable: stream
            .unreadable()
            .map(|(_, error)| error.to_string())
            .collect(),
        table,
    })
}

pub(super) fn one(file: &Path, how: Streaming) -> Result<Told> {
    stream(&[file.to_owned()], how)
}

pub(super) fn said(outcome: &Result<Told>) -> String {
    match outcome {
        Ok(told) => format!(
            "{:?} {:?} {:?} {:?}",
            told.table, told.skipped, told.places, told.unreadable
        ),
        Err(error) => error.to_string(),
    }
}

pub(super) fn write(path: &Path, table: &RecordBatch, rows: usize, how: &Writing) -> Result<u64> {
    let mut writer = Writer::new(path, &table.schema(), how)?;
    for start in (0..table.num_rows()).step_by(rows) {
        let batch = table.slice(start, rows.min(table.num_rows() - start));
        writer.push(batch, &mut Tick::silent())?;
    }
    writer.finish(&mut Tick::silent())
}

/// Texts with all that a format may trip over.
pub(super) fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "",
        "a",
        "\"",
        "\"\"",
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
        "]",
        "é",
        "😀",
        "\u{2028}",
        "\u{85}",
        " ",
        "null",
        "1",
        "-0",
        "1e5",
        "\\ud800",
        "\u{10ffff}",
        "\u{7f}",
        "\u{1}",
    ]);
    prop_oneof![
        3 => prop::collection::vec(pieces, 0..6).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
    ]
}

pub(super) fn number() -> impl Strategy<Value = f64> {
    use prop::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    prop_oneof![
        POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO,
        Just(f64::MIN_POSITIVE),
        Just(f64::MAX),
        Just(-0.0),
        Just(0.1),
        Just(9_007_199_254_740_993.0),
    ]
}

/// A row: a text, an optional text, a whole number, a fraction, a truth value, lists.
type Row = (
    String,
    Option<String>,
    Option<i64>,
    Option<f64>,
    Option<bool>,
    Option<Vec<Option<String>>>,
    Option<Vec<Option<f64>>>,
    Vec<i64>,
);

pub(super) fn rows() -> impl Strategy<Value = Vec<Row>> {
    let option = |strategy| prop::option::weighted(0.8, strategy);
    let row = (
        hostile(),
        option(hostile().boxed()),
        prop::option::weighted(
            0.8,
            prop_oneof![any::<i64>(), Just(i64::MIN), Just(i64::MAX)],
        ),
        prop::option::weighted(0.8, number()),
        prop::option::weighted(0.8, any::<bool>()),
        prop::option::weighted(
            0.8,
            prop::collection::vec(prop::option::of(hostile()), 0..4),
        ),
        prop::option::weighted(0.8, prop::collection::vec(prop::option::of(number()), 0..4)),
        prop::collection::vec(any::<i64>(), 0..3),
    );
    prop::collection::vec(row, 1..24)
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns)
        .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(Schema::empty())))
}

/// The rows in the types that a text file is read with; one of each column is not null, so that each type is seen.
pub(super) fn plain_table(rows: &[Row], has_lists: bool) -> RecordBatch {
    let (mut text, mut maybe) = (LargeStringBuilder::new(), LargeStringBuilder::new());
    let (mut whole, mut part, mut flag) = (
        Int64Builder::new(),
        Float64Builder::new(),
        BooleanBuilder::new(),
    );
    let mut texts = LargeListBuilder::new(LargeStringBuilder::new());
    let mut numbers = LargeListBuilder::new(Float64Builder::new());
    let mut wholes = LargeListBuilder::new(Int64Builder::new());
    let first = (
        "x".to_owned(),
        Some("y".to_owned()),
        Some(1),
        Some(0.5),
        Some(true),
        Some(vec![Some("z".to_owned())]),
        Some(vec![Some(0.25)]),
        vec![1],
    );
    for row in std::iter::once(&first).chain(rows) {
        text.append_value(&row.0);
        maybe.append_option(row.1.as_ref());
        whole.append_option(row.2);
        part.append_option(row.3);
        flag.append_option(row.4);
        texts.append_option(row.5.clone());
        numbers.append_option(row.6.clone());
        wholes.append_option(Some(row.7.iter().copied().map(Some)));
    }
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("text", Arc::new(text.finish())),
        ("maybe", Arc::new(maybe.finish())),
        ("whole", Arc::new(whole.finish())),
        ("part", Arc::new(part.finish())),
    ];
    if has_lists {
        columns.push(("flag", Arc::new(flag.finish())));
        columns.push(("texts", Arc::new(texts.finish())));
        columns.push(("numbers", Arc::new(numbers.finish())));
        columns.push(("wholes", Arc::new(wholes.finish())));
    }
    batch(columns)
}

/// The rows in types that only typed files have.
fn typed_table(rows: &[Row]) -> RecordBatch {
    let mut text = StringBuilder::new();
    let mut view = arrow_array::builder::StringViewBuilder::new();
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    let (mut small, mut single) = (Int32Builder::new(), Float32Builder::new());
    let mut texts = ListBuilder::new(StringBuilder::new());
    let mut nested = ListBuilder::new(ListBuilder::new(Float32Builder::new()));
    let mut fixed = arrow_array::builder::FixedSizeListBuilder::new(Float32Builder::new(), 2);
    for row in rows {
        text.append_value(&row.0);
        view.append_option(row.1.as_ref());
        dictionary.append_option(row.1.as_ref());
        small.append_option(row.2.map(|number| i32::try_from(number >> 32).unwrap_or(0)));
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        single.append_option(row.3.map(|number| number as f32));
        texts.append_option(row.5.clone());
        nested.append_value(row.7.iter().map(|&number| {
            #[expect(clippy::cast_precision_loss, reason = "any number will do")]
            Some(vec![Some(number as f32), None])
        }));
        fixed.values().append_value(0.5);
        fixed.values().append_null();
        fixed.append(row.4.is_some());
    }
    batch(vec![
        ("text", Arc::new(text.finish())),
        ("view", Arc::new(view.finish())),
        ("dictionary", Arc::new(dictionary.finish())),
        ("small", Arc::new(small.finish())),
        ("single", Arc::new(single.finish())),
        ("texts", Arc::new(texts.finish())),
        ("nested", Arc::new(nested.finish())),
        ("fixed", Arc::new(fixed.finish())),
    ])
}

fn blocks(block_bytes: usize, threads: usize) -> Streaming {
    Streaming {
        block_bytes,
        threads,
        ..Streaming::default()
    }
}

const THREADS: [usize; 3] = [1, 2, 7];
const JSON: [&str; 5] = ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.ndjson", "a.json"];
const TYPED: [&str; 4] = ["a.parquet", "a.arrow", "a.arrows", "folder"];

fn kinds(schema: &SchemaRef) -> Vec<(String, String)> {
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().to_string()))
        .collect()
}

/// Equal in names, types and values; dictionaries by what they stand for.
fn check_equal(found: &RecordBatch, expected: &RecordBatch) -> Result<(), TestCaseError> {
    prop_assert_eq!(kinds(&found.schema()), kinds(&expected.schema()));
    for ((field, a), b) in found
        .schema()
        .fields()
        .iter()
        .zip(found.columns())
        .zip(expected.columns())
    {
        let plain = |array: &ArrayRef| format!("{array:?}").replace("DictionaryArray", "");
        if matches!(field.data_type(), arrow_schema::DataType::Dictionary(..)) {
            let text = |array| arrow_cast::cast(array, &arrow_schema::DataType::LargeUtf8).ok();
            prop_assert_eq!(text(a), text(b), "{}", field.name());
        } else {
            prop_assert!(a == b, "{}: {} {}", field.name(), plain(a), plain(b));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn json_comes_back(rows in rows(), name in prop::sample::select(JSON.to_vec()), bytes in 1usize..400, threads in prop::sample::select(THREADS.to_vec()), piece in 1usize..9) {
        let folder = Folder::new();
        let table = plain_table(&rows, true);
        let path = folder.0.join(name);
        for is_array in [false, true] {
            if is_array && name != "a.json" {
                continue;
            }
            let how = Writing { is_array, threads, ..Writing::default() };
            prop_assert_eq!(write(&path, &table, piece, &how)?, table.num_rows() as u64);
            let told = one(&path, blocks(bytes, threads))?;
            check_equal(&told.table, &table)?;
            prop_assert!(told.places.iter().copied().eq(1..=table.num_rows() as u64));
        }
    }

    #[test]
    fn sheets_come_back(rows in rows(), name in prop::sample::select(vec!["a.csv", "a.tsv", "a.csv.gz", "a.tsv.zst"]), bytes in 1usize..400, threads in prop::sample::select(THREADS.to_vec())) {
        let folder = Folder::new();
        let table = plain_table(&rows, false);
        let path = folder.0.join(name);
        write(&path, &table, 3, &Writing { threads, ..Writing::default() })?;
        let told = one(&path, blocks(bytes, threads))?;
        check_equal(&told.table, &table)?;
        // Without a header the names are given.
        write(&path, &table, 3, &Writing { has_header: false, ..Writing::default() })?;
        let names = table.schema().fields().iter().map(|field| field.name().clone()).collect();
        let how = Streaming { names: Some(names), ..blocks(bytes, threads) };
        check_equal(&one(&path, how)?.table, &table)?;
    }

    #[test]
    fn typed_files_come_back(rows in rows(), name in prop::sample::select(TYPED.to_vec()), bytes in 1usize..4000, threads in prop::sample::select(THREADS.to_vec()), piece in 1usize..9) {
        let folder = Folder::new();
        let path = folder.0.join(name);
        for table in [plain_table(&rows, true), typed_table(&rows)] {
            write(&path, &table, piece, &Writing { threads, ..Writing::default() })?;
            let told = one(&path, blocks(bytes, threads))?;
            check_equal(&told.table, &table)?;
            prop_assert!(told.places.iter().copied().eq(1..=table.num_rows() as u64));
        }
    }

    #[test]
    fn any_way_between_formats_is_the_identity(rows in rows(), way in prop::collection::vec(prop::sample::select([&JSON[..], &TYPED[..]].concat()), 1..4), bytes in 1usize..2000, threads in prop::sample::select(THREADS.to_vec())) {
        let folder = Folder::new();
        let table = plain_table(&rows, true);
        let mut from = folder.0.join("start.parquet");
        write(&from, &table, 5, &Writing::default())?;
        for (step, name) in way.iter().enumerate() {
            let to = folder.0.join(step.to_string()).join(name);
            std::fs::create_dir_all(to.parent().unwrap_or(&folder.0)).unwrap_or_default();
            let stream = Stream::open(&[from], blocks(bytes, threads), &mut Tick::silent())?;
            let how = Writing { threads, ..Writing::default() };
            let (written, skipped) = convert(&stream, &to, &how, &mut Tick::silent())?;
            prop_assert_eq!((written, skipped.count), (table.num_rows() as u64, 0));
            from = to;
        }
        check_equal(&one(&from, blocks(bytes, threads))?.table, &table)?;
    }

    #[test]
    fn equal_bytes_for_any_number_of_threads(rows in rows(), name in prop::sample::select([&JSON[..], &TYPED[..3]].concat()), bytes in 1usize..400) {
        let folder = Folder::new();
        let table = plain_table(&rows, true);
        let start = folder.0.join("start.jsonl");
        write(&start, &table, 5, &Writing::default())?;
        let mut found = Vec::new();
        for threads in THREADS {
            let to = folder.0.join(name);
            let stream = Stream::open(std::slice::from_ref(&start), blocks(bytes, threads), &mut Tick::silent())?;
            convert(&stream, &to, &Writing { threads, ..Writing::default() }, &mut Tick::silent())?;
            found.push(std::fs::read(&to).unwrap_or_default());
        }
        prop_assert!(!found[0].is_empty());
        prop_assert_eq!(&found[0], &found[1]);
        prop_assert_eq!(&found[0], &found[2]);
    }
}
