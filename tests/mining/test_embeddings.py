"""Embeddings on disk: made once, never another model's, the same bytes after any interruption."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.mining.killing import content, kill_often, run

from foolsgold import _core
from foolsgold.mining import EmbeddingStore


class Counting:
    """An encoder of arrays that remembers what it was asked."""

    def __init__(self, dim=3, scale=1.0):
        self.dim, self.scale, self.calls = dim, scale, []

    def __call__(self, texts):
        self.calls.append(list(texts))
        rows = [[float(len(text)), float(ord(text[0])), self.scale] for text in texts]
        return np.array(rows)[:, : self.dim]


TEXTS = [chr(97 + row % 26) * (1 + row % 7) for row in range(50)]
EXPECTED = Counting()(TEXTS)


def embed(folder, encoder, texts=TEXTS, **options):
    options = {"key": {"model": "counting"}, "chunk_rows": 8, **options}
    return EmbeddingStore(folder).embed(encoder, texts, **options)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_embeddings_are_made_once(tmp_path, dtype):
    encoder = Counting()
    found = embed(tmp_path, encoder, dtype=dtype)
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    assert found.dtype == dtype
    assert found.tolist() == EXPECTED.tolist()
    assert [text for call in encoder.calls for text in call] == TEXTS
    assert max(map(len, encoder.calls)) == 8
    before = content(tmp_path)
    assert embed(tmp_path, None, dtype=dtype).tolist() == EXPECTED.tolist()
    assert content(tmp_path) == before


def test_texts_may_be_an_arrow_column(tmp_path):
    pa = pytest.importorskip("pyarrow")
    assert embed(tmp_path, Counting(), pa.chunked_array([TEXTS[:9], TEXTS[9:]])).tolist() == EXPECTED.tolist()
    assert embed(tmp_path, None, TEXTS).tolist() == EXPECTED.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"key": {"model": "another"}},
        {"key": {"model": "counting", "prompt": "query: "}},
        {"texts": TEXTS[::-1]},
        {"texts": TEXTS[:-1]},
        {"dtype": "float16"},
        {"chunk_rows": 9},
        {"name": "query"},
    ],
)
def test_what_decides_the_embeddings_is_told_apart(tmp_path, change):
    embed(tmp_path, Counting())
    encoder = Counting(scale=2.0)
    found = embed(tmp_path, encoder, **change)
    assert encoder.calls
    assert set(found[:, 2].tolist()) == {2.0}
    assert len(list(tmp_path.iterdir())) == 2
    assert embed(tmp_path, None).tolist() == EXPECTED.tolist()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 40),
    chunk_rows=st.integers(1, 15),
    at=st.integers(0, 60),
    extra=st.binary(max_size=40),
)
def test_an_interruption_changes_no_byte(tmp_path_factory, rows, chunk_rows, at, extra):
    whole, stopped = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("stopped")
    embed(whole, Counting(), TEXTS[:rows], chunk_rows=chunk_rows)
    encoder = Counting()

    def until(texts):
        if sum(map(len, encoder.calls)) >= at:
            raise KeyboardInterrupt
        return encoder(texts)

    try:
        embed(stopped, until, TEXTS[:rows], chunk_rows=chunk_rows)
    except KeyboardInterrupt:
        [folder] = stopped.iterdir()
        if (folder / "embeddings.npy").exists():
            with (folder / "embeddings.npy").open("ab") as file:
                file.write(extra)  # as a chunk that was cut short leaves it
    done = sum(map(len, encoder.calls))
    rest = Counting()
    found = embed(stopped, rest, TEXTS[:rows], chunk_rows=chunk_rows)
    assert sum(map(len, rest.calls)) == rows - done
    assert found.tolist() == EXPECTED[:rows].tolist()
    assert content(whole) == content(stopped)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2**20), is_cut=st.booleans())
def test_a_changed_byte_is_never_read(tmp_path_factory, at, is_cut):
    tmp_path = tmp_path_factory.mktemp("changed")
    embed(tmp_path, Counting())
    before = content(tmp_path)
    [path] = tmp_path.rglob("embeddings.npy")
    data = bytearray(path.read_bytes())
    at %= len(data)
    if is_cut:
        del data[at:]
    else:
        data[at] ^= 0x41
    path.write_bytes(data)
    encoder = Counting()
    assert embed(tmp_path, encoder).tolist() == EXPECTED.tolist()
    assert encoder.calls
    assert content(tmp_path) == before


def test_a_changed_chunk_is_told(tmp_path, caplog):
    embed(tmp_path, Counting())
    [path] = tmp_path.rglob("embeddings.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    encoder = Counting()
    embed(tmp_path, encoder)
    assert encoder.calls == [TEXTS[48:]]
    assert "Chunk 6 in" in caplog.text
    assert "was changed: it and those after it are made again" in caplog.text


def test_lists_of_texts_are_refused(tmp_path):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="`texts` must hold texts, at least one, got lists"):
        embed(tmp_path, Counting(), pa.array([["a"], ["b", "c"]]))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "foolsgold embeddings", "version": 2}', "{}"])
def test_hostile_records_are_named(tmp_path, text):
    embed(tmp_path, Counting())
    [record] = tmp_path.rglob("progress.json")
    record.write_text(text)
    with pytest.raises(ValueError, match=r"progress\.json: must be the record of .*\nhint"):
        embed(tmp_path, Counting())
    told = {"format": "foolsgold embeddings", "version": 1, "key": {}, "dimension": 3, "checksums": []}
    record.write_text(json.dumps(told))
    with pytest.raises(ValueError, match=r"progress\.json: must tell the key of its folder"):
        embed(tmp_path, Counting())


@pytest.mark.parametrize(
    ("encoder", "options", "said"),
    [
        (lambda texts: np.ones((len(texts) - 1, 3)), {}, "`embed` must give one row a text, 8, got 7"),
        (lambda texts: np.ones(len(texts)), {}, "`embed` must have 2 dimensions, got 1"),
        (lambda texts: np.full((len(texts), 3), np.nan), {}, "must give finite numbers, got nan for text 0$"),
        (
            lambda texts: np.full((len(texts), 3), 1e6),
            {"dtype": "float16"},
            'finite numbers, got inf for text 0\nhint: `dtype="float32"`',
        ),
        (Counting(), {"dtype": "int8"}, r"`dtype` must be one of \['float32', 'float16'\], got 'int8'"),
        (Counting(), {"chunk_rows": 0}, "`chunk_rows` must be at least 1, got 0"),
        (Counting(), {"texts": []}, "`texts` must hold texts, at least one, got 0"),
        (Counting(), {"texts": [["a"], ["b", "c"]]}, "`texts` must hold str, got list at row 0"),
        (Counting(), {"texts": ["a", None]}, "`texts` must not be null, got None at row 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, encoder, options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        embed(tmp_path, encoder, **options)


def test_columns_must_stay_as_many(tmp_path):
    widths = iter([3, 3, 2])

    def narrowing(texts):
        return np.ones((len(texts), next(widths)))

    with pytest.raises(ValueError, match="`embed` must give 3 columns as before, got 2"):
        embed(tmp_path, narrowing)
    encoder = Counting()
    embed(tmp_path, encoder)
    assert sum(map(len, encoder.calls)) == 50 - 16


def test_one_process_makes_them(tmp_path):
    embed(tmp_path, Counting())
    [folder] = tmp_path.iterdir()
    (folder / "progress.json").unlink()
    lock = _core.FolderLock(str(folder))
    with pytest.raises(ValueError, match=r"is being written by another call\nhint"):
        embed(tmp_path, Counting())
    lock.close()
    embed(tmp_path, Counting())
    lock = _core.FolderLock(str(folder))
    assert embed(tmp_path, None).tolist() == EXPECTED.tolist()
    lock.close()


FULL = """
import resource, sys
import numpy as np
from foolsgold.mining import EmbeddingStore

