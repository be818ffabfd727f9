"""The next epoch's plan is made in a thread; whatever is asked for instead, the plan is the right one."""

from __future__ import annotations

import copy
import gc
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.sampling.planners import NUM_BATCHES, Held, batches_of, planning_threads
from torch.utils.data import DataLoader

from foolsgold.sampling import NoDuplicatesBatchSampler, RandomBatchSampler
from foolsgold.sampling.ahead import Ahead


def expected(seed, epoch):
    return batches_of(seed, epoch).tolist()


@pytest.fixture
def make():
    made = []

    def sampler(**options):
        made.append(Held(**options))
        return made[-1]

    yield sampler
    for sampler in made:
        sampler.gate.set()
    for thread in planning_threads():
        thread.join(10)
    assert planning_threads() == []


def begun(sampler, batches=2):
    """Read some batches, so that the thread is at work on the next epoch's plan."""
    iterator = iter(sampler)
    seen = [next(iterator) for _ in range(batches)]
    assert sampler.entered.wait(10)
    return iterator, seen


def test_it_is_made_in_another_thread_after_the_first_batch_and_used(make):
    sampler = make()
    iterator = iter(sampler)
    next(iterator)
    assert planning_threads() == []
    next(iterator)
    assert sampler.entered.wait(10)
    assert len(planning_threads()) == 1
    sampler.gate.set()
    list(iterator)
    assert list(sampler) == expected(0, 1)
    assert sampler.made[:2] == [(0, True), (1, False)]
    # Announced or not, the plan is the next epoch's.
    sampler.set_epoch(2)
    assert list(sampler) == expected(0, 2)
    assert sampler.made[:3] == [(0, True), (1, False), (2, False)]
    assert (1, True) not in sampler.made


def test_a_plan_that_is_not_ready_is_waited_for(make):
    sampler = make()
    iterator, _ = begun(sampler)
    list(iterator)
    opener = threading.Timer(0.2, sampler.gate.set)
    opener.start()
    assert next(iter(sampler)) == expected(0, 1)[0]
    opener.join()
    assert sampler.made == [(0, True), (1, False)]


def test_an_exception_in_the_thread_is_raised_where_the_plan_is_asked_for(make):
    sampler = make(fails=True)
    sampler.gate.set()
    assert list(sampler) == expected(0, 0)
    with pytest.raises(ArithmeticError, match=r"no plan of \(0, 1, 0\)"):
        next(iter(sampler))
    # Asked again, it is made on the spot.
    assert sampler.plan.rows.reshape(-1, 2).tolist() == expected(0, 1)


ASKED = {
    "another epoch": (lambda sampler: sampler.set_epoch(7), (0, 7)),
    "this epoch": (lambda sampler: sampler.set_epoch(0), (0, 0)),
    "another seed": (lambda sampler: setattr(sampler, "seed", 5), (5, 1)),
    "another state": (
        lambda sampler: sampler.load_state_dict(
            {**sampler.state_dict(), "seed": 3, "epoch": 9, "position": 0}
        ),
        (3, 9),
    ),
    "a place in this epoch": (lambda sampler: sampler.seek(0), (0, 0)),
}


@pytest.mark.parametrize("heeds", [True, False])
@pytest.mark.parametrize("name", ASKED)
def test_what_is_asked_for_meanwhile_is_what_comes(make, name, heeds):
    ask, (seed, epoch) = ASKED[name]
    sampler = make(heeds=heeds)
    iterator, _ = begun(sampler)
    ask(sampler)
    again = iter(sampler)
    assert [next(again) for _ in range(5)] == expected(seed, epoch)[:5]
    assert len(planning_threads()) <= 1
    assert sampler.num_plans() <= 2
    sampler.gate.set()
    del iterator
    assert list(again) == expected(seed, epoch)[5:]
    assert list(sampler) == expected(seed, epoch + 1)


def test_a_thread_that_cannot_be_stopped_is_not_joined_by_another(make):
    sampler = make(heeds=False)
    begun(sampler)
    first = planning_threads()
    for epoch in (5, 8, 12):
        sampler.set_epoch(epoch)
        iterator = iter(sampler)
        assert [next(iterator) for _ in range(4)] == expected(0, epoch)[:4]
        assert planning_threads() == first
    sampler.gate.set()
    first[0].join(10)
    # Now there is room for one: it is begun in the middle of this very epoch.
    next(iterator)
    assert list(iterator) == expected(0, 12)[5:]
    assert list(sampler) == expected(0, 13)
    assert (13, False) in sampler.made


def test_an_older_iteration_starts_nothing(make):
    sampler = make()
    older = iter(sampler)
    first = next(older)
    sampler.set_epoch(4)
    assert next(iter(sampler)) == expected(0, 4)[0]
    assert [first, *older] == expected(0, 0)
    assert planning_threads() == []


