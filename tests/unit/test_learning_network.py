"""The network under training: hard, it is its program whatever its weights are; warm, it is a relaxation of it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aetia.learning import Recipe, get_task
from aetia.learning.conversion import to_program, variable_names
from aetia.learning.network import DiscreteTransformer, Draw
from aetia.learning.readout import fitted_readout, reachable_score, score
from aetia.truth.program import run


def untrained(recipe, task, seed):
    network = DiscreteTransformer(recipe, len(task.vocabulary), task.length, torch.Generator().manual_seed(seed))
    return network.double().requires_grad_(requires_grad=False)


def prompts_of(task):
    return torch.tensor([task.token_ids(task.prompt(letters)) for letters in task.inputs])


RECIPES = st.builds(
    Recipe,
    layers=st.integers(1, 3),
    heads=st.integers(1, 3),
    counters=st.integers(0, 2),
    lookups=st.integers(1, 3),
    restarts=st.just(2),
    hidden=st.just(8),
)


@settings(max_examples=25, deadline=None)
@given(recipe=RECIPES, seed=st.integers(0, 2**31), name=st.sampled_from(["reverse", "histogram", "dyck"]))
def test_any_network_equals_its_program_in_every_variable_and_logit_on_all_inputs(recipe, seed, name):
    # Random weights choose stranger programs than trained ones do: heads that match nothing, tables of tables.
    task = get_task(name, letters=2, size=3)
    network = untrained(recipe, task, seed)
    prompts = prompts_of(task)
    variables = network.variables(prompts, Draw(None))
    logits = network.logits(variables)
    for restart in range(2):
        program = to_program(network, restart, task.vocabulary)
        values = dict(zip(variable_names(recipe), variables[restart].argmax(-1).numpy(), strict=True))
        for number, prompt in enumerate(prompts.tolist()):
            trace = run(program, prompt)
            for variable in set(values) & set(trace.values):
                np.testing.assert_array_equal(trace.values[variable], values[variable][number])
            np.testing.assert_allclose(trace.logits, logits[restart, number].numpy(), rtol=0, atol=1e-9)


def test_every_variable_is_a_distribution_at_any_temperature_and_certain_when_hard():
    task = get_task("histogram", letters=2, size=3)
    network = untrained(Recipe(counters=2, restarts=2), task, 0)
    prompts = prompts_of(task)
    for temperature in (3.0, 0.3):
        variables = network.variables(prompts, Draw(temperature, torch.Generator().manual_seed(1)))
        torch.testing.assert_close(variables.sum(-1), torch.ones_like(variables[..., 0]))
        assert variables.min() >= 0
    hard = network.variables(prompts, Draw(None))
    assert set(hard.unique().tolist()) == {0.0, 1.0}


def test_no_position_sees_a_later_token():
    task = get_task("reverse", letters=3, size=4)
    network = untrained(Recipe(layers=3, counters=1, restarts=1), task, 3)
    prompts = prompts_of(task)[:2].clone()
    changed = prompts.clone()
    changed[:, 5:] = 1
    noise = [Draw(1.0, torch.Generator().manual_seed(7)) for _ in range(2)]
    before, after = (network(tokens, draw)[:, :, :5] for tokens, draw in zip((prompts, changed), noise, strict=True))
    torch.testing.assert_close(before, after)


def test_a_prompt_that_stops_early_has_the_logits_of_the_whole_one():
    task = get_task("reverse", letters=3, size=4)
    network = untrained(Recipe(counters=1, restarts=2), task, 4)
    prompts = prompts_of(task)
    torch.testing.assert_close(network(prompts[:, :7], Draw(None)), network(prompts, Draw(None))[:, :, :7])


def test_a_hard_choice_is_the_one_drawn_most_often():
    scores = torch.tensor([0.0, 2.0, 1.0]).expand(20_000, 3)
    drawn = Draw(0.01, torch.Generator().manual_seed(0))(scores).round()
    # Gumbel-max: at low temperature the choices have the softmax of the scores as their frequencies.
    torch.testing.assert_close(drawn.mean(0), torch.softmax(scores[0], 0), rtol=0, atol=0.015)
    assert drawn.mean(0).argmax() == Draw(None)(scores)[0].argmax()


def test_gradients_reach_every_choice():
    task = get_task("histogram", letters=2, size=3)
    recipe = Recipe(counters=1, restarts=2)
    network = DiscreteTransformer(recipe, len(task.vocabulary), task.length, torch.Generator().manual_seed(0))
    network(prompts_of(task), Draw(1.0, torch.Generator().manual_seed(0))).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert all(parameter.grad[restart].any() for restart in range(2)), name


def test_the_readout_takes_the_one_variable_that_knows_the_answers():
    random = torch.Generator().manual_seed(0)
    values = torch.randint(0, 3, (5, 40, 2), generator=random)
    variables = torch.nn.functional.one_hot(values, 4).double()
    answers = values[3] + 1
    weights = fitted_readout(variables, answers, 6)
    assert weights.flatten(1).any(1).nonzero().tolist() == [[3]]
    assert score(torch.einsum("nisd,ndv->isv", variables, weights), answers) == (40, 80)
    assert weights.mul(4).frac().eq(0).all()  # quarters: exact in any precision


def test_the_readout_adds_up_what_two_variables_know():
    values = torch.cartesian_prod(*[torch.arange(3)] * 3).T.unsqueeze(-1)  # three variables, 27 inputs of one answer
    variables = torch.nn.functional.one_hot(values, 3).double()
    answers = values[0] + values[2]  # monotone in each: a sum of logits can say it
    weights = fitted_readout(variables, answers, 5)
    assert weights.flatten(1).any(1).tolist() == [True, False, True]
    assert score(torch.einsum("nisd,ndv->isv", variables, weights), answers) == (27, 27)


def test_what_cannot_be_read_is_counted_as_wrong():
    values = torch.cartesian_prod(torch.arange(2), torch.arange(2)).T.unsqueeze(-1)
    variables = torch.nn.functional.one_hot(values, 2).double()
    answers = values[0] ^ values[1]  # no sum of logits of two bits tells their parity
    assert reachable_score(variables, answers, 2)[0] < 4
    reached = score(torch.einsum("nisd,ndv->isv", variables, fitted_readout(variables, answers, 2)), answers)
    assert reached[0] < 4


@pytest.mark.parametrize("right", [0, 1, 3])
def test_an_input_is_right_if_all_of_its_answers_are(right):
    answers = torch.zeros(3, 2, dtype=torch.long)
    logits = torch.zeros(3, 2, 4)
    logits[..., 1] = 1.0
    logits[:right, :, 0] = 2.0
    logits[0, 0, 0] = 2.0
    assert score(logits, answers) == (right, 2 * right + (right == 0))
