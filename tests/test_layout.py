"""Structural rules; each fails when it finds nothing to check."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "python" / "foolsgold"
CORE = ROOT / "rust" / "core" / "src"
BINDINGS = ROOT / "rust" / "bindings" / "src"

MAY_IMPORT_CORE = {"__init__.py", "data", "evaluation", "mining", "sampling", "threads.py"}
OWN_THREADS_OR_CHANCE = {"rayon": {"pool.rs"}, "rand_chacha": {"key.rs"}}
MAY_BE_UNSAFE = {"kernels", "mapped.rs", "pool.rs"}


def imports_core(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if node.module == "foolsgold._core" or (node.module == "foolsgold" and "_core" in names):
                return True
        elif isinstance(node, ast.Import) and any(alias.name == "foolsgold._core" for alias in node.names):
            return True
    return False


def test_the_extension_is_imported_by_the_data_side_alone():
    importers = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        if imports_core(path.read_text(encoding="utf-8"))
    }
    assert importers
    assert importers <= MAY_IMPORT_CORE


def test_one_file_owns_the_threads_and_one_the_chance():
    files = list(CORE.rglob("*.rs"))
    for crate, owners in OWN_THREADS_OR_CHANCE.items():
        users = {path.name for path in files if re.search(rf"\b{crate}::", path.read_text(encoding="utf-8"))}
        assert users == owners


def test_unsafe_stands_where_it_may():
    found = {
        path.relative_to(CORE).parts[0]
        for path in CORE.rglob("*.rs")
        if re.search(r"\bunsafe (\{|fn|impl)", path.read_text(encoding="utf-8"))
    }
    assert found
    assert found <= MAY_BE_UNSAFE
    assert not any("unsafe {" in path.read_text(encoding="utf-8") for path in BINDINGS.rglob("*.rs"))


def bodies(source):
    """Yield the name and the number of body lines of each function that Python may call."""
    pattern = re.compile(r"#\[pyfunction\]|#\[pymethods\]")
    if not pattern.search(source):
        return
    for match in re.finditer(r"^( *)(?:pub\(crate\) )?fn (\w+).*?\{\n(.*?)^\1\}", source, re.M | re.S):
        yield match[2], match[3].count("\n")


def test_bindings_unpack_enter_and_pack():
    lines = {
        f"{path.name}:{name}": count
        for path in BINDINGS.rglob("*.rs")
        for name, count in bodies(path.read_text(encoding="utf-8"))
    }
    assert len(lines) > 5
    assert {name: count for name, count in lines.items() if count > 40} == {}


def test_long_work_goes_through_the_door():
    files = [path.read_text(encoding="utf-8") for path in BINDINGS.rglob("*.rs")]
    assert any("enter(py" in source for source in files)
    assert [source for source in files if ".detach(" in source and "pub(crate) fn enter" not in source] == []
    classes = [line for source in files for line in re.findall(r"#\[pyclass\(.*\)\]", source)]
    assert classes
    assert all("frozen" in line for line in classes)


def test_no_exported_name_is_the_module_that_defines_it():
    checked = 0
    for path in sorted(PACKAGE.glob("*/__init__.py")):
        package = importlib.import_module(f"foolsgold.{path.parent.name}")
        for name in getattr(package, "__all__", []):
            assert not isinstance(getattr(package, name), ModuleType), f"{package.__name__}.{name}"
            checked += 1
    assert checked > 50
