"""Is a model that can do a set told from one that cannot?"""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from toy_tokenizer import byte_level

from aetia.contrasts import AlignedContrast, Contrast, align_one, measure
from aetia.errors import ContrastError

WIDTH = 7


class Planted:
    """A network whose logits are known: those of a prompt are the row that its last token names."""

    def __init__(self, logits: torch.Tensor) -> None:
        self.logits = logits
        self.batches: list[tuple[int, ...]] = []

    def last_logits(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        ids = torch.tensor(prompts)
        self.batches.append(tuple(ids.shape))
        return self.logits[ids[:, -1]]


def item(name: str, clean: tuple[int, ...], corrupted: tuple[int, ...], answer: tuple[int, ...], foil: tuple[int, ...]):
    return AlignedContrast(name, "", "", "", "", clean, corrupted, (), (), answer, foil, {})


LOGITS = torch.randn(WIDTH, WIDTH, generator=torch.Generator().manual_seed(0))


def test_single_tokens_are_compared_by_their_logits():
    found = measure(Planted(LOGITS), [item("a", (0, 1), (0, 2), (3,), (4,))])
    assert found.items[0].clean == pytest.approx(float(LOGITS[1, 3] - LOGITS[1, 4]), abs=1e-6)
    assert found.items[0].corrupted == pytest.approx(float(LOGITS[2, 3] - LOGITS[2, 4]), abs=1e-6)
    assert found.unit == "logits"


def test_continuations_are_compared_by_the_sum_of_their_log_probabilities():
    found = measure(Planted(LOGITS), [item("a", (0, 1), (0, 2), (3, 5), (4,))])
    logs = torch.log_softmax(LOGITS.double(), -1)
    assert found.items[0].clean == pytest.approx(float(logs[1, 3] + logs[3, 5] - logs[1, 4]), abs=1e-9)
    assert found.unit == "nats"


def test_batches_hold_one_length_and_no_more_rows_than_asked():
    items = [item(str(n), (n % 3,) * (1 + n % 2), (5,) * (1 + n % 2), (3,), (4,)) for n in range(9)]
    network = Planted(LOGITS)
    together, alone = measure(network, items, batch=2), measure(Planted(LOGITS), items, batch=100)
    assert max(rows for rows, _ in network.batches) == 2
    assert together == alone


@pytest.mark.parametrize(("right", "is_able"), [(20, True), (15, True), (11, False), (0, False)])
def test_a_set_that_the_model_cannot_do_is_flagged(right: int, is_able: bool):
    logits = torch.zeros(WIDTH, WIDTH)
    logits[0, 3], logits[1, 4] = 2.0, 1.0
    items = [item(str(n), (0,) if n < right else (1,), (2,), (3,), (4,)) for n in range(20)]
    found = measure(Planted(logits), items)
    assert found.accuracy == right / 20
    assert found.low <= found.accuracy <= found.high
    assert found.is_able is is_able
    assert found.mean_clean == pytest.approx(np.mean([2.0] * right + [-1.0] * (20 - right)), abs=1e-9)
    assert found.mean_corrupted == 0.0


def test_a_tie_is_not_correct():
    assert not measure(Planted(torch.zeros(WIDTH, WIDTH)), [item("a", (0,), (1,), (3,), (4,))]).items[0].is_correct


def test_nothing_and_items_without_a_foil_are_refused():
    with pytest.raises(ContrastError) as caught:
        measure(Planted(LOGITS), [])
    assert caught.value.code == "AE-2116"
    bare = align_one(Contrast("a", "The capital of France is", "The capital of Italy is", " Paris"), byte_level())
    with pytest.raises(ContrastError) as caught:
        measure(Planted(LOGITS), [bare])
    assert caught.value.code == "AE-2106"
