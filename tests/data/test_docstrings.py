import gc
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foolsgold.data.docstring_source import MAX_FILE_BYTES, pairs_from_source, read_files
from foolsgold.data.docstrings import Docstrings, read_docstrings, split_by_module

REST = "It goes through all of them and keeps what is {}."


def function(name, summary, rest, signature="(a, b=1)"):
    return f'def {name}{signature}:\n    """{summary}\n\n    {rest}\n    """\n    return a\n\n'


@pytest.fixture
def tree(tmp_path):
    """A package with two good modules, and all that must not stop the reader."""
    root = tmp_path / "root"
    package = root / "shop"
    (package / "tests").mkdir(parents=True)
    (package / "_vendor").mkdir()
    (package / "not-importable").mkdir()
    good = function("count", "Count the apples in the basket.", REST.format("red"))
    (package / "__init__.py").write_text(good)
    (package / "fruit.py").write_text(function("ripe", "Tell whether a pear is ripe.", REST.format("soft")))
    (package / "copy.py").write_text(good.replace("apples in the basket", "APPLES  in the basket"))
    (package / "other_words.py").write_text(good.replace("Count", "Number"))
    for skipped in (
        "tests/helpers.py",
        "_vendor/lib.py",
        "not-importable/x.py",
        "test_fruit.py",
        "fruit_test.py",
    ):
        (package / skipped).write_text(function("f", "This must not be read.", REST.format(skipped)))
    (package / "syntax_error.py").write_text(
        '"""Broken on purpose here.\n\nWith more words after it."""\ndef (:\n'
    )
    (package / "wrong_bytes.py").write_bytes(
        b'"""Caf\xe9 with no coding line.\n\nAnd more words after it."""\n'
    )
    (package / "latin.py").write_bytes(
        b'# -*- coding: latin-1 -*-\n"""Serve a caf\xe9 to the guest.\n\nIt is hot and black and strong."""\n'
    )
    (package / "nul.py").write_bytes(b'"""Has a nul byte inside.\0\n\nAnd more words after it."""\n')
    (package / "surrogate.py").write_text(
        '"""Escape \\ud800 to a lone surrogate.\n\nAnd more words after it."""\n'
    )
    many_quotes = '""""""\n' * 100
    (package / "deep.py").write_text(
        f'"""Nest it very deep.\n\nAnd more words."""\n{many_quotes}x = {"-" * 100_000}1'
    )
    (package / "huge.py").write_text(
        '"""Fill the disk with zeros.\n\nAnd more words."""\n' + "x = 0\n" * (MAX_FILE_BYTES // 6 + 1)
    )
    (package / "gone.py").symlink_to(package / "nowhere.py")
    (package / "empty.py").write_text("")
    return root


def test_reads_the_good_and_counts_the_bad(tree):
    docstrings = read_docstrings([tree], workers=1)
    assert dict(zip(docstrings.modules, docstrings.queries, strict=True)) in (
        {
            "shop.fruit": "Tell whether a pear is ripe.",
            "shop.latin": "Serve a café to the guest.",
            module: query,
        }
        for module, query in (
            ("shop", "Count the apples in the basket."),
            ("shop.copy", "Count the APPLES in the basket."),
            ("shop.other_words", "Number the apples in the basket."),
        )
    )
    assert docstrings.documents[docstrings.modules.index("shop.fruit")] == (
        "shop.fruit.ripe(a, b=1)\nIt goes through all of them and keeps what is soft."
    )
    assert docstrings.num_duplicates == 2
    # syntax_error, wrong_bytes, nul, deep, huge and gone
    assert docstrings.num_unreadable == 6
    assert docstrings.num_files == 13


def test_nothing_is_imported(tmp_path):
    (tmp_path / "bomb.py").write_text(
        function("f", "Set the bomb off.", REST.format("lost")) + "raise SystemExit(3)\n"
    )
    assert read_docstrings([tmp_path], workers=1).queries == ["Set the bomb off."]
    assert "bomb" not in sys.modules


@pytest.mark.parametrize(
    ("docstring", "query", "rest"),
    [
        (
            "Add two numbers.\n\nWorks for any type that adds.",
            "Add two numbers.",
            "Works for any type that adds.",
        ),
        (
            "Add two numbers. Works for any type that adds.",
            "Add two numbers.",
            "Works for any type that adds.",
        ),
        (
            "Add two\nnumbers\n\nWorks for any type that adds.",
            "Add two numbers",
            "Works for any type that adds.",
        ),
        (
            "Add two things, e.g. numbers. Works for any type that adds.",
            "Add two things, e.g. numbers.",
            "Works for any type that adds.",
        ),
        (
            "Add two numbers\nArgs:\n  one: the first of the two numbers",
            "Add two numbers",
            "Args:\n  one: the first of the two numbers",
        ),
        (
            "Add two numbers\n:param one: the first of the two numbers",
            "Add two numbers",
            ":param one: the first of the two numbers",
        ),
        (
            "Add version 2.0 numbers. Works for any type that adds.",
            "Add version 2.0 numbers.",
            "Works for any type that adds.",
        ),
    ],
)
def test_first_sentence(docstring, query, rest):
    (pair,) = pairs_from_source(f"def f():\n    {docstring!r}", "m")
    assert (pair.query, pair.title, pair.rest) == (query, "m.f()", rest)


@pytest.mark.parametrize(
    "docstring",
    [
        "Add two numbers.",
        "Add two numbers.\n\nToo short.",
        "Add them.\n\nWorks for any type that adds.",
        "Add two numbers.\n\nTo add two numbers. is what this is for.",
        f"Add {'many ' * 60}numbers.\n\nWorks for any type that adds.",
        "size (`int`, *optional*): The size of the thing.\n\nWorks for any type that adds.",
        "",
    ],
)
def test_leaves_out(docstring):
    query_in_rest = docstring.replace("To add two numbers.", "add two numbers.")
    assert pairs_from_source(f"def f():\n    {query_in_rest!r}", "m") == []


def test_names_and_signatures():
    docstring = '"Do some useful thing. It has a good many words."'
    source = f"""
{docstring.replace("useful", "modular")}
if True:
    class Outer(Base, metaclass=Meta):
        {docstring}
        try:
            async def method(self, *args: int, key="a#b") -> dict[str, int]: {docstring}
        except ImportError:
            class Inner:
                {docstring}
def outer():
    def hidden():
        {docstring}
"""
    assert [pair.title for pair in pairs_from_source(source, "package.module")] == [
        "package.module",
        "package.module.Outer(Base)",
        "package.module.Outer.method(self, *args: int, key='a#b') -> dict[str, int]",
        "package.module.Outer.Inner",
    ]


PIECES = [
    "word",
    "Two words",
    "e.g.",
    "stop.",
    "Stop?",
    "\n",
    "\n\n",
    "\n:param x:",
    "1.5",
    "Args:\n",
    "\t",
    "\n- ",
    "é",
]


@given(st.lists(st.sampled_from(PIECES), min_size=8, max_size=30).map(" ".join))
def test_a_pair_is_a_split_of_its_docstring(text):
    for pair in pairs_from_source(f"def f():\n    {text!r}", "m"):
        assert (pair.query + " " + pair.rest).split() == text.split()
        assert "\n" not in pair.query


def test_order_is_the_same_for_any_number_of_workers(tmp_path):
    for number in range(100):
        rest = REST.format(f"number {number % 70}")
        (tmp_path / f"m{number}.py").write_text(function("f", f"Take the item number {number}.", rest))
    one, three = (read_docstrings([tmp_path], workers=workers) for workers in (1, 3))
    assert one == three
    assert len(one) == 70
    assert one.num_duplicates == 30
    limited = read_docstrings([tmp_path], workers=3, limit=20)
    assert limited.queries == one.queries[:20]
    assert limited.num_files < one.num_files


def test_settings_of_the_process_come_back():
    collecting = gc.isenabled()
    read_files([("nowhere.py", "nowhere")])
    assert gc.isenabled() == collecting


def test_bad_arguments(tmp_path):
    with pytest.raises(ValueError, match="`limit` must be at least 1, got 0"):
        read_docstrings([tmp_path], limit=0)
    with pytest.raises(ValueError, match="`workers` must be at least 1, got 0"):
        read_docstrings([tmp_path], workers=0)
    with pytest.raises(ValueError, match="`roots` must be folders, got "):
        read_docstrings([tmp_path / "nowhere"])
    with pytest.raises(ValueError, match="must be shares of one whole, got "):
        split_by_module(Docstrings(queries=[], documents=[], modules=[]), development=0.6, test=0.6)
    assert len(read_docstrings([tmp_path])) == 0


def test_split_shares_no_module_and_loses_nothing():
    modules = [f"package.m{row // 3}" for row in range(3000)]
    rows = [str(row) for row in range(3000)]
    docstrings = Docstrings(queries=rows, documents=rows, modules=modules)
    parts = split_by_module(docstrings)
    assert sorted(query for part in parts for query in part.queries) == sorted(rows)
    assert sum(len(set(part.modules)) for part in parts) == 1000
    assert 2200 < len(parts.train) < 2600
    assert parts == split_by_module(docstrings)
    assert parts != split_by_module(docstrings, seed=1)
    # a module stays where it is when others come and go
    fewer = Docstrings(queries=rows[:300], documents=rows[:300], modules=modules[:300])
    assert set(split_by_module(fewer).test.queries) == set(parts.test.queries) & set(rows[:300])


@pytest.mark.slow
def test_standard_library():
    root = Path(sysconfig.get_paths()["stdlib"])
    docstrings = read_docstrings([root])
    assert len(docstrings) > 1500
    assert docstrings.num_files > 500
    assert not any(module.startswith("test.") for module in docstrings.modules)
    for texts in (docstrings.queries, [document.partition("\n")[2] for document in docstrings.documents]):
        assert len({" ".join(text.lower().split()) for text in texts}) == len(docstrings)
    for document, module in zip(docstrings.documents, docstrings.modules, strict=True):
        assert document.startswith(module)


def test_workers_import_little():
    heavy = "{'torch', 'transformers', 'datasets', 'numpy'}"
    code = f"import sys, foolsgold.data.docstrings; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
