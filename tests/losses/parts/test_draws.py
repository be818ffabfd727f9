from __future__ import annotations

import random
from collections import Counter

from foolsgold.losses.parts.draws import Draws


def sampled(draws, population=5, count=2):
    return draws.draw().sample(population, count)


def test_seed_step_and_count_decide_a_draw():
    first, second = Draws("dims", 0), Draws("dims", 0)
    for draws in (first, second):
        draws.set_step(7)
    values = [sampled(first) for _ in range(20)]
    assert values == [sampled(second) for _ in range(20)]
    assert len({tuple(value) for value in values}) > 5
    first.set_step(7)
    assert [sampled(first) for _ in range(20)] == values
    others = [Draws("dims", 1), Draws("layers", 0), Draws("dims", 0)]
    for draws, step in zip(others, (7, 7, 8), strict=True):
        draws.set_step(step)
        assert [sampled(draws) for _ in range(20)] != values


def test_a_draw_may_be_asked_again_for_another_population():
    draw = Draws("dims", 0).draw()
    assert draw.sample(9, 3) == draw.sample(9, 3)
    assert draw.sample(2, 3) == [0, 1]
    assert draw.sample(0, 3) == []


def test_every_subset_comes_about_equally_often():
    draws = Draws("dims", 0)
    counts = Counter(tuple(sampled(draws, 4, 2)) for _ in range(1200))
    assert len(counts) == 6
    assert min(counts.values()) > 150


def test_the_global_generator_is_left_alone():
    state = random.getstate()
    sampled(Draws("dims", 0))
    assert random.getstate() == state
