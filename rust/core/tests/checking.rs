//! Laws of checking: what it counts is what naive loops count, for any chunks and threads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::builder::{LargeListBuilder, LargeStringBuilder};
use arrow_array::{ArrayRef, Float64Array, LargeStringArray, NullArray};
use foolsgold_core::checking::{
    Examined, Ids, Key, NO_TEXT, Traits, Values, equal_rows, known_positives, shared,
};
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

type List = Option<Vec<Option<String>>>;

fn texts() -> impl Strategy<Value = Vec<Option<String>>> {
    prop::collection::vec(prop::option::of("[ab ]{0,2}|\\PC{0,9}"), 0..40)
}

fn lists() -> impl Strategy<Value = Vec<List>> {
    let item = prop::option::of("[ab]{0,2}");
    prop::collection::vec(prop::option::of(prop::collection::vec(item, 0..4)), 0..30)
}

fn list_array(lists: &[List]) -> ArrayRef {
    let mut builder = LargeListBuilder::new(LargeStringBuilder::new());
    for list in lists {
        for item in list.iter().flatten() {
            builder.values().append_option(item.as_ref());
        }
        builder.append(list.is_some());
    }
    Arc::new(builder.finish())
}

fn examine(columns: Vec<(&str, Vec<ArrayRef>)>, threads: usize) -> Result<Examined> {
    let columns: Vec<_> = columns
        .into_iter()
        .map(|(name, chunks)| (name.to_owned(), chunks))
        .collect();
    Examined::new(&columns, threads, &mut Tick::silent())
}

fn text_of(examined: &Examined, id: u32) -> Option<String> {
    (id != NO_TEXT).then(|| examined.texts.get(id).unwrap_or("?").to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn cells_are_what_came(flat in texts(), ragged in lists(), cut in 0usize..40, threads in 1usize..3) {
        let (left, right) = flat.split_at(cut.min(flat.len()));
        let (upper, lower) = ragged.split_at(cut.min(ragged.len()));
        let array = |part: &[Option<String>]| Arc::new(part.iter().cloned().collect::<LargeStringArray>()) as ArrayRef;
        // A slice has values that are not its own.
        let whole = list_array(&ragged);
        let chunks = vec![whole.slice(0, upper.len()), whole.slice(upper.len(), lower.len())];
        let examined = examine(vec![("flat", vec![array(left), array(right)]), ("ragged", chunks)], threads)?;
        let [one, two] = &examined.columns[..] else { panic!("two columns") };
        let Values::Texts(ids) = &one.values else { panic!("texts") };
        let back: Vec<_> = ids.iter().map(|&id| text_of(&examined, id)).collect();
        prop_assert_eq!(&back, &flat);
        prop_assert_eq!(&one.is_null, &flat.iter().map(Option::is_none).collect::<Vec<_>>());
        let Values::Texts(ids) = &two.values else { panic!("texts") };
        let cuts = two.offsets.clone().unwrap_or_default();
        let back: Vec<List> = (0..ragged.len()).map(|row| {
            let range = place(cuts[row])..place(cuts[row + 1]);
            (!two.is_null[row]).then(|| ids[range].iter().map(|&id| text_of(&examined, id)).collect())
        }).collect();
        prop_assert_eq!(back, ragged);
        for id in (0..).take(examined.texts.len()) {
            let text = examined.texts.get(id).unwrap_or("?");
            prop_assert_eq!(examined.traits.flags[id as usize], Traits::of(text));
            prop_assert_eq!(examined.traits.lengths[id as usize] as usize, text.chars().count());
        }
    }

    #[test]
    fn blank_is_what_has_nothing_to_see(text in "[ \t\u{200b}\u{feff}\0a世]{0,4}") {
        let is_blank = !text.contains(['a', '世']);
        prop_assert_eq!(Traits::of(&text) & Traits::BLANK != 0, is_blank);
        let trimmed = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}');
        prop_assert_eq!(Traits::of(&text) & Traits::UNTRIMMED != 0, trimmed != text);
        prop_assert_eq!(Traits::of(&text) & Traits::SINGLE != 0, trimmed.chars().count() == 1 && !is_blank);
    }

    #[test]
    fn equal_rows_are_those_of_a_map(
        rows in prop::collection::vec((0u32..3, prop::collection::vec(0u32..3, 0..3), 0u64..2), 0..60)
    ) {
        let ids: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let (values, cuts) = flattened(rows.iter().map(|row| &row.1));
        let words: Vec<u64> = rows.iter().map(|row| row.2).collect();
        let keys = [
            Key::Ids(Ids::new(&ids, None)?),
            Key::Ids(Ids::new(&values, Some(&cuts))?),
            Key::Words(&words),
        ];
        let mut seen = HashMap::new();
        let naive: Vec<u32> = (0..).zip(&rows).map(|(row, cells)| *seen.entry(cells).or_insert(row)).collect();
        prop_assert_eq!(equal_rows(&keys, rows.len(), &mut Tick::silent())?, naive);
    }

    #[test]
    fn known_positives_are_those_of_sets(
        rows in prop::collection::vec(
            (id(), prop::collection::vec(id(), 0..3), prop::collection::vec(id(), 0..3), id()), 0..40)
    ) {
        let anchors: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let (positives, positive_cuts) = flattened(rows.iter().map(|row| &row.1));
        let (negatives, negative_cuts) = flattened(rows.iter().map(|row| &row.2));
        let single: Vec<u32> = rows.iter().map(|row| row.3).collect();
        let known: HashSet<(u32, u32)> = rows.iter().flat_map(|row| row.1.iter().map(|&id| (row.0, id))).collect();
        let naive: Vec<bool> = rows.iter().flat_map(|row| row.2.iter().map(|&id| {
            id != NO_TEXT && row.0 != NO_TEXT && known.contains(&(row.0, id))
        })).collect();
        let flat: Vec<bool> = rows.iter().map(|row| row.3 != NO_TEXT && row.0 != NO_TEXT && known.contains(&(row.0, row.3))).collect();
        let left = Ids::new(&positives, Some(&positive_cuts))?;
        let right = [Ids::new(&negatives, Some(&negative_cuts))?, Ids::new(&single, None)?];
        let found = known_positives(&anchors, &[left], &right, &mut Tick::silent())?;
        prop_assert_eq!(found, vec![naive, flat]);
        let own: Vec<bool> = rows.iter().flat_map(|row| row.2.iter().map(|id| *id != NO_TEXT && row.1.contains(id))).collect();
        prop_assert_eq!(shared(left, right[0], &mut Tick::silent())?, own);
    }
}

