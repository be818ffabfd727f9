"""Processes that are killed while they write a folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress


def content(folder):
    """Return the bytes of every file under `folder`, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def size(folder):
    """Return how many bytes are under `folder`; files may go while it is looked at."""

    def size_of(path):
        with suppress(FileNotFoundError):
            return path.stat().st_size
        return 0

    return sum(map(size_of, folder.rglob("*")))


def run(code, folder):
    """Run `code` on `folder` to its end."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr


def kill_often(code, folder, *, whole, kills, seed):
    """Start `code` and kill its process group, `kills` times: at a random number of bytes, or a little later.

    Args:
        code: writes the folder that is its first argument.
        folder: where.
        whole: the bytes of a finished folder.
        kills: how many processes die; one that ends before its time does not count, and begins anew in an
            emptied folder.
        seed: of the moments.

    Returns:
        How many of them left a file that was not whole yet.
    """
    chance = random.Random(seed)
    dead = torn = 0
    while dead < kills:
        target = min(whole, size(folder)) + chance.randrange(max(1, 3 * whole // kills))
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        while process.poll() is None and size(folder) < target:
            time.sleep(0.0005)
        if process.poll() is None:
            time.sleep(chance.random() * 0.003)
            os.killpg(process.pid, signal.SIGKILL)
        _, told = process.communicate(timeout=60)
        if process.returncode == 0:
            for path in folder.rglob("*"):
                if path.is_file():
                    path.unlink()
            continue
        assert process.returncode == -signal.SIGKILL, told.decode()
        dead += 1
        torn += any(path.name.endswith(".aside") for path in folder.rglob("*"))
    return torn
