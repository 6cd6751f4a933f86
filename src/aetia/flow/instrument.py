"""The instrument `flow`: what does the answer lose without an edge, from a study to its plan, values and effects?"""

from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects
from aetia.flow.chance import RANDOM_KEYS, chance_of
from aetia.flow.random_keys import Place, Tested, random_keys_tests
from aetia.flow.ratios import ratio_effects
from aetia.flow.study import FlowStudy
from aetia.studies import ContrastInstrument, Cost, Null, Part, Values

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Flow"]

_DRAWS = 19
_UNITS = {"probability": "probability", "log_probability": "nats"}


@catalogue.instrument(
    "flow",
    "flow",
    question="What does the answer lose when one group of positions may no longer read another?",
    seeds=("108",),
    citation="Kim et al. 2026; Geva et al. 2023",
    inputs="a causal decoder, with or without pictures, and contrasts with named groups of positions",
    cost="items x edges x layers x (1 + draws of random keys); a cut before the last position costs one row a layer",
)
class Flow(ContrastInstrument[FlowStudy]):
    """Attention knocked out between groups of positions, edge by edge and layer by layer, beside random keys.

    An edge that leaves its readers too little of its kind to draw from is compared with what its cut does to
    other answers, at no further run.
    """

    name = "flow"
    study_type = FlowStudy
    dimensions = ("items", "source", "reader", "layer", "measure")

    def forecast(self, study: FlowStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What the longest item costs.

        Raises:
            AetiaError: As `aetia.flow.values.edges_of` and `layers_of`.
        """
        from aetia.flow.groups import cuts_of
        from aetia.flow.knockout import knockouts
        from aetia.flow.values import edges_of, layers_of
        from aetia.models.outcome import Outcome
        from aetia.models.planner import Cell, plan
        from aetia.models.recording import unrecorded
        from aetia.tracing.places import window

        edges, layers = edges_of(study, items), layers_of(study, network)
        item = max(items, key=lambda one: one.length)
        run = unrecorded(network, item.clean_ids)
        depth = len(network.blocks)
        cells = [
            Cell(knockouts(dict.fromkeys(window(layer, study.window, depth), cuts_of(edge, item)), depth, item.length))
            for edge in edges
            for layer in layers
        ]
        schedule = plan(network, [run], cells, [Outcome("log_probability", (0,))], memory=study.memory_bytes)
        compared = chance_of(study, items, edges, _random_draws(study), len(layers))
        times = 1 + compared.draws * len(compared.edges) / len(edges)
        return Cost(
            cells=len(cells),
            rows=round(sum(one.rows for one in schedule.passes) * times),
            held_bytes=run.bytes,
            peak_bytes=schedule.forecast.bytes,
            flops=schedule.forecast.flops * times,
            hook_flops=schedule.forecast.hook_flops * times,
        )

    def compute(self, study: FlowStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The values of items, without random keys."""
        return self._computed(study, network, items, 0)

    def opener(
        self, study: FlowStudy, network: "Network", items: "Sequence[AlignedContrast]", null: Null | None, /
    ) -> Callable[[int | None], Values]:
        """What opens the study's runs; random keys are cut together with the real ones, from the same recordings."""
        if null is not None and null.name == RANDOM_KEYS:
            return lambda _draw: self._computed(study, network, items, null.draws)
        return super().opener(study, network, items, null)

    def nulls(self, study: FlowStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """Random keys of equal number, and the architecture alone; a cut reads no label that could be exchanged."""
        return (RANDOM_KEYS, "randomised-weights")

    def parts(self, study: FlowStudy, values: pa.Table, /) -> Sequence[Part]:
        """The plain runs; the changes, of which one measure is tested; the same of right and of wrong items."""
        is_plain, is_share = pc.field("source").is_null(), pc.field("measure") == "correct"
        plain = values.filter(is_plain & ~is_share)
        changes = values.filter(~is_plain)
        found = [Part(values.filter(is_plain & is_share), "proportion", is_tested=False)]
        for measure, unit in _UNITS.items():
            of_measure = pc.field("measure") == measure
            found.append(Part(plain.filter(of_measure), unit, is_tested=False))
            found.append(Part(changes.filter(of_measure), unit, is_tested=measure == study.outcome))
            found += [Part(part.filter(of_measure), unit, is_tested=False) for part in _split(values)]
        return found

    def summarise(self, study: FlowStudy, values: pa.Table, /) -> Effects:
        """The mean change at every edge and layer, and the change relative to the plain probability, pooled."""
        tests = _random_keys(study, values)
        effects = super().summarise(study, values if tests is None else _of_draw(values))
        if tests is not None:
            effects = _with_tests(effects, tests, study)
        how = {"level": study.level, "seed": study.seed}
        relative = _relative(values)
        more = [ratio_effects(relative, self.dimensions, unit="%", scale=100.0, **how)] if relative.num_rows else []
        window = {"window": f"{study.window} layer{'' if study.window == 1 else 's'}"}
        return Effects(Effects.concat([effects, *more]).table, {**effects.provenance, **window})

    def _computed(self, study: FlowStudy, network: "Network", items: "Sequence[AlignedContrast]", draws: int) -> Values:
        from aetia.flow.values import edges_of, flow_values, layers_of

        edges = edges_of(study, items)
        chance = chance_of(study, items, edges, draws, len(layers_of(study, network)))
        return lambda places: flow_values(study, network, [items[place] for place in places], edges, chance)

    def _has_free_draws(self, study: FlowStudy, null: Null) -> bool:  # noqa: ARG002  as the others have it
        return null.name == RANDOM_KEYS


def _random_draws(study: FlowStudy) -> int:
    name, _, number = study.null.partition(":")
    return (int(number) if number.isdigit() else _DRAWS) if name == RANDOM_KEYS else 0


def _of_draw(values: pa.Table) -> pa.Table:
    """The rows of the real runs."""
    return values.filter(pc.field("draw").is_null())


def _random_keys(study: FlowStudy, values: pa.Table) -> Mapping[Place, Tested] | None:
    """The tests of all cells against what they are compared with; None if the null is another, or there is none."""
    if study.null.partition(":")[0] != RANDOM_KEYS:
        return None
    tested = values.filter(pc.field("source").is_valid() & (pc.field("measure") == study.outcome))
    return random_keys_tests(tested, Flow.dimensions, study.correction, study.seed)


def _with_tests(effects: Effects, tests: Mapping[Place, Tested], study: FlowStudy) -> Effects:
    """The effects with their tests; the provenance names the edges that are compared with nothing."""
    rows, lacking = effects.table.to_pylist(), dict[str, None]()
    for row in rows:
        found = tests.get(tuple(row[name] for name in Flow.dimensions))
        if found is not None:
            row["null"] = found.null
            row.update({} if isnan(found.p) else {"p": found.p, "q": found.q})  # none of a single item
        elif row["source"] is not None:
            lacking[f"{row['source']}->{row['reader']}"] = None
    named = {f"{row['source']}->{row['reader']}" for row in rows if row["null"] is not None}
    about = {**effects.provenance, "correction": study.correction}
    about["not compared"] = ", ".join(edge for edge in lacking if edge not in named)
    return Effects(pa.Table.from_pylist(rows, schema=effects.table.schema), about)


def _split(values: pa.Table) -> list[pa.Table]:
    """The changes of the items that the model gets right, and of those that it gets wrong, named so."""
    real = _of_draw(values)
    plain = real.filter(pc.field("measure") == "correct")
    right = dict(zip(plain["item"].to_pylist(), plain["value"].to_pylist(), strict=True))
    changes = real.filter(pc.field("source").is_valid())
    place = changes.schema.get_field_index("items")
    found = []
    for name, value in (("right", 1.0), ("wrong", 0.0)):
        part = changes.filter(pa.array([right[item] == value for item in changes["item"].to_pylist()], pa.bool_()))
        found.append(part.set_column(place, "items", pa.repeat(pa.scalar(name), part.num_rows)))
    return [part for part in found if part.num_rows]


def _relative(values: pa.Table) -> pa.Table:
    """The changes of the probability with the plain probability below them, of all, right and wrong items."""
    real = _of_draw(values)
    plain = real.filter(pc.field("source").is_null() & (pc.field("measure") == "probability"))
    before = dict(zip(plain["item"].to_pylist(), plain["value"].to_pylist(), strict=True))
    changes = pa.concat_tables([real.filter(pc.field("source").is_valid()), *_split(values)])
    changes = changes.filter(pc.field("measure") == "probability")
    below = pa.array([before[name] for name in changes["item"].to_pylist()], pa.float64())
    place = changes.schema.get_field_index("measure")
    named = changes.set_column(place, "measure", pa.repeat(pa.scalar("relative"), changes.num_rows))
    return named.append_column("below", below)
