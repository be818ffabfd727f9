"""What the triplets of a labelled batch are, by loops; for the tests of losses over them."""

from __future__ import annotations

import math

import torch
from tests.losses.encoders import embeddings

from foolsgold.losses.parts.label_distances import BatchHardTripletLossDistanceFunction

COSINE = BatchHardTripletLossDistanceFunction.cosine_distance
EUCLIDEAN = BatchHardTripletLossDistanceFunction.euclidean_distance
CLASSES = torch.tensor([0, 1, 0, 2, 1, 0, 3])  # of which 2 and 3 have one text each
TEXT_IDS = torch.tensor([5, 6, 7, 5, 8, 7, 6])


def squared_distance(x):
    """A distance that is not among ours."""
    return (x[:, None] - x).square().sum(dim=2)


def batch(num_rows=7, seed=0):
    return embeddings(num_rows, 4, seed=seed)


def distance(a, b, metric):
    if metric is COSINE:
        product = sum(x * y for x, y in zip(a, b, strict=True))
        return 1 - product / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    square = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return math.sqrt(square) if metric is EUCLIDEAN else square


def anchors(x, classes, metric=EUCLIDEAN, text_ids=None):
    """Yield for each row its distances to its positives and to its negatives."""
    x, classes = x.tolist(), classes.tolist()
    ids = range(len(x)) if text_ids is None else text_ids.tolist()
    for a in range(len(x)):
        others = [j for j in range(len(x)) if ids[j] != ids[a]]
        found = [
            [distance(x[a], x[j], metric) for j in others if (classes[j] == classes[a]) is same]
            for same in (True, False)
        ]
        yield found[0], found[1]


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else 0.0
