"""Where two prompts differ in the picture alone, they differ from its first token on: for circuits too."""

from dataclasses import replace

import numpy as np
import torch
from seeing_networks import tiny_llava

from aetia.circuits.decomposition import Source, decompose
from aetia.circuits.deviations import deviations
from aetia.circuits.execution import circuit_outcomes, prepare
from aetia.circuits.graph import Circuit
from aetia.contrasts import find_set
from aetia.models import Cell, Intervention, Set, Site, record
from aetia.models.outcome import Outcome
from aetia.models.prompts import Prompt, first_differing
from aetia.models.wavefront import run_cells_with_hooks
from aetia.tracing.impairment import scores


def pictured_items():
    network = tiny_llava()
    return network, find_set("scenes:colour").draw(network.tokenizer, 2, seed=3, vision=network.vision).items


def changed_question(item):
    """The same pair of pictures, with the word before the last one of the question changed in the edited prompt."""
    prompt = item.corrupted_ids
    assert isinstance(prompt, Prompt)
    return replace(item, corrupted_ids=Prompt((*prompt[:-2], prompt[-3], prompt[-1]), prompt.pictures, prompt.starts))


def first_image_token(item):
    assert isinstance(item.clean_ids, Prompt)
    return item.clean_ids.starts[0]


def test_prompts_differ_from_the_first_token_of_another_picture_on():
    _, (item, *_) = pictured_items()
    start = first_image_token(item)
    assert tuple(item.clean_ids) == tuple(item.corrupted_ids)
    assert first_differing(item.clean_ids, item.corrupted_ids) == start
    assert first_differing(item.clean_ids, item.clean_ids) == item.length
    assert first_differing((1, 2, 3), (1, 2, 4)) == 2
    assert first_differing(changed_question(item).clean_ids, changed_question(item).corrupted_ids) == start


def test_circuits_are_what_they_are_when_every_position_is_computed():
    network, items = pictured_items()
    random = np.random.default_rng(0)
    for item in (items[0], changed_question(items[1])):
        one = prepare(network, item)
        assert one.start == first_image_token(item)
        kept = random.random((12, one.graph.edges)) < 0.7
        found = circuit_outcomes(network, one, kept)
        np.testing.assert_allclose(found, circuit_outcomes(network, replace(one, start=0), kept), atol=1e-4)
        ends = [Circuit.full(one.graph), Circuit.full(one.graph).complement()]
        plain = [one.outcome.read(network, run.resid_pre[-1][None, -1:]).item() for run in (one.clean, one.corrupted)]
        np.testing.assert_allclose(circuit_outcomes(network, one, ends), plain, atol=1e-4)


def test_the_relevance_of_the_picture_is_decomposed_from_its_first_token_on():
    network, items = pictured_items()
    run = next(iter(deviations(network, items[:1], "patch")))
    sources = [Source(("embed",)), Source(("L0.h1",)), Source(("L1.mlp",))]
    found = decompose(network, run, sources)
    assert (found.abs() > 1e-4).any()
    torch.testing.assert_close(found, decompose(network, replace(run, start=0), sources), atol=1e-4, rtol=1e-4)


def test_components_are_scored_from_the_picture_on_where_the_question_differs_too():
    network, items = pictured_items()
    item = changed_question(items[0])
    site = Site("mlp_out", 0)
    clean, corrupted = record(network, item.clean_ids, [("mlp_out", 0)]), record(network, item.corrupted_ids)
    whole = site.at("all")
    outcome = Outcome("logit_difference", item.answer_ids[:1], item.foil_ids[0])
    cell = Cell((Intervention(whole, Set(clean.at(whole, whole.positions(item.length)))),))
    plain = run_cells_with_hooks(network, [corrupted], [Cell(()), cell], [outcome]).values.double()
    found = scores(network, [item], [site], "logit_difference")
    np.testing.assert_allclose(found[0, 0], float(plain[1] - plain[0]), atol=1e-4)
