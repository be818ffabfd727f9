"""What every loss file has: the objective, the module, its sections, its line in the catalogue, its test."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest

from foolsgold import functional, losses

FOLDER = Path(losses.__file__).parent
BASES = {"__init__", "base", "modifier"}
STEMS = sorted(path.stem for path in FOLDER.glob("*.py"))
LOSSES = [stem for stem in STEMS if stem not in BASES]
PARTS = sorted(path.stem for path in (FOLDER / "parts").glob("*.py") if path.stem != "__init__")
# Names for options of another loss; their objective is that one's.
THIN = {stem for stem in LOSSES if stem.startswith("cached_")} | {"multiple_negatives_symmetric_ranking"}


def loss_of(stem):
    module = importlib.import_module(f"foolsgold.losses.{stem}")
    (loss,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, losses.EmbeddingLoss)
        and value.__module__ == module.__name__
    )
    return loss


def test_something_is_found():
    assert len(LOSSES) >= 30
    assert len(PARTS) >= 20
    assert len(THIN) == 4
    assert set(STEMS) >= BASES


@pytest.mark.parametrize("stem", LOSSES)
def test_a_loss_file_has_one_loss_of_its_name(stem):
    loss = loss_of(stem)
    assert loss.__name__.lower().replace("loss", "") == stem.replace("_", "")
    assert len((FOLDER / f"{stem}.py").read_text().splitlines()) <= 240


@pytest.mark.parametrize("stem", LOSSES)
def test_a_loss_says_its_maths_shapes_arguments_and_source(stem):
    loss = loss_of(stem)
    sections = [line.strip() for line in loss.__doc__.splitlines() if line.strip().endswith(":")]
    order = [name for name in sections if name in ("Math:", "Shape:", "Args:", "Reference:")]
    assert order == ["Math:", "Shape:", "Args:", "Reference:"]
    names = [name for name in inspect.signature(loss).parameters if name != "self"]
    assert names[0] == "model"
    assert all(f"        {name}: " in loss.__doc__ for name in names)


@pytest.mark.parametrize("stem", LOSSES)
def test_a_loss_is_in_the_catalogue(stem):
    loss = loss_of(stem)
    assert getattr(losses, loss.__name__) is loss
    assert loss.__name__ in losses.__all__
    assert f"- `{loss.__name__}`: " in losses.__doc__


@pytest.mark.parametrize("stem", sorted(set(LOSSES) - THIN))
def test_an_objective_is_a_function_too(stem):
    function = getattr(functional, f"{stem}_loss")
    assert function.__module__ == f"foolsgold.losses.{stem}"
    assert "Shape:" in function.__doc__
    assert "Args:" in function.__doc__


@pytest.mark.parametrize("stem", [stem for stem in STEMS if stem != "__init__"])
def test_every_loss_has_its_test(stem):
    assert (Path(__file__).parent / f"test_{stem}.py").exists()


@pytest.mark.parametrize("stem", PARTS)
def test_every_part_has_its_test(stem):
    assert (Path(__file__).parent / "parts" / f"test_{stem}.py").exists()
