"""The door into Rust: interruption, other threads, progress, forks, wrong arguments."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from foolsgold import _core

WAITER = """
import time
from foolsgold import _core
print("ready", flush=True)
try:
    _core.wait(100_000, threads={threads})
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one child alone")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_a_long_call_within_300_ms(threads):
    with subprocess.Popen(
        [sys.executable, "-c", WAITER.format(threads=threads)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        sent = time.monotonic()
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        took = time.monotonic() - sent
        assert child.wait(timeout=10) == 0
    assert took < 0.3


def test_another_thread_runs_on_while_the_core_works():
    stop, turns = threading.Event(), [0]

    def count():
        while not stop.is_set():
            turns[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    before = turns[0]
    _core.wait(30, threads=1)
    counted = turns[0] - before
    stop.set()
    counter.join()
    assert counted > 50


@pytest.mark.parametrize("threads", [1, 3])
def test_progress_is_told_and_ends_at_the_total(threads):
    heard = []
    _core.wait(40, threads=threads, progress=lambda done, total: heard.append((done, total)))
    assert heard
    assert all(total == 40 for _, total in heard)
    assert sorted(heard) == heard
    assert heard[-1][0] <= 40


@pytest.mark.parametrize("threads", [1, 2])
def test_an_exception_in_progress_stops_the_work_and_is_the_one_raised(threads):
    def complain(done, total):
        raise ZeroDivisionError(f"{done} of {total}")

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError, match="of 100000"):
        _core.wait(100_000, threads=threads, progress=complain)
    assert time.monotonic() - began < 5


def work_after_fork():
    texts, [(ids, _)] = _core.Texts.intern([("text", [str(row % 1000) for row in range(70_000)])], threads=4)
    _core.wait(8, threads=4)
    return len(texts), int(ids[-1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_after_first_use_computes():
    expected = work_after_fork()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.apply_async(work_after_fork).get(timeout=30) == expected
    assert work_after_fork() == expected


def test_zero_threads_are_an_error_that_names_them():
    with pytest.raises(ValueError, match="`threads` must be positive, got 0"):
        _core.wait(10, threads=0)
    with pytest.raises(OverflowError):
        _core.wait(10, threads=-1)


def test_arrays_are_checked_never_cast():
    texts, _ = _core.Texts.intern([("text", ["a", "b"])], threads=1)
    assert texts.take(np.array([1, 0, 1], dtype=np.uint32)) == ["b", "a", "b"]
    bad = {
        TypeError: [[1], np.array([1]), np.array([1.0], dtype=np.float32), None, "text"],
        ValueError: [np.zeros((1, 1), dtype=np.uint32), np.zeros(8, dtype=np.uint32)[::2]],
        IndexError: [np.array([2], dtype=np.uint32)],
    }
    for error, values in bad.items():
        for value in values:
            with pytest.raises(error, match=r"`ids?`"):
                texts.take(value)


def test_features_and_threads_are_told():
    assert _core.available_threads() >= 1
    assert set(_core.cpu_features()) <= {"avx2", "avx512", "avx512_vnni", "neon", "neon_dotprod"}
    assert _core.build_profile in {"debug", "release"}
