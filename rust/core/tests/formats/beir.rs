//! BEIR folders.

use foolsgold_core::formats::Beir;
use foolsgold_core::{Error, Result, tick::Tick};
use serde_json::{Value, json};

use super::common::{Folder, message, open, rows};

#[test]
fn beir_folders_are_joined_by_row() -> Result<()> {
    let folder = Folder::new();
    let at = |name: &str, text: &str| folder.file(name, text);
    at(
        "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"A\",\"text\":\"one\",\"metadata\":{}}\n{\"_id\":7,\"title\":\"\",\"text\":\"two\"}\n",
    );
    assert_eq!(
        message(
            open(&folder.0.join("corpus.jsonl"), 1, 1)?.column("_id"),
            &folder.0.join("corpus.jsonl")
        ),
        "FILE, row 2, column `_id`: must be a text as in the rows before, got a number"
    );
    at(
        "corpus.jsonl",
        "{\"_id\":\"d1\",\"title\":\"A\",\"text\":\"one\",\"metadata\":{}}\n{\"_id\":\"7\",\"title\":\"\",\"text\":\"two\"}\n",
    );
    at(
        "queries.jsonl",
        "{\"_id\":1,\"text\":\"q1\"}\n{\"_id\":2,\"text\":\"q2\"}\n",
    );
    at(
        "qrels/train.tsv",
        "query-id\tcorpus-id\tscore\n2\t7\t1\n1\td1\t0\n1\t7\t2\n",
    );
    at("qrels_test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t1\n");
    let beir = Beir::read(&folder.0, 2, &mut Tick::silent())?;
    let texts: Vec<_> = rows(&beir.documents)
        .into_iter()
        .map(|(cells, _)| cells["text"].clone())
        .collect();
    assert_eq!(Value::from(texts), json!(["A one", "two"]));
    let [test, train] = &beir.splits[..] else {
        return Err(Error::argument("splits", "be two", beir.splits.len()));
    };
    assert_eq!((test.name.as_str(), train.name.as_str()), ("test", "train"));
    assert_eq!(
        (&train.queries[..], &train.documents[..], &train.scores[..]),
        (&[1, 0, 0][..], &[1, 0, 1][..], &[1.0, 0.0, 2.0][..])
    );
    assert_eq!(train.table.place(1).map(|(_, line)| line), Some(3));
    let faults = [
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t8\t1\n",
            "FILE, row 2, column `corpus-id`: must be an id that is there, got `8`",
        ),
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t7\tx\n",
            "FILE, row 2, column `score`: must be a number, got `x`",
        ),
        (
            "qrels/train.tsv",
            "query-id\tcorpus-id\tscore\n2\t7\t1\n2\t7\t1\n",
            "FILE, row 3, column `corpus-id`: must be judged once for a query, got a second time",
        ),
        (
            "qrels/train.tsv",
            "q\td\ts\n2\t7\t1\n",
            "FILE: must have a column `query-id`, got the columns `q`, `d`, `s`",
        ),
        (
            "queries.jsonl",
            "{\"_id\":1,\"text\":\"q1\"}\n{\"_id\":1,\"text\":\"q2\"}\n",
            "FILE, row 2, column `_id`: must not come twice, got `1`",
        ),
        (
            "corpus.jsonl",
            "{\"_id\":\"d1\",\"title\":\" \",\"text\":null}\n",
            "FILE, row 1, column `text`: must not be null or empty, got no text",
        ),
    ];
    for (name, text, said) in &faults {
        let file = folder.0.join(name);
        let kept = std::fs::read(&file).unwrap_or_default();
        at(name, text);
        assert_eq!(
            &message(Beir::read(&folder.0, 2, &mut Tick::silent()), &file),
            said
        );
        folder.file(name, kept);
    }
    Ok(())
}