def test_no_more_than_two_plans_are_held(make):
    sampler = make()
    sampler.gate.set()
    for epoch in range(4):
        for number, batch in enumerate(sampler):
            assert batch == expected(0, epoch)[number]
            assert sampler.num_plans() <= 2
            deadline = time.monotonic() + 30
            while number == 5 and len(sampler.plans) < epoch + 2 and time.monotonic() < deadline:
                time.sleep(0.001)  # until the thread is done
            if epoch % 2 and number == 6:
                break
    assert len(sampler.plans) == 5
    assert sampler.held == [0, 1, 1, 1, 1]
    # Neither the old plan nor the one that nobody wants any more is held while another is made.
    sampler.set_epoch(20)
    assert next(iter(sampler)) == expected(0, 20)[0]
    assert sampler.held[5:] == [0]


def test_a_copy_has_no_part_in_the_thread(make):
    sampler = make()
    iterator, seen = begun(sampler)
    twin = copy.copy(sampler)
    assert list(twin) == expected(0, 1)
    assert twin.made[-1] == (1, True)
    twin.set_epoch(30)
    assert seen + list(iterator) == expected(0, 0)
    sampler.gate.set()
    assert list(sampler) == expected(0, 1)
    assert twin.epoch == 30


@pytest.mark.parametrize("kind", ["random", "no duplicates"])
def test_pickles_carry_neither_thread_nor_plan(kind):
    rows = {"text": [str(row) for row in range(4000)]}
    sampler = (
        RandomBatchSampler(range(4000), 4, True)
        if kind == "random"
        else NoDuplicatesBatchSampler(rows, 4, True)
    )
    fresh = len(pickle.dumps(sampler))
    iterator = iter(sampler)
    next(iterator), next(iterator)
    assert len(pickle.dumps(sampler)) <= fresh + 10
    twin = pickle.loads(pickle.dumps(sampler))
    assert list(twin) == (list(iterator), list(sampler))[1]


def _read_in_child(sampler, pipe):
    # The gate is the parent's thread's, which may hold its lock for ever.
    sampler.gate, sampler.entered = threading.Event(), threading.Event()
    sampler.gate.set()
    pipe.send(([list(sampler), list(sampler)], sampler.made))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_makes_its_own(make):
    sampler = make(heeds=False)
    begun(sampler)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    child = context.Process(target=_read_in_child, args=(sampler, there))
    child.start()
    assert here.poll(30)
    # The thread of the parent is held up for good, so nothing came from it.
    batches, made = here.recv()
    assert batches == [expected(0, 1), expected(0, 2)]
    assert made[:3] == [(0, True), (1, True), (2, False)]
    child.join(30)
    assert child.exitcode == 0
    sampler.gate.set()
    assert list(sampler) == expected(0, 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_workers_are_forked_while_the_thread_runs(make):
    sampler = make(heeds=False)
    begun(sampler)
    sampler.set_epoch(3)
    loader = DataLoader(
        range(2 * NUM_BATCHES),
        batch_sampler=sampler,
        num_workers=2,
        collate_fn=list,
        multiprocessing_context="fork",
    )
    assert list(loader) == expected(0, 3)


def test_the_thread_of_a_sampler_that_is_gone_ends(make):
    sampler = Held()
    iterator, _ = begun(sampler)
    (thread,) = planning_threads()
    del sampler, iterator
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_where_no_thread_can_be_had_the_plan_is_made_when_asked_for(make, monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    sampler = make()
    assert [list(sampler), list(sampler)] == [expected(0, 0), expected(0, 1)]
    assert sampler.made == [(0, True), (1, True)]


def test_nothing_is_taken_that_was_not_begun():
    assert Ahead().take((0, 0, 0)) is None


# The plan of epoch 1 takes minutes in the core, which hears what is told to it through the progress.
SLOW = """
import os, sys, threading
from foolsgold import _core
from foolsgold.sampling import RandomBatchSampler

class Slow(RandomBatchSampler):
    def _make_plan(self, draw):
        if draw[1]:
            entered.set()
            _core.wait(1_000_000, threads=1, progress=self._progress)
        return super()._make_plan(draw)

entered = threading.Event()
sampler = Slow(range(20), 2, True)
iterator = iter(sampler)
next(iterator), next(iterator)
assert entered.wait(20)
print("ready", flush=True)
"""


def run(code):
    return subprocess.Popen(
        [sys.executable, "-c", SLOW + code],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("code", ["", "import atexit; atexit.register(list, iterator)"])
def test_the_interpreter_exits_at_once(code):
    with run(code) as child:
        assert child.stdout.readline() == "ready\n"
        try:
            assert child.wait(timeout=20) == 0
        finally:
            child.kill()
        assert child.stderr.read() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one child alone")
def test_ctrl_c_is_heard_while_the_plan_is_waited_for():
    with run("list(iterator)\nprint('waits', flush=True)\nnext(iter(sampler))") as child:
        assert [child.stdout.readline(), child.stdout.readline()] == ["ready\n", "waits\n"]
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(timeout=20) in (1, 130, -signal.SIGINT)
        finally:
            child.kill()
        assert child.stderr.read().endswith("KeyboardInterrupt\n")
