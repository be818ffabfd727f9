"""What a job has finished: kept on disk, so that the same job goes on after an interruption."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from foolsgold.aside import write_aside

if TYPE_CHECKING:
    from pathlib import Path

_RESULT = "metrics.json"


class Journal:
    """A job's folder while it grows beside its final place, and the record of what is finished in it.

    Nothing appears at `output` before everything is there; an earlier job's folder stays whole until then.

    Args:
        output: Where the folder goes in the end.
        fingerprint: Of all that decides the outcome; a folder left by another job is not gone on with.

    Raises:
        ValueError: If `output` holds something that no job has written.
    """

    def __init__(self, output: Path, fingerprint: str) -> None:
        if not _is_replaceable(output):
            raise ValueError(f"`output` must be a new folder, an empty one or an earlier job's, got {output}")
        self.output = output
        self.folder = output.with_name(f".{output.name}.unfinished")
        self._file = self.folder / "journal.json"
        self._finished: dict[str, Any] = {}
        if self._file.is_file():
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if kept["fingerprint"] == fingerprint:
                self._finished = kept["finished"]
        if not self._finished and self.folder.exists():
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._fingerprint = fingerprint

    def __contains__(self, step: str) -> bool:
        return step in self._finished

    def __getitem__(self, step: str) -> Any:
        return self._finished[step]

    def record(self, step: str, result: Any) -> None:
        """Note that `step` is finished; its files must be in the folder by now."""
        self._finished[step] = result
        write_aside(self._file, json.dumps({"fingerprint": self._fingerprint, "finished": self._finished}))

    def publish(self, metrics: dict[str, Any]) -> None:
        """Write the metrics and move the folder to its place."""
        write_aside(self.folder / _RESULT, json.dumps(metrics, indent=2) + "\n")
        self._file.unlink(missing_ok=True)
        earlier = self.output.with_name(f".{self.output.name}.earlier")
        if earlier.exists():
            shutil.rmtree(earlier)
        if self.output.exists():
            self.output.rename(earlier)
        self.folder.rename(self.output)
        shutil.rmtree(earlier, ignore_errors=True)


def _is_replaceable(output: Path) -> bool:
    if output.is_dir():
        return (output / _RESULT).is_file() or not any(output.iterdir())
    return not output.exists()
