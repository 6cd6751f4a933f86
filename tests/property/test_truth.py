"""Two independent ways to the same effect: planned runs of a compiled network, and enumeration in its program."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth_networks import all_sites, both_ways, cached_system

from aetia.models import Intervention, Set, Site, run_with_hooks
from aetia.truth import Head, Layer, Lookup, Patch, Program, Reading, compile_program, run, truth_systems
from aetia.truth.program import NOTHING, POSITION, TOKEN

WORST = 3e-5


@pytest.mark.parametrize("name", truth_systems())
@pytest.mark.parametrize("direction", ["denoise", "noise"])
def test_every_single_patch_does_in_the_network_what_it_does_in_the_program(name, direction):
    system = cached_system(name)
    item = system.draw(1, seed=11)[0]
    cells = [[site] for site in all_sites(system, item.length)]
    measured, true = both_ways(system, item, cells, direction)
    worst = np.abs(np.subtract(measured, true))
    assert worst.max() < WORST, cells[int(worst.argmax())]
    assert np.ptp(true) > 1, "some patches act and some do not"


@pytest.mark.parametrize("name", truth_systems())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_several_patches_at_once_do_in_the_network_what_they_do_in_the_program(name, data):
    system = cached_system(name)
    item = system.draw(1, seed=data.draw(st.integers(0, 50)))[0]
    site = st.sampled_from(all_sites(system, item.length))
    cells = data.draw(st.lists(st.lists(site, min_size=1, max_size=4), min_size=1, max_size=8))
    measured, true = both_ways(system, item, cells, data.draw(st.sampled_from(["denoise", "noise"])))
    assert np.abs(np.subtract(measured, true)).max() < WORST


@st.composite
def programs(draw: st.DrawFn) -> Program:
    words, length = draw(st.integers(2, 4)), draw(st.integers(3, 6))
    vocabulary = tuple("<s> a b c".split()[:words])
    sizes = {TOKEN: words, POSITION: length}
    counts: set[str] = set()
    layers = []
    for number in range(draw(st.integers(1, 3))):
        before, heads, lookups = list(sizes), [], []
        for slot in range(draw(st.integers(0, 3))):
            query, key, value = (draw(st.sampled_from([n for n in before if n not in counts])) for _ in range(3))
            flags = st.lists(st.booleans(), min_size=sizes[key], max_size=sizes[key]).map(tuple)
            table = tuple(draw(flags) for _ in range(sizes[query]))
            choose = draw(st.sampled_from(["nearest", "first", "count"]))
            name = f"head{number}{slot}"
            heads.append(Head(name, query, key, value, table, choose))
            sizes[name] = length if choose == "count" else sizes[value]
            counts |= {name} if choose == "count" else set()
        readable = list(sizes)
        for slot in range(draw(st.integers(0, 2))):
            first = draw(st.sampled_from(readable))
            inputs = [first]
            if first not in counts and draw(st.booleans()):
                inputs.append(draw(st.sampled_from([n for n in readable if n not in counts])))
            cells, size = int(np.prod([sizes[n] for n in inputs])), draw(st.integers(1, 4))
            table = tuple(draw(st.lists(st.integers(0, size - 1), min_size=cells, max_size=cells)))
            lookups.append(Lookup(f"lookup{number}{slot}", tuple(inputs), size, table))
            sizes[f"lookup{number}{slot}"] = size
        layers.append(Layer(tuple(heads), tuple(lookups)))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    readout = tuple(
        Reading(n, tuple(map(tuple, random.normal(size=(size, words)).tolist())))
        for n, size in sizes.items()
        if n not in counts
    )
    return Program(vocabulary, length, tuple(layers), readout)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(program=programs(), data=st.data())
def test_any_program_compiles_to_a_network_that_equals_it_patched_or_not(program, data):
    network = compile_program(program, heads=4, seed=data.draw(st.integers(0, 9))).network
    tokens = st.lists(st.integers(1, len(program.vocabulary) - 1), min_size=1, max_size=program.length - 1)
    ids = (0, *data.draw(tokens))
    assert np.abs(network.logits(ids)[:, :-1].numpy() - run(program, ids).logits).max() < WORST
    parts = [name for name in program.variables if name not in (TOKEN, POSITION)]
    if not parts:
        return
    writer = program.writers[data.draw(st.sampled_from(parts))]
    layer, part = int(writer[1]), writer[3:]
    keys = {head.key for step in program.layers for head in step.heads if head is not None}
    written = {name for name in parts if program.writers[name] == writer}
    # What heads look for is no match at position 0 by its constant value there, which must not be taken away.
    position = data.draw(st.integers(1 if keys & written else 0, len(ids) - 1))
    site = Site("mlp_out" if part == "mlp" else "z", layer, None if part == "mlp" else int(part[1:]), position=position)
    silenced = [Patch(name, position, NOTHING) for name in written]
    zero = Set(run_with_hooks(network, ids, captures=[site]).captured[site] * 0)
    found = run_with_hooks(network, ids, [Intervention(site, zero)], keep=0).logits
    assert np.abs(found[:, :-1].numpy() - run(program, ids, silenced).logits).max() < WORST