fn place(cut: i64) -> usize {
    usize::try_from(cut).unwrap_or(usize::MAX)
}

fn id() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..4, 1 => Just(NO_TEXT)]
}

fn flattened<'a>(lists: impl Iterator<Item = &'a Vec<u32>>) -> (Vec<u32>, Vec<i64>) {
    let (mut values, mut cuts) = (Vec::new(), vec![0]);
    for list in lists {
        values.extend(list);
        cuts.push(i64::try_from(values.len()).unwrap_or(i64::MAX));
    }
    (values, cuts)
}

#[test]
fn numbers_nulls_and_others_are_told_apart() -> Result<()> {
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(0.5), None]));
    let nothing: ArrayRef = Arc::new(NullArray::new(2));
    let examined = examine(
        vec![("numbers", vec![numbers]), ("nothing", vec![nothing])],
        1,
    )?;
    let [numbers, nothing] = &examined.columns[..] else {
        panic!("two columns")
    };
    assert!(
        matches!(&numbers.values, Values::Fractions(values) if values[0].to_bits() == 0.5f64.to_bits())
    );
    assert_eq!(numbers.is_null_value, [false, true]);
    assert_eq!(
        (&nothing.values, &nothing.is_null),
        (&Values::Nulls, &vec![true, true])
    );
    assert_eq!(examine(vec![], 1)?.columns, []);
    Ok(())
}

#[test]
fn columns_that_do_not_fit_are_refused() -> Result<()> {
    let three = Ids::new(&[1, 2, 3], None)?;
    let two = Ids::new(&[1, 2], None)?;
    let messages = [
        shared(three, two, &mut Tick::silent()).err(),
        equal_rows(&[Key::Ids(two)], 3, &mut Tick::silent()).err(),
        known_positives(&[1, 2, 3], &[three], &[two], &mut Tick::silent()).err(),
        Ids::new(&[1], Some(&[0, 2])).err(),
        Ids::new(&[1], Some(&[0, 2, 1])).err(),
        Ids::new(&[1], Some(&[])).err(),
    ];
    let said: Vec<String> = messages
        .into_iter()
        .flatten()
        .map(|error| error.to_string())
        .collect();
    assert_eq!(said[0], "`right` must be a column of 3 rows, got 2 rows");
    assert_eq!(said[1], "`keys` must be a column of 3 rows, got 2 rows");
    assert_eq!(
        said[2],
        "`positives and negatives` must be a column of 3 rows, got 2 rows"
    );
    assert!(
        said[3..]
            .iter()
            .all(|text| text.starts_with("`offsets` must ascend from 0 to 1, got")),
        "{said:?}"
    );
    assert_eq!(said.len(), 6);
    Ok(())
}
