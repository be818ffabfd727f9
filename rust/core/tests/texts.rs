//! Laws of interning: ids are those of a naive map, whatever the chunks, the types and the threads.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, LargeStringBuilder, ListBuilder, StringBuilder};
use arrow_array::{
    Array as _, ArrayRef, FixedSizeListArray, Int64Array, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow_schema::{DataType, Field};
use foolsgold_core::texts::{Column, Interned, Texts, normalized};
use foolsgold_core::{Error, Result, tick::Tick};
use proptest::prelude::*;

fn naive(columns: &[Vec<String>]) -> (Vec<Vec<u32>>, Vec<String>) {
    let (mut seen, mut order) = (HashMap::new(), Vec::new());
    let ids = columns.iter().map(|column| {
        let mut id = |text: &String| {
            *seen.entry(text.clone()).or_insert_with(|| {
                order.push(text.clone());
                u32::try_from(order.len() - 1).unwrap_or(u32::MAX)
            })
        };
        column.iter().map(&mut id).collect()
    });
    (ids.collect(), order)
}

/// A column cut at `cut`, its two chunks of Arrow types chosen by `kind`.
fn column(texts: &[String], cut: usize, kind: usize) -> Column {
    let (left, right) = texts.split_at(cut.min(texts.len()));
    let array = |part: &[String], kind| -> ArrayRef {
        match kind {
            0 => Arc::new(StringArray::from_iter_values(part)),
            1 => Arc::new(LargeStringArray::from_iter_values(part)),
            _ => Arc::new(StringViewArray::from_iter_values(part)),
        }
    };
    Column::new(
        "text",
        vec![array(left, kind % 3), array(right, (kind / 3) % 3)],
    )
}

fn intern(columns: Vec<Column>, threads: usize) -> Result<Interned> {
    Texts::intern(columns, threads, &mut Tick::silent())
}

fn few_texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        prop_oneof![
            "[a-d]{0,2}",
            "\\PC{0,20}",
            Just(String::from("a longer text than twelve bytes"))
        ],
        0..60,
    )
}

proptest! {
    #[test]
    fn ids_equal_a_naive_map(columns in prop::collection::vec(few_texts(), 1..4), cut in 0usize..40, kind in 0usize..9, threads in 1usize..5) {
        let (ids, order) = naive(&columns);
        let found = intern(columns.iter().map(|texts| column(texts, cut, kind)).collect(), threads)?;
        let found_ids: Vec<_> = found.columns.into_iter().map(|column| column.ids).collect();
        prop_assert_eq!(found_ids, ids);
        let texts = found.texts;
        prop_assert_eq!(texts.len(), order.len());
        for (id, text) in (0..).zip(&order) {
            prop_assert_eq!(texts.get(id), Some(text.as_str()));
        }
        prop_assert_eq!(texts.get(u32::try_from(order.len())?), None);
        prop_assert!(texts.distinct().iter().flatten().eq(order.iter().map(String::as_str)));
    }

    #[test]
    fn fingerprints_see_content_alone(texts in few_texts(), cut in 0usize..40, kind in 0usize..9, at in 0usize..60) {
        let print = |texts: &[String], cut, kind| intern(vec![column(texts, cut, kind)], 2).map(|found| found.fingerprint);
        let first = print(&texts, 0, 0)?;
        prop_assert_eq!(first, print(&texts, cut, kind)?);
        let mut other = texts.clone();
        if let Some(text) = other.get_mut(at) {
            text.push('!');
            prop_assert_ne!(first, print(&other, 0, 0)?);
            other.swap_remove(at);
            prop_assert_ne!(first, print(&other, 0, 0)?);
        }
    }

    #[test]
    fn twins_are_texts_of_one_normal_form(texts in few_texts(), threads in 1usize..4) {
        let found = intern(vec![Column::from_strings("text", &texts)], threads)?.texts;
        let twins = found.twins(threads, &mut Tick::silent())?;
        let forms: Vec<String> = found.distinct().iter().flatten().map(|text| normalized(text).into_owned()).collect();
        let (expected, _) = naive(&[forms]);
        prop_assert_eq!(&twins, &expected[0]);
    }

    #[test]
    fn normal_forms_are_fixed_points(text in "\\PC{0,30}", spaces in "\\s{0,3}") {
        let once = normalized(&format!("{spaces}{text}{spaces}{text}")).into_owned();
        prop_assert_eq!(normalized(&once), once.as_str());
    }
}

