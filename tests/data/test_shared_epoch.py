"""An epoch is heard in copies for workers, and not in copies for others."""

import copy
import pickle
from multiprocessing import get_context

import pytest

from foolsgold.data.shared_epoch import SharedEpoch


def heard(rows, told, answer):
    answer.put(rows.epoch)
    told.get()
    answer.put(rows.epoch)


@pytest.mark.parametrize("make", [SharedEpoch, lambda: pickle.loads(pickle.dumps(SharedEpoch()))])
def test_a_process_hears_of_it(make):
    context = get_context("fork")
    rows, told, answer = make(), context.Queue(), context.Queue()
    rows.set_epoch(2)
    process = context.Process(target=heard, args=(rows, told, answer))
    process.start()
    first = answer.get(timeout=60)
    rows.set_epoch(7)
    told.put(None)
    assert (first, answer.get(timeout=60)) == (2, 7)
    process.join()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda rows: pickle.loads(pickle.dumps(rows))])
def test_a_copy_is_at_an_epoch_of_its_own(copied):
    rows = SharedEpoch(4)
    other = copied(rows)
    rows.set_epoch(5)
    assert (rows.epoch, other.epoch) == (5, 4)
    other.set_epoch(6)
    assert (rows.epoch, other.epoch) == (5, 6)


@pytest.mark.parametrize("epoch", [-1, 2**63, 1.5])
def test_an_epoch_out_of_range_is_refused(epoch):
    with pytest.raises(ValueError, match=r"`epoch` must be .*from 0 to 2\^63 - 1, got"):
        SharedEpoch().set_epoch(epoch)
    with pytest.raises(ValueError, match=r"`epoch` must be .*from 0 to 2\^63 - 1, got"):
        SharedEpoch(epoch)
