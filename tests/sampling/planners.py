"""A sampler whose plans are made in Python, and can be held up where another thread makes them."""

from __future__ import annotations

import threading
import weakref

import numpy as np

from foolsgold.sampling import Plan, Report
from foolsgold.sampling.batch_sampler import PlannedBatchSampler

NUM_BATCHES = 10


def batches_of(seed, epoch, stream=0):
    return np.random.default_rng([seed, epoch, stream]).permutation(2 * NUM_BATCHES).reshape(-1, 2)


class Held(PlannedBatchSampler):
    """Ten batches of two rows; in another thread than the main one it waits until `gate` is open."""

    def __init__(self, seed=0, heeds=True, fails=False):
        super().__init__(2, True, seed, tail=None, stream=0, rank=None, num_replicas=None, threads=1)
        self.heeds = heeds
        self.fails = fails
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.made = []
        self.plans = []
        self.held = []

    def _num_batches(self):
        return NUM_BATCHES

    def _data_fingerprint(self):
        return 0

    def _make_plan(self, draw):
        thread = threading.current_thread()
        if thread is not threading.main_thread():
            self.entered.set()
            while not self.gate.wait(0.005):
                if self.heeds:
                    self._progress(0, 1)
            if self.fails:
                raise ArithmeticError(f"no plan of {draw}")
        self.held.append(self.num_plans())
        self.made.append((draw[1], thread is threading.main_thread()))
        rows = batches_of(*draw).astype(np.uint32)
        offsets = np.arange(0, rows.size + 1, 2, dtype=np.uint64)
        report = Report(used=rows.size, repeated=0, left_out=0, why={})
        plan = Plan(rows=rows.ravel(), offsets=offsets, fingerprint=hash(draw), report=report)
        self.plans.append(weakref.ref(plan))
        return plan

    def num_plans(self):
        return sum(plan() is not None for plan in self.plans)


def planning_threads():
    return [thread for thread in threading.enumerate() if thread.name == "foolsgold-next-plan"]
