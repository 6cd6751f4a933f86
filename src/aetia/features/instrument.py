"""The instruments `subspace` and `alignment`: from a study to its plan, its values, its effects and its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aetia import catalogue
from aetia.effects import Effects, cluster_means
from aetia.features.alignment_effects import both_tested
from aetia.features.study import AlignmentStudy, SubspaceStudy
from aetia.features.verdict import Verdict, judge
from aetia.studies import SYSTEM_NULLS, ContrastInstrument, Cost, Null, Part, Values, null_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["Alignment", "Subspace"]

_RANDOM = "random-subspace"
_UNITS: Mapping[str, str] = {
    "effect": "logits",
    "outcome": "logits",
    "flip": "proportion",
    "fldd": "%",
    "projection of base": "activation",
    "projection of source": "activation",
    "separated": "share",
    "outside": "proportion",
    "activity": "ratio",
    "norm": "norm",
    "unread": "share",
}


def _only(values: pa.Table, **wanted: Sequence[str]) -> pa.Table:
    for name, known in wanted.items():
        values = values.filter(pc.field(name).isin(list(known)))
    return values


def _real(values: pa.Table) -> pa.Table:
    """The rows of the real system, without those of its null."""
    return values.filter(pc.field("draw").is_null()) if "draw" in values.column_names else values


@catalogue.instrument(
    "subspace",
    "features",
    question="Does a direction act through what the network reads, or through a dormant pathway?",
    seeds=("098",),
    citation="Makelov, Lange and Nanda 2024; Geiger et al. 2024",
    inputs="a causal decoder, contrast pairs with foils, a site; a direction, or none to learn one",
    cost="items x (4 + random subspaces); learning takes steps x forward and backward runs of half of the items, twice",
)
class Subspace(ContrastInstrument[SubspaceStudy]):
    """A subspace's patch with its full component, its read and unread half, random subspaces, and a verdict."""

    name = "subspace"
    study_type = SubspaceStudy
    dimensions = ("part", "measure")

    def forecast(self, study: SubspaceStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What an item costs: its patches, and its share of learning.

        Raises:
            AetiaError: As `aetia.features.values.check_subspace`, and as `aetia.features.directions.load_subspace`.
        """
        from aetia.features.values import check_subspace

        check_subspace(study, network, items)
        if study.file is not None:
            from aetia.features.directions import load_subspace
            from aetia.features.interchange import site_width
            from aetia.models.sites import Site

            load_subspace(study.file, site_width(network, Site.parse(study.site)))  # a wrong file is said now
        cells = 4 + study.random_draws
        steps = study.steps if study.method == "das" else 0
        return _cost(study, network, items, cells, learning=2 * steps)

    def compute(self, study: SubspaceStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """The patches of every item, with subspaces from the other half of the items."""
        from aetia.features.values import subspace_values

        return subspace_values(study, network, items)

    def nulls(self, study: SubspaceStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """Random subspaces of equal rank, and what can be the alternative of any instrument."""
        return (_RANDOM, *SYSTEM_NULLS)

    def compute_draw(
        self,
        study: SubspaceStudy,
        network: "Network",
        items: "Sequence[AlignedContrast]",
        null: Null,
        draw: int,
        /,
    ) -> Values:
        """One draw of a null; a random subspace takes the place of the one that is asked about."""
        from aetia.features.values import draw_seed, subspace_values

        if null.name != _RANDOM:
            return super().compute_draw(study, network, items, null, draw)
        return subspace_values(study, network, items, random_seed=draw_seed(study, draw))

    def parts(self, study: SubspaceStudy, values: pa.Table, /) -> Sequence[Part]:  # noqa: ARG002  as the others do
        """The effect of the subspace, which is tested; and what is measured beside it."""
        # Its read half is not: where one direction is read, the read half of every random subspace is that direction.
        tested = _only(values, part=("subspace",), measure=("effect",))
        beside = [
            Part(_only(values, part=("full", "row", "null", "random"), measure=("effect",)), "logits", is_tested=False)
        ]
        others = [Part(_only(values, measure=(name,)), unit, is_tested=False) for name, unit in _UNITS.items()]
        return (Part(tested, "logits"), *beside, *others[1:])

    def summarise(self, study: SubspaceStudy, values: pa.Table, /) -> Effects:
        """The mean of every part, and the verdict in the provenance."""
        effects = super().summarise(study, values)
        verdict = verdict_of(study, _real(values))
        about = {"site": study.site, "finding": verdict.finding, "reasons": " ".join(verdict.reasons)}
        return Effects(effects.table, {**effects.provenance, **about})


def verdict_of(study: SubspaceStudy, values: pa.Table) -> Verdict:
    """The verdict that a subspace study's values, of the real system, come to."""

    def column(part: str, measure: str) -> np.ndarray:
        rows = sorted(_only(values, part=(part,), measure=(measure,)).to_pylist(), key=lambda row: row["item"])
        found = np.array([row["value"] for row in rows], dtype=np.float64)
        return cluster_means(found, [row["cluster"] for row in rows])[0] if "cluster" in values.schema.names else found

    return judge(
        {part: column(part, "effect") for part in ("full", "subspace", "row", "null", "random")},
        null_norm=float(np.mean(column("null", "norm"))),
        unread=float(np.mean(column("none", "unread"))),
        activity=column("row", "activity"),
        outside=column("row", "outside"),
        separated=column("row", "separated"),
        level=study.level,
        seed=study.seed,
    )


@catalogue.instrument(
    "alignment",
    "features",
    question="Does a class of maps align a variable better with the network than with random weights?",
    seeds=("081", "087"),
    citation="Sutter et al. 2025; Geiger et al. 2024",
    inputs="a causal decoder, contrast pairs with foils, a site",
    cost="maps x (4 (1 + twins) + 2 draws) fits of `steps` forward and backward runs of half of the items",
)
class Alignment(ContrastInstrument[AlignmentStudy]):
    """Interchange accuracy by class of maps, on the real and on randomised networks, and their difference.

    Every item is held out from the map that it is tested with, and the items of both halves are resampled together:
    the interval is that of these two maps on items like these. It does not tell how other maps, from other items,
    would do, nor that the halves depend on each other. The test of `excess` allows for that dependence.
    """

    name = "alignment"
    study_type = AlignmentStudy
    dimensions = ("map", "system", "measure")

    def forecast(self, study: AlignmentStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Cost:
        """What an item costs: its share of every fit.

        Raises:
            AetiaError: As `aetia.features.values.check_alignment`.
        """
        from aetia.features.values import check_alignment

        check_alignment(study, network, items)
        maps = len(study.maps)
        null = null_of(study, items, self.nulls(study), comparisons=maps)
        draws = 0 if null is None else null.draws
        # Each draw fits each map once; the study itself also on twins, and each time a second one on random answers.
        fits = maps * (2 * (1 + study.twins) + draws) / (1 + draws)
        return replace(_cost(study, network, items, 4 * fits, learning=2 * fits * study.steps), cells=maps)

    def compute(self, study: AlignmentStudy, network: "Network", items: "Sequence[AlignedContrast]", /) -> Values:
        """Every item's interchanges, through maps from the other half of the items."""
        from aetia.features.values import alignment_values

        return alignment_values(study, network, items)

    def nulls(self, study: AlignmentStudy, /) -> tuple[str, ...]:  # noqa: ARG002  the same for all studies
        """Each draw refits every map; label-permutation, which `auto` would draw often, is left out."""
        return ("randomised-weights", "permuted-pairs", "unrelated-contrast", "paraphrase-placebo")

    def compute_draw(
        self,
        study: AlignmentStudy,
        network: "Network",
        items: "Sequence[AlignedContrast]",
        null: Null,
        draw: int,
        /,
    ) -> Values:
        """One draw of a null, without twins or random answers of its own."""
        from aetia.features.values import alignment_values
        from aetia.studies import drawn

        return alignment_values(study, *drawn(null, draw, study, network, items), is_draw=True)

    def parts(self, study: AlignmentStudy, values: pa.Table, /) -> Sequence[Part]:  # noqa: ARG002  as the others do
        """What is above a half, which is tested; and the accuracies of both systems, their difference, the checks."""
        shares = _only(values, measure=("iia", "random labels", "unpatched", "own"))
        return (
            Part(_only(values, measure=("excess",)), "share"),
            Part(shares, "share", is_tested=False),
            Part(_only(values, measure=("inverse error",)), "relative", is_tested=False),
        )

    def summarise(self, study: AlignmentStudy, values: pa.Table, /) -> Effects:
        """The mean of every measure; `excess` has to be above the null's draws and, in one half, above chance."""
        effects = both_tested(study, super().summarise(study, values), values)
        return Effects(effects.table, {**effects.provenance, "site": study.site})


def _cost(
    study: SubspaceStudy | AlignmentStudy,
    network: "Network",
    items: "Sequence[AlignedContrast]",
    cells: float,
    *,
    learning: float,
) -> Cost:
    """An item's patches as full forward runs at most, and a forward and a backward run for each step of learning."""
    length = max(item.length for item in items)
    return Cost.of_runs(network, length, int(cells), cells + 3 * learning, study.memory_bytes)
