//! Sound files that are refused all the same: they change, or hold what the types or a format cannot.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, UnionFields, UnionMode};
use foolsgold_core::Result;
use foolsgold_core::formats::{OnError, Stream, Streaming, Writing, check_writable};
use foolsgold_core::tick::Tick;

use super::common::{Folder, message};
use super::streamed::one;
use super::streamed_faults::{how, kinds};

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() -> Result<()> {
    for (name, before, after) in [
        (
            "a.jsonl",
            "{\"a\":\"x\"}\n{\"a\":\"y\"}\n",
            "{\"b\":\"zzzzzzzzz\"}\n",
        ),
        ("a.csv", "a\nx\n", "a\nx\ny\n"),
    ] {
        let folder = Folder::new();
        let file = folder.file(name, before);
        let how = how(OnError::Raise, 1 << 20, 1);
        let stream = Arc::new(Stream::open(
            std::slice::from_ref(&file),
            how,
            &mut Tick::silent(),
        )?);
        folder.file(name, after);
        let outcome = stream.batches().next(&mut Tick::silent());
        assert_eq!(
            message(outcome, &file),
            "FILE: must stay as it is while it is read, got another content"
        );
    }
    Ok(())
}

#[test]
fn whole_numbers_beyond_64_bits_are_not_rounded_unless_asked() -> Result<()> {
    let folder = Folder::new();
    let file = folder.file(
        "a.jsonl",
        "{\"t\":\"x\",\"id\":1}\n{\"t\":\"y\",\"id\":18446744073709551615}\n",
    );
    for rule in [OnError::Raise, OnError::Skip] {
        let told = one(&file, how(rule, 1 << 20, 1))?;
        assert_eq!(told.table.num_rows(), 2);
        let unreadable = told
            .unreadable
            .join("")
            .replace(&file.display().to_string(), "FILE");
        assert_eq!(
            unreadable,
            "FILE, row 2, column `id`: must hold whole numbers below 2^63, got a larger one\nhint: write them as texts, or read them rounded, as `float64` in `types`"
        );
    }
    let rounded = Streaming {
        types: HashMap::from([("id".into(), "float64".into())]),
        ..Streaming::default()
    };
    let told = one(&file, rounded)?;
    assert_eq!(kinds(&told)[1], ("id".to_owned(), "Float64".to_owned()));
    Ok(())
}

#[test]
fn what_a_format_cannot_hold_is_refused_before_anything_is_written() -> Result<(), ArrowError> {
    let folder = Folder::new();
    let number: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let twice = vec![
        ("a", Arc::clone(&number)),
        ("b", Arc::clone(&number)),
        ("a", number),
    ];
    let twice = RecordBatch::try_from_iter(twice)?;
    for name in [
        "a.jsonl",
        "a.csv",
        "a.parquet",
        "a.arrow",
        "a.arrows",
        "folder",
    ] {
        let path = folder.0.join(name);
        let outcome = check_writable(&path, Some(&twice.schema()), &Writing::default());
        assert_eq!(
            message(outcome, &path),
            "FILE: must name each column once, got `a` twice"
        );
    }
    let one = Field::new("one", DataType::Utf8, true);
    let fields = UnionFields::from_fields([one]);
    let union = Field::new("u", DataType::Union(fields, UnionMode::Dense), true);
    let path = folder.0.join("a.parquet");
    let schema = Arc::new(Schema::new(vec![union]));
    let text = message(
        check_writable(&path, Some(&schema), &Writing::default()),
        &path,
    );
    assert!(
        text.starts_with("FILE: must have columns that Parquet holds, got "),
        "{text}"
    );
    Ok(())
}
