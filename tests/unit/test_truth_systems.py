"""Every system does its task, its causes are those that its program has by design, and its distractors are none."""

import numpy as np
import pytest
import torch
from truth_networks import cached_system

from aetia.errors import StudyError
from aetia.models import Intervention, Project, Set, Site, run_with_hooks
from aetia.truth import run, truth_system, truth_systems
from aetia.truth.causes import effect, node_effects
from aetia.truth.compile import compile_program

# What the contrasts of each system differ in, and the links through which that reaches the logits.
CIRCUITS = {
    "induction": "embed>before.v before>induce.k induce>logits",
    "name-mover": "embed>earlier.k earlier>repeated repeated>subject.k embed>subject.v subject>mover.q"
    " subject>doubter.q embed>mover.k embed>mover.v embed>doubter.k embed>doubter.v mover>logits doubter>logits",
    "duplicate-token": "embed>earlier.k earlier>distance distance>logits",
    "previous-token": "embed>before.v before>twice.v twice>logits",
    "modular-addition": "embed>left.v embed>right.v left>total right>total total>logits",
    "bracket-depth": "embed>opens.k embed>closes.k opens>opens_seen closes>closes_seen"
    " opens_seen>depth closes_seen>depth depth>logits",
    "redundant": "embed>one.k embed>one.v embed>two.k embed>two.v one>either two>either either>logits",
    "dormant": "embed>carry.v carry>named named>logits",
}


@pytest.fixture(params=truth_systems())
def system(request):
    return cached_system(request.param)


def test_the_causes_are_those_of_the_design(system):
    parts = system.program.writers | {"embed": "embed", "logits": "logits"}
    edges = {
        (parts[sender], ".".join([parts[reader.split(".")[0]], *reader.split(".")[1:]]))
        for sender, reader in (link.split(">") for link in CIRCUITS[system.name].split())
    }
    assert system.edges == edges
    assert system.nodes == {sender for sender, _ in edges}
    assert system.nodes <= set(system.candidates)
    assert system.edges <= set(system.edge_candidates)


def test_network_and_program_agree_at_every_position_of_its_own_and_of_random_prompts(system):
    random = np.random.default_rng(0)
    program = system.program
    prompts = [ids for item in system.draw(8) for ids in (item.clean_ids, item.corrupted_ids)]
    prompts += [
        (0, *random.integers(1, len(program.vocabulary), size=random.integers(1, program.length)).tolist())
        for _ in range(24)
    ]
    for ids in prompts:
        logits = system.network.logits(ids)
        assert np.abs(logits[:, :-1].numpy() - run(program, ids).logits).max() < 3e-5
        assert logits.softmax(-1)[:, -1].max() == 0, "the token that listens to everything is never said"


def test_a_hundred_items_are_distinct_answered_and_readable(system):
    items = system.draw(100, seed=2)
    assert len({(item.clean_ids, item.corrupted_ids) for item in items}) == 100
    assert items[:10] == system.draw(10, seed=2)
    assert len({item.length for item in items}) == 1
    for item in items:
        last = run(system.program, item.clean_ids).logits[-1]
        other = run(system.program, item.corrupted_ids).logits[-1]
        assert last.argmax() == item.answer_ids[0]
        assert last[item.answer_ids[0]] - last[item.foil_ids[0]] > 0
        assert other[item.answer_ids[0]] - other[item.foil_ids[0]] <= 0
        assert item.clean == "".join(item.clean_tokens)
        assert item.spans["last"] == (item.length - 1, item.length)
        assert any(item.clean_ids[a:b] != item.corrupted_ids[a:b] for a, b in item.spans.values())


def test_distractors_vary_with_the_prompt_and_do_nothing(system):
    first, second = system.draw(2)
    network, layers = system.network, range(len(system.program.layers))
    used = set(system.program.writers.values())
    idle = [(layer, head) for layer in layers for head in range(4) if f"L{layer}.h{head}" not in used]
    assert {layer for layer, _ in idle} == set(layers)
    answer, foil = first.answer_ids[0], first.foil_ids[0]
    plain = network.logits(first.clean_ids)[-1]
    for layer, head in idle:
        site = Site("z", layer, head)
        values = [run_with_hooks(network, item.clean_ids, captures=[site]).captured[site] for item in (first, second)]
        assert (values[0] - values[1]).abs().max() > 1e-3
        changed = run_with_hooks(network, first.clean_ids, [Intervention(site, Set(values[1]))]).logits[-1]
        assert changed[answer] - changed[foil] == pytest.approx(float(plain[answer] - plain[foil]), abs=3e-5)
        assert changed[-1] != plain[-1]