#[test]
fn many_blocks_and_shards_agree_with_one_thread() -> Result<()> {
    let texts: Vec<String> = (0..300_000u64)
        .map(|row| format!("text {}", row * 7919 % 150_001))
        .collect();
    let chunked = |size: usize| {
        let chunks = texts
            .chunks(size)
            .map(|part| Arc::new(StringArray::from_iter_values(part)) as ArrayRef);
        Column::new("text", chunks.collect())
    };
    let one = intern(vec![chunked(300_000)], 1)?;
    let many = intern(vec![chunked(999)], 4)?;
    assert_eq!(
        (one.columns, one.fingerprint, one.texts.len()),
        (many.columns, many.fingerprint, 150_001)
    );
    Ok(())
}

#[test]
fn lists_of_every_type_keep_their_offsets() -> Result<()> {
    let rows: [&[&str]; 4] = [&["a", "b"], &[], &["b"], &["c", "a", "a"]];
    let mut small = ListBuilder::new(StringBuilder::new());
    let mut large = LargeListBuilder::new(LargeStringBuilder::new());
    for row in rows {
        for text in row {
            small.values().append_value(text);
        }
        for text in row {
            large.values().append_value(text);
        }
        small.append(true);
        large.append(true);
    }
    let arrays: [ArrayRef; 2] = [Arc::new(small.finish()), Arc::new(large.finish())];
    for array in arrays {
        let sliced = vec![array.slice(0, 1), array.slice(1, 3)];
        let found = intern(vec![Column::new("negatives", sliced)], 2)?;
        assert_eq!(found.columns[0].ids, [0, 1, 1, 2, 0, 0]);
        assert_eq!(
            found.columns[0].offsets.as_deref(),
            Some(&[0, 2, 2, 3, 6][..])
        );
    }
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(["a", "b", "b", "c"]));
    let pairs = FixedSizeListArray::new(
        Arc::new(Field::new("item", DataType::Utf8, true)),
        2,
        values,
        None,
    );
    let found = intern(
        vec![Column::new(
            "pairs",
            vec![Arc::new(pairs.slice(1, 1)), Arc::new(pairs)],
        )],
        1,
    )?;
    assert_eq!(
        (
            found.columns[0].ids.as_slice(),
            found.columns[0].offsets.as_deref()
        ),
        (&[0, 1, 2, 0, 0, 1][..], Some(&[0, 2, 4, 6][..]))
    );
    Ok(())
}

#[test]
fn nulls_and_other_types_are_refused_by_name_and_row() {
    let refused = |chunks| {
        intern(vec![Column::new("anchor", chunks)], 1)
            .err()
            .map(|error: Error| error.to_string())
    };
    let whole: ArrayRef = Arc::new(StringArray::from(vec!["a"; 3]));
    let holed: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    assert_eq!(
        refused(vec![whole.clone(), holed]),
        Some("`anchor` must not be null, got null at row 4".into())
    );
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    assert_eq!(
        refused(vec![numbers]),
        Some("`anchor` must be a column of strings, got Int64".into())
    );
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append(true);
    lists.values().append_value("a");
    lists.values().append_null();
    lists.append(true);
    let lists: ArrayRef = Arc::new(lists.finish());
    assert_eq!(
        refused(vec![lists.clone()]),
        Some("`anchor` must not be null, got null at row 1".into())
    );
    assert_eq!(
        refused(vec![lists, whole]),
        Some("`anchor` must not be null, got null at row 1".into())
    );
}
