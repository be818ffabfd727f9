"""torchdata's loader resumes a stream in mid-epoch, in the process and in workers."""

from __future__ import annotations

import pytest
from tests.sampling.test_stream import PAIRS, Own, check

from foolsgold.sampling import NoDuplicatesStream

pytestmark = [
    pytest.mark.parity,
    # torchdata calls it.
    pytest.mark.filterwarnings("ignore:.set_vital. is deprecated:UserWarning"),
]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("source", [list, Own])
def test_resumed_equals_uninterrupted(num_workers, source):
    from torchdata.stateful_dataloader import StatefulDataLoader

    def make():
        stream = NoDuplicatesStream(PAIRS if source is list else Own(), 4, drop_last=False, window=3)
        context = "fork" if num_workers else None
        return StatefulDataLoader(
            stream, batch_size=None, num_workers=num_workers, multiprocessing_context=context
        )

    expected = list(make())
    if source is list:
        assert check(expected) == set(range(203))
    for stop in (0, 1, 18, len(expected) - 1):
        loader = make()
        iterator = iter(loader)
        seen = [next(iterator) for _ in range(stop)]
        state = loader.state_dict()
        resumed = make()
        resumed.load_state_dict(state)
        assert seen + list(resumed) == expected
