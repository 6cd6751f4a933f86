"""Random interventions for planned runs, and how far those are from full hooked ones."""

import pytest
import torch
from hypothesis import strategies as st
from tiny_models import LAYERS, VOCABULARY

from aetia.errors import SiteError
from aetia.models import Add, Cell, Intervention, Knockout, Network, Outcome, Project, Replace, Scale, Set, Site
from aetia.models.recording import Recording
from aetia.models.sites import HEAD_COMPONENTS
from aetia.models.wavefront import run_cells_with_hooks, run_planned

OUTCOMES = (
    Outcome("logit_difference", (5,), 6),
    Outcome("log_probability", (5, 7, 9)),
    Outcome("probability", (11,)),
    Outcome("kl", (5,), reference=torch.full((VOCABULARY,), 1 / VOCABULARY).log()),
)


@st.composite
def operations(draw: st.DrawFn, site: Site, source: Recording, rows: tuple[int, ...]) -> object:
    kind = draw(st.sampled_from(["set", "set", "add", "scale", "project", "replace"]))
    value = source.at(site, rows)
    if kind == "set":
        return Set(value)
    if kind == "add":
        return Add(value * 0.5)
    if kind == "scale":
        return Scale(draw(st.sampled_from([0.0, 0.5, 2.0])))
    if kind == "project":
        generator = torch.Generator().manual_seed(draw(st.integers(0, 9)))
        basis = torch.linalg.qr(torch.randn(value.shape[-1], 2, generator=generator)).Q
        return Project(basis, draw(st.sampled_from([None, value])))
    return Replace(lambda old: old.flip(-1))


@st.composite
def interventions(draw: st.DrawFn, network: Network, source: Recording, length: int) -> Intervention:
    component = draw(st.sampled_from([*network.ports[0], "embed", "pattern"]))
    layer = None if component == "embed" else draw(st.integers(0, LAYERS - 1))
    head = draw(st.sampled_from([None, 0, 1])) if component in HEAD_COMPONENTS else None
    if component == "pattern":
        target = draw(st.integers(1, length - 1))
        keys = draw(st.sets(st.integers(0, target), min_size=1, max_size=target))
        return Intervention(Site("pattern", layer, head, position=target), Knockout(tuple(sorted(keys))))
    position = draw(st.one_of(st.just("all"), st.integers(-length, length - 1)))
    units = draw(st.sampled_from([None, (1, 3)])) if component not in ("embed", "resid_pre") else None
    site = Site(component, layer, head, units, position)
    return Intervention(site, draw(operations(site, source, site.positions(length))))


def agree(network: Network, worlds: list[Recording], cells: list[Cell], outcome: Outcome) -> float:
    outcomes = [outcome] * len(worlds)
    try:
        reference = run_cells_with_hooks(network, worlds, cells, outcomes).values
    except SiteError as error:  # a knockout that leaves a position nothing
        with pytest.raises(type(error)):
            run_planned(network, worlds, cells, outcomes)
        return 0.0
    planned = run_planned(network, worlds, cells, outcomes).values
    return float((planned - reference).abs().max())