def test_total_effects_are_the_difference_of_the_two_runs_in_both_directions(system):
    for item in system.draw(5):
        answer, foil = item.answer_ids[0], item.foil_ids[0]
        ends = [run(system.program, ids).logits[-1] for ids in (item.corrupted_ids, item.clean_ids)]
        low, high = (float(row[answer] - row[foil]) for row in ends)
        assert system.joint_effect(item, system.candidates, "denoise") == pytest.approx(high - low)
        assert system.joint_effect(item, system.candidates, "noise") == pytest.approx(low - high)
        assert effect(system.program, item, "denoise", edges=system.edge_candidates) == pytest.approx(high - low)


def test_of_two_redundant_heads_neither_is_missed_alone_and_both_are_together():
    system = cached_system("redundant")
    items = system.draw(10)
    heads = [node for node in system.nodes if ".h" in node]
    assert len(heads) == 2
    noise, denoise = (system.effects(items, direction) for direction in ("noise", "denoise"))
    for n, item in enumerate(items):
        assert [noise[head][n] for head in heads] == [0, 0]
        assert [denoise[head][n] for head in heads] == [denoise["embed"][n]] * 2
        assert system.joint_effect(item, heads, "noise") == noise["embed"][n] < 0


def test_a_dormant_head_is_silent_in_all_runs_and_only_a_patch_from_elsewhere_awakens_it():
    system = cached_system("dormant")
    sleeper = system.program.writers["sleeper"]
    assert sleeper not in system.nodes
    item = system.draw(1)[0]
    assert node_effects(system.program, item, "denoise")[sleeper] == 0
    star = system.program.token_ids([f"*{item.answer.strip()}"])[0]
    elsewhere = list(item.clean_ids)
    elsewhere[2 if item.spans["cue"][0] == 1 else 1] = star
    site = Site("z", 0, int(sleeper[-1]))
    awake = run_with_hooks(system.network, elsewhere, captures=[site]).captured[site]
    patched = run_with_hooks(system.network, item.corrupted_ids, [Intervention(site, Set(awake))]).logits[-1]
    plain = system.network.logits(item.corrupted_ids)[-1]
    answer, foil = item.answer_ids[0], item.foil_ids[0]
    assert patched[answer] - patched[foil] > plain[answer] - plain[foil] + 5


def test_the_sum_of_a_disconnected_and_a_dormant_direction_acts_though_neither_part_does():
    system = cached_system("dormant")
    item = system.draw(1)[0]
    answer, foil = item.answer_ids[0], item.foil_ids[0]
    size = system.network.width
    star = system.program.token_ids([f"*{item.answer.strip()}"])[0]

    def direction(name: str, to: int, source: int) -> torch.Tensor:
        start = system.compiled.units[name][0]
        row = torch.zeros(size)
        row[start + to], row[start + source] = 1, -1
        return row / 2**0.5

    echo, sleeper = direction("echo", answer, foil), direction("sleeper", star, 0)
    site = Site("resid_post", 0, position=-1)
    source = run_with_hooks(system.network, item.clean_ids, captures=[site]).captured[site]

    def patched(vector: torch.Tensor) -> float:
        operation = Project(vector[:, None], source)
        last = run_with_hooks(system.network, item.corrupted_ids, [Intervention(site, operation)]).logits[-1]
        return float(last[answer] - last[foil])

    plain = system.network.logits(item.corrupted_ids)[-1]
    start = float(plain[answer] - plain[foil])
    assert patched(echo) == pytest.approx(start, abs=1e-4)
    assert patched(sleeper) == pytest.approx(start, abs=1e-4)
    assert patched((echo + sleeper) / 2**0.5) > start + 2


def test_seeds_move_heads_and_sizes_but_not_the_question():
    one, two = cached_system("name-mover"), truth_system("name-mover", seed=1)
    assert one.program != two.program
    assert [item.clean for item in one.draw(3)] == [item.clean for item in two.draw(3)]
    assert truth_system("name-mover", seed=1).program == two.program


def test_what_cannot_be_had_is_one_clear_error():
    with pytest.raises(StudyError, match="no truth system 'inductoin'") as caught:
        truth_system("inductoin")
    assert caught.value.code == "AE-1703"
    system = cached_system("induction")
    with pytest.raises(StudyError) as caught:
        compile_program(system.program, heads=2)
    assert caught.value.code == "AE-1704"
    for count in (0, 10**4):
        with pytest.raises(StudyError) as caught:
            cached_system("modular-addition").draw(count) if count == 0 else _few().draw(count)
        assert caught.value.code == "AE-1705"
    with pytest.raises(StudyError) as caught:
        node_effects(system.program, system.draw(1)[0], "both")
    assert caught.value.code == "AE-1706"


def _few():
    from dataclasses import replace

    system = cached_system("previous-token")
    pair = system.task.draw(np.random.default_rng(0))
    return replace(system, task=replace(system.task, draw=lambda _: pair))
