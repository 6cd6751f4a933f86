"""Are replies the same with guesses, right ones and wrong ones, and are they written in fewer steps?"""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import tiny_network

from aetia.evals.answerers import local_generation
from aetia.evals.answerers.local_drafts import Draft
from aetia.evals.answerers.local_edits import Edits
from aetia.evals.answerers.local_generation import Prompted, Speaker, writings
from aetia.evals.answerers.local_scoring import Budget
from aetia.models import Add, Intervention, Knockout, Site
from aetia.models.interventions import zero

TIE = 5e-4
EDITS = [
    (),
    (Intervention(Site("resid_post", 0), Add(torch.linspace(-1.0, 1.0, 32))),),
    (Intervention(Site("pattern", 1), Knockout((1, 2))),),
]


def speaker_of(network, edits=(), ends=()):
    return Speaker(network, Edits(tuple(edits)), frozenset(ends), lambda tokens: " ".join(map(str, tokens)), TIE)


def told_by(speaker, asked, budget=None):
    return {owner: (one.text, one.tokens, one.is_ended) for owner, one in writings(speaker, asked, budget or Budget())}


def said_before(text, most):
    """What came after the last four tokens when they were said last, by looking through the whole text."""
    for start in range(len(text) - 5, -1, -1):
        if text[start : start + 4] == text[-4:]:
            return text[start + 4 :][:most]
    return []


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(0, 9))
def test_a_guess_is_what_came_next_the_last_time(text, most):
    draft = Draft(text[: len(text) // 2], {})
    for token in text[len(text) // 2 :]:
        draft.add(token)
    assert draft.guess(most) == said_before(text, min(most, 2))


def test_guesses_grow_while_they_come_true_and_are_cut_to_what_came_true():
    draft = Draft([1, 2, 3, 4, 5, 6] * 6, {})
    sizes = []
    for guessed, right in ((2, 2), (4, 4), (4, 3), (3, 0), (0, 0), (1, 1)):
        draft.told(guessed, right)
        sizes.append(len(draft.guess(20)))
    assert sizes == [4, 4, 3, 1, 1, 2]
    assert draft.guess(0) == []


def test_what_is_new_to_a_reply_is_guessed_from_what_others_said_last():
    said = {}
    first, second, third = (Draft([9, number, 9], said) for number in range(3))
    for token in (1, 2, 3, 4, 5, 6):
        first.add(token)
    for token in (1, 2, 3, 4):
        second.add(token)
    assert second.guess(9) == [5, 6]
    for token in (7, 8):
        second.add(token)
    for token in (1, 2, 3, 4):
        third.add(token)
    assert third.guess(9) == [7, 8]
    for token in (0, 0, 1, 2, 3, 4):
        third.add(token)
    assert third.guess(9) == [0, 0]  # its own text goes before others'
    assert Draft([1, 2, 3, 4], said).guess(9) == []  # in a prompt nothing is guessed


class Liar(Draft):
    """Guesses anything."""

    chance = random.Random(3)

    def guess(self, most):
        return [self.chance.randrange(3, 90) for _ in range(min(most, self.chance.randrange(6)))]


class Mute(Draft):
    """Guesses nothing."""

    def guess(self, most):
        return []


@pytest.mark.parametrize("edits", EDITS)
@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt2"])
def test_replies_are_the_same_whatever_is_guessed(monkeypatch, family, edits):
    network = tiny_network(family)
    draw = random.Random(2)
    asked = {
        owner: Prompted(
            tuple(draw.randrange(3, 90) for _ in range(3 + owner)), 4 + 7 * owner, temperature=owner % 2, seed=owner
        )
        for owner in range(5)
    }
    speaker = speaker_of(network, edits)
    found = []
    for kind in (Mute, Draft, Liar):
        monkeypatch.setattr(local_generation, "Draft", kind)
        found.append(told_by(speaker, asked, Budget(parallel=3)))
    assert found[0] == found[1] == found[2]
    assert [found[0][owner][1] for owner in asked] == [one.most for one in asked.values()]


def test_a_reply_ends_where_it_would_end_if_the_end_was_guessed(monkeypatch):
    network = tiny_network("llama")
    asked = {0: Prompted((5, 6, 7, 8), 30)}
    whole = told_by(speaker_of(network), asked)[0][0].split()

    class Knowing(Draft):
        def guess(self, most):
            at = len(self._text) - 4
            return [int(token) for token in whole[at : at + min(most, 5)]]

    monkeypatch.setattr(local_generation, "Draft", Knowing)
    for place in range(12):
        end = int(whole[place])
        text, tokens, is_ended = told_by(speaker_of(network, ends=[end]), asked)[0]
        assert is_ended
        assert tokens == whole.index(str(end)) + 1
        assert text == " ".join(whole[: tokens - 1])
        stop = f" {whole[place]} {whole[place + 1]}"
        cut = told_by(speaker_of(network), {0: Prompted((5, 6, 7, 8), 30, stop=(stop,))})[0]
        before = " ".join(whole)[: " ".join(whole).find(stop)]
        assert cut[0] == before or stop not in " ".join(whole)
        assert cut[1] == len(before.split()) + 2 or stop not in " ".join(whole)


def test_a_reply_that_repeats_itself_takes_fewer_steps(monkeypatch):
    network, steps = tiny_network("llama"), []
    own = local_generation.forward
    monkeypatch.setattr(local_generation, "forward", lambda *given: steps.append(len(given[1])) or own(*given))
    # Without its layers' outputs a network goes on by its last token only, and so in circles.
    edits = [
        zero(Site(component, layer)) for component in ("attn_out", "mlp_out") for layer in range(len(network.blocks))
    ]
    asked = {0: Prompted((5, 6, 7, 8), 400)}
    repeated = told_by(speaker_of(network, edits), asked)
    quick = len(steps)
    monkeypatch.setattr(local_generation, "Draft", Mute)
    steps.clear()
    assert told_by(speaker_of(network, edits), asked) == repeated
    assert len(steps) == 399
    assert 2 * quick < 399
