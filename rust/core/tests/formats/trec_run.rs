//! TREC run files.

use std::path::Path;

use foolsgold_core::formats::TrecRun;
use foolsgold_core::texts::Column;
use foolsgold_core::{Result, tick::Tick};
use proptest::prelude::*;

use super::common::{Folder, message};

fn ids(name: &str, start: char, num: usize) -> Column {
    Column::from_strings(name, (0..num).map(|at| format!("{start}{at}")))
}

fn read(file: &Path, queries: usize, documents: usize) -> Result<TrecRun> {
    let (queries, documents) = (
        ids("query_ids", 'q', queries),
        ids("document_ids", 'd', documents),
    );
    TrecRun::read(file, queries, documents, &mut Tick::silent())
}

proptest! {
    #[test]
    fn hits_come_by_score_then_document_in_any_order_of_lines(
        hits in prop::collection::hash_map((0usize..5, 0u32..9), -3i16..3, 0..40), tab in any::<bool>(),
    ) {
        let space = if tab { "\t" } else { "  " };
        let mut expected: Vec<(usize, u32, f32)> =
            hits.iter().map(|(&(query, document), &score)| (query, document, f32::from(score))).collect();
        let lines: Vec<String> = expected
            .iter()
            .map(|(query, document, score)| {
                [format!("q{query}"), "Q0".into(), format!("d{document}"), "1".into(), score.to_string(), "tag\n".into()]
                    .join(space)
            })
            .collect();
        expected.sort_by(|a, b| a.0.cmp(&b.0).then(b.2.total_cmp(&a.2)).then(a.1.cmp(&b.1)));
        let folder = Folder::new();
        let run = read(&folder.file("a.run", lines.concat()), 5, 9)?;
        let mut found = Vec::new();
        for query in 0..5 {
            let at = |place: usize| usize::try_from(run.offsets[place]).unwrap_or(0);
            for place in at(query)..at(query + 1) {
                found.push((query, run.documents[place], run.scores[place]));
            }
        }
        prop_assert_eq!(found, expected);
        prop_assert_eq!(run.offsets.len(), 6);
    }
}

#[test]
fn faults_name_row_and_column() {
    let folder = Folder::new();
    let cases = [
        ("q0 Q0 d0 1 0.5", "FILE, row 1: must have 6 columns, got 5"),
        (
            "q0 Q0 d0 1 0.5 a b",
            "FILE, row 1: must have 6 columns, got 7",
        ),
        (
            "q0 Q0 d0 1 0.5 a\n\nq7 Q0 d0 1 0.5 a\n",
            "FILE, row 3, column `query`: must be an id that is there, got `q7`",
        ),
        (
            "q0 Q0 0 1 0.5 a",
            "FILE, row 1, column `document`: must be an id that is there, got `0`",
        ),
        (
            "q0 Q0 d0 1.5 0.5 a",
            "FILE, row 1, column `rank`: must be a whole number, got `1.5`",
        ),
        (
            "q0 Q0 d0 1 nan a",
            "FILE, row 1, column `score`: must be a number, got `nan`",
        ),
        (
            "q0 Q0 d0 1 1e39 a",
            "FILE, row 1, column `score`: must be a number, got `1e39`",
        ),
        (
            "q0 Q0 d0 1 3 a\nq0 Q0 d1 2 2 a\nq0 Q0 d0 3 1 a",
            "FILE, row 3, column `document`: must come once for a query, got it at row 1 too",
        ),
    ];
    for (text, expected) in cases {
        let file = folder.file("a.run", text);
        assert_eq!(message(read(&file, 2, 2), &file), expected);
    }
    let file = folder.file("a.run", b"q0 Q0 d0 1 1 a\nq\xff");
    let said = message(read(&file, 2, 2), &file);
    assert!(said.starts_with("FILE, row 2: must be UTF-8"), "{said}");
    let file = folder.file("a.run", "");
    let twice = Column::from_strings("query_ids", ["a", "b", "a"]);
    let outcome = TrecRun::read(
        &file,
        twice,
        ids("document_ids", 'd', 1),
        &mut Tick::silent(),
    );
    let said = outcome.err().map(|error| error.to_string());
    assert_eq!(
        said.as_deref(),
        Some("`query_ids` must not come twice, as at row 0, got `a` at row 2")
    );
    assert!(read(&file, 3, 1).is_ok_and(|run| run.offsets == [0; 4]));
}
