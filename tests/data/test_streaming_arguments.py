"""Arguments of `stream` and `read` of another type are refused by name."""

import pytest

from foolsgold.data import read, stream


@pytest.fixture
def path(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"a": "x", "n": 1}\n')
    return tmp_path / "rows.jsonl"


@pytest.mark.parametrize("function", [read, stream])
@pytest.mark.parametrize("paths", [None, 5, [1], b"rows.jsonl", [b"rows.jsonl"]])
def test_paths_are_paths(function, paths):
    with pytest.raises(TypeError, match=r"^`paths` must be a path or a list of paths, got "):
        function(paths)
    with pytest.raises(ValueError, match=r"^`paths` must name at least one file, got none$"):
        function([])


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("columns", [[1], 5, "a"]),
        ("names", [[1], 5]),
        ("types", [{"a": 1}, {1: "text"}, "a", ["a"], 5]),
        ("quoting", [None, "x", 1]),
        ("nested", [None, "x"]),
        ("on_error", [None, 1]),
    ],
)
def test_values_of_another_type_are_named(path, argument, values):
    for value in values:
        with pytest.raises(TypeError, match=f"^`{argument}` must .*, got "):
            stream(path, **{argument: value})
    if argument == "columns":
        for value in values:
            with pytest.raises(TypeError, match=r"^`columns` must be a list of names, got "):
                read(path, columns=value)


def test_paths_may_be_any_iterable(path):
    assert stream(iter([path])).kinds == [("a", "text"), ("n", "int64")]