def embed(texts):
    return np.ones((len(texts), 100))

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    EmbeddingStore(sys.argv[1]).embed(embed, [str(i) for i in range(200)], key={}, chunk_rows=40)
except OSError as error:
    print(error.strerror, error.filename)
"""


def test_a_full_disk_loses_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "File too large\nhint: finished chunks stay; mend this and make the same call again" in done.stdout
    assert str(tmp_path) in done.stdout
    [record] = tmp_path.rglob("progress.json")
    assert len(json.loads(record.read_text())["checksums"]) == 3
    found = EmbeddingStore(tmp_path).embed(
        lambda texts: np.ones((len(texts), 100)), [str(i) for i in range(200)], key={}, chunk_rows=40
    )
    assert found.shape == (200, 100)


KILLED = """
import sys
import numpy as np
from foolsgold.mining import EmbeddingStore

def embed(texts):
    return np.array([np.random.default_rng(int(text)).standard_normal(64) for text in texts])

EmbeddingStore(sys.argv[1]).embed(embed, [str(row) for row in range(4000)], key={}, chunk_rows=50)
"""


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="needs process groups")
@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_at_any_moment_the_bytes_are_the_same(tmp_path, kills):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    killed.mkdir()
    run(KILLED, whole)
    expected = content(whole)
    kill_often(KILLED, killed, whole=sum(map(len, expected.values())), kills=kills, seed=kills)
    run(KILLED, killed)
    assert content(killed) == expected
