"""The wheel as a user meets it: light to import, and whole with numpy alone."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "tokenizers",
    "pyarrow",
    "pandas",
    "rich",
    "numpy",
}

ON_ARRAYS = """
import json, sys
import numpy as np
import foolsgold as fg

rng = np.random.default_rng(0)
queries, corpus = rng.standard_normal((2, 50, 16), dtype=np.float32)
mined = fg.mine(queries, corpus, positives=np.arange(50), num_negatives=3)
unit = lambda rows: rows / np.linalg.norm(rows, axis=1, keepdims=True)
scores = unit(queries) @ unit(corpus).T
np.fill_diagonal(scores, -np.inf)
equal = bool((mined.ids == np.argsort(-scores, axis=1)[:, :3]).all())
with open("pairs.jsonl", "w") as file:
    file.writelines(json.dumps({"anchor": f"q{i}", "positive": f"d{i}"}) + "\\n" for i in range(5))
from foolsgold.data import read
rows = len(fg.data.Texts.intern({"anchor": ["a", "b", "a"]})[1]["anchor"])
table = read("pairs.jsonl")
read = hasattr(table, "__arrow_c_stream__")
print(json.dumps({"equal": equal, "rows": rows, "read": read, "modules": sorted(sys.modules)}))
"""


def run_python(code, python=sys.executable, **options):
    done = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_brings_nothing_heavy():
    loaded = json.loads(run_python("import json, sys, foolsgold; print(json.dumps(sorted(sys.modules)))"))
    assert "foolsgold" in loaded
    assert not HEAVY.intersection(loaded)


def test_arrays_and_files_need_no_torch(tmp_path):
    told = json.loads(run_python(ON_ARRAYS, cwd=tmp_path))
    assert told["equal"]
    assert not (HEAVY - {"numpy"}).intersection(told["modules"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_wheel_works_with_numpy_alone(tmp_path):
    maturin = [sys.executable, "-m", "maturin", "build", "--quiet", "--profile", "dev", "--out", tmp_path]
    subprocess.run(maturin, cwd=ROOT, check=True)
    [wheel] = tmp_path.glob("foolsgold-*.whl")
    assert "-cp310-abi3-" in wheel.name
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, "numpy"], check=True)
    subprocess.run([*pip, "--no-deps", "--no-index", wheel], check=True)
    told = json.loads(run_python(ON_ARRAYS, python=python, cwd=tmp_path))
    assert told["equal"]
    assert told["rows"] == 3
    assert told["read"]
