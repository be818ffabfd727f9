"""A store or rows that are none, and texts that a store lacks, are told by name."""

import numpy as np
import pytest

from foolsgold.data.store import TextStore
from foolsgold.data.stored_rows import StoredRows


@pytest.mark.parametrize("kind", [TextStore, StoredRows])
def test_a_folder_without_a_manifest_holds_none(tmp_path, kind):
    with pytest.raises(ValueError, match=rf"^{tmp_path}: must hold (a store|rows), got no `manifest.json`$"):
        kind.open(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"none/manifest.json"):
        kind.open(tmp_path / "none")


@pytest.mark.parametrize("kind", [TextStore, StoredRows])
def test_a_manifest_of_other_bytes_is_named(tmp_path, kind):
    kind.build(tmp_path, {"a": ["x", "y"]})
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(b'{"\xff' + manifest.read_bytes()[2:])
    with pytest.raises(ValueError, match=rf"^{manifest}: must be a manifest of stored .* 0xff"):
        kind.open(tmp_path)


@pytest.mark.parametrize("id", [-1, -(2**70), 2**70, np.int64(-1)])
def test_ids_of_no_text_are_refused(tmp_path, id):
    store = TextStore.build(tmp_path, {"a": ["x", "y"]})
    with pytest.raises(IndexError, match=f"`id` must be at least 0 and below 2, got {id}"):
        store[id]
