"""The values of studies of features, item by item; whatever is learned is learned on the other half of the items.

Letters: N items, w width of the site, k rank.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.features.alignment import CHANCE, Accuracy, Budget, compare, refitted
from aetia.features.directions import difference_in_means, learned, load_subspace, random_subspace
from aetia.features.interchange import as_interchanges, bundles, site_width
from aetia.features.maps import parse_map
from aetia.features.readers import row_space
from aetia.features.study import AlignmentStudy, SubspaceStudy
from aetia.features.subspace import Split, SubspaceEffects, patch_parts, split
from aetia.models.network import Network
from aetia.models.sites import Site
from aetia.runs.keys import key_of
from aetia.studies.clusters import clusters_of, places_of

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["alignment_values", "check_alignment", "check_subspace", "draw_seed", "subspace_values"]

Compute = Callable[[Sequence[int]], pa.Table]
Row = Mapping[str, str | float]

_FLIPS = ("full", "subspace", "row", "null")  # a random subspace's flips are a mean of several draws


def check_subspace(study: SubspaceStudy, network: Network, items: "Sequence[AlignedContrast]") -> None:
    """Raises unless a study of a subspace can be carried out on these items; needs no weights.

    Raises:
        StudyError: AE-1401 a site of several positions; AE-1407 a rank that the site does not have; AE-1408 one item.
        SiteError: AE-1402 no weights read the site; AE-1403 a receiver that does not exist.
    """
    site = Site.parse(study.site)
    width = site_width(network, site)
    as_interchanges(items, site, both_ways=False)
    if study.rank > width:
        raise StudyError(
            "AE-1407", f"A subspace of rank {study.rank} does not fit into the {width} dimensions of {site}.",
            mend=f"use a rank from 1 to {width}.",
        )  # fmt: skip
    if study.method != "file":
        _check_halves(items)


def check_alignment(study: AlignmentStudy, network: Network, items: "Sequence[AlignedContrast]") -> None:
    """Raises unless a study of alignment maps can be carried out on these items; needs no weights.

    Raises:
        StudyError: AE-1401 a site of several positions; AE-1406 an unknown class of maps; AE-1407 more dimensions than
            the site has; AE-1408 one item.
    """
    site = Site.parse(study.site)
    width = site_width(network, site)
    as_interchanges(items, site, both_ways=True)
    for text in study.maps:
        parse_map(text)
    if study.dimensions is not None and study.dimensions > width:
        found = f"A variable of {study.dimensions} dimensions does not fit into the {width} of {site}."
        raise StudyError("AE-1407", found, mend=f"use from 1 to {width} dimensions.")
    _check_halves(items)


def _check_halves(items: "Sequence[AlignedContrast]") -> None:
    if len(clusters_of(items)) < 2:
        raise StudyError(
            "AE-1408",
            "What is learned on one item cannot be tested on another: there is only one.",
            mend="give at least 2 items, or a direction from a file.",
        )


def _halves(items: "Sequence[AlignedContrast]", seed: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The places of one half of the items and of the other, which depend on none of the first."""
    clusters = clusters_of(items)
    order = torch.randperm(len(clusters), generator=torch.Generator().manual_seed(seed)).tolist()
    return places_of(clusters, order[0::2]), places_of(clusters, order[1::2])


def subspace_values(
    study: SubspaceStudy, network: Network, items: "Sequence[AlignedContrast]", *, random_seed: int | None = None
) -> Compute:
    """The function that gives the values of a subspace study's items.

    Rows: `part` (full, subspace, row, null, random; none for the plain run) and `measure` (effect, flip, fldd ...).

    Args:
        study: The study.
        network: The network.
        items: All items; each is tested with a subspace from the others.
        random_seed: If given, a random subspace of the study's rank is patched in place of the study's own.

    Raises: As `check_subspace`; what `load_subspace` raises.
    """
    check_subspace(study, network, items)
    site = Site.parse(study.site)
    space = row_space(network, site, study.receivers)
    width = site_width(network, site)
    given: Tensor | None = None
    if study.file is not None:
        given = load_subspace(study.file, width)
    if random_seed is not None:
        rank = given.shape[1] if given is not None else study.rank if study.method == "das" else 1
        given = random_subspace(width, rank, torch.Generator().manual_seed(random_seed))
    rows: list[list[Row]] = [[] for _ in items]
    everything = tuple(range(len(items)))
    for tested in (everything,) if given is not None else _halves(items, study.seed):
        kept = [items[index] for index in everything if index not in tested]
        found = given if given is not None else _subspace(study, network, site, kept)
        parts = split(found, space)
        chosen = [items[index] for index in tested]
        for bundle in bundles(network, site, as_interchanges(chosen, site, both_ways=False)):
            # A random subspace needs no other random ones beside it.
            draws = study.random_draws if random_seed is None else 0
            how = {"draws": draws, "seed": study.seed, "memory": study.memory_bytes}
            effects = patch_parts(network, site, bundle, parts, **how)
            for place, index in enumerate(bundle.places):
                rows[tested[index]] += _subspace_rows(parts, effects, place)
    return _by_place(items, _with_fldd(rows), ("part", "measure"))


def _subspace(study: SubspaceStudy, network: Network, site: Site, items: "Sequence[AlignedContrast]") -> Tensor:
    parts = bundles(network, site, as_interchanges(items, site, both_ways=False))
    if study.method == "means":
        return difference_in_means(parts)
    return learned(network, site, parts, rank=study.rank, steps=study.steps, rate=study.rate, seed=study.seed)


def _subspace_rows(parts: Split, effects: SubspaceEffects, place: int) -> Iterator[Row]:
    base = float(effects.base[place])
    # The base run's own answer is what a patch takes away, so that its difference of logits has the other sign.
    yield {"part": "none", "measure": "outcome", "value": -base}
    for part, values in effects.effects.items():
        yield {"part": part, "measure": "effect", "value": float(values[place])}
        if part in _FLIPS:
            yield {"part": part, "measure": "flip", "value": float(base + float(values[place]) > 0)}
    for side, values in zip(("base", "source"), effects.projections.unbind(1), strict=True):
        yield {"part": "row", "measure": f"projection of {side}", "value": float(values[place])}
    for measure in ("separated", "outside", "activity"):
        yield {"part": "row", "measure": measure, "value": float(getattr(effects, measure)[place])}
    width, rank = parts.space.basis.shape
    yield {"part": "none", "measure": "unread", "value": 1.0 - rank / width}
    yield {"part": "row", "measure": "norm", "value": parts.row_norm}
    yield {"part": "null", "measure": "norm", "value": parts.null_norm}


def _with_fldd(rows: Sequence[list[Row]]) -> list[list[Row]]:
    """The rows with the fractional decrease of the logit difference, in per cent of its mean over the plain runs.

    The mean over items is then 100 (1 - mean patched / mean plain). Left out where the network, on average, does not
    prefer the answer: there is no difference to decrease.
    """
    plain = [float(row["value"]) for of_item in rows for row in of_item if row["measure"] == "outcome"]
    mean = sum(plain) / max(1, len(plain))
    if mean <= 0.0:
        return list(rows)
    return [
        of_item
        + [
            {"part": row["part"], "measure": "fldd", "value": 100.0 * float(row["value"]) / mean}
            for row in of_item
            if row["measure"] == "effect"
        ]
        for of_item in rows
    ]


def alignment_values(
    study: AlignmentStudy, network: Network, items: "Sequence[AlignedContrast]", *, is_draw: bool = False
) -> Compute:
    """The function that gives the values of an alignment study's items.

    Rows: `map`, `system` (real, randomised, difference) and `measure` (iia, excess, random labels, unpatched, own,
    inverse error). An item counts with the mean over both ways: clean into corrupted, and corrupted into clean. One
    more row of each item, of no map, has the measure `half`: 0 or 1, the half of the items that it is in.

    Args:
        study: The study.
        network: The network.
        items: All items; each is tested with maps from the others.
        is_draw: Whether this is a draw of a null, of which only what is tested is asked.

    Raises: As `check_alignment`.
    """
    check_alignment(study, network, items)
    site = Site.parse(study.site)
    dimensions = study.dimensions or max(1, site_width(network, site) // 2)
    budget = Budget(dimensions, study.steps, study.seed)
    rows: list[list[Row]] = [[] for _ in items]
    for half, tested in enumerate(_halves(items, study.seed)):
        if not is_draw:
            for index in tested:
                rows[index].append({"system": "real", "measure": "half", "value": float(half)})
        train = as_interchanges([one for n, one in enumerate(items) if n not in tested], site, both_ways=True)
        test = as_interchanges([items[index] for index in tested], site, both_ways=True)
        for name in study.maps:
            if is_draw:
                alone = refitted(network, site, train, test, parse_map(name), budget)
                for place, index in enumerate(tested):
                    rows[index].append(_excess(name, _both_ways(alone, place)))
                continue
            compared = compare(network, site, train, test, parse_map(name), budget, twins=study.twins)
            found = {"real": compared.real, "randomised": compared.twins}
            for place, index in enumerate(tested):
                rows[index] += _alignment_rows(name, found, place)
    return _by_place(items, rows, ("map", "system", "measure"))


def _alignment_rows(name: str, found: Mapping[str, Accuracy], place: int) -> Iterator[Row]:
    for system, accuracy in found.items():
        about = {"map": name, "system": system}
        yield {**about, "measure": "iia", "value": _both_ways(accuracy.interchanged, place)}
        yield {**about, "measure": "random labels", "value": _both_ways(accuracy.random_labels, place)}
        yield {**about, "measure": "unpatched", "value": _both_ways(accuracy.unpatched, place)}
        yield {**about, "measure": "own", "value": _both_ways(accuracy.own, place)}
        yield {**about, "measure": "inverse error", "value": accuracy.inverse_error}
    real, twins = (_both_ways(found[system].interchanged, place) for system in ("real", "randomised"))
    yield _excess(name, real)
    yield {"map": name, "system": "difference", "measure": "iia", "value": real - twins}


def _excess(name: str, accuracy: float) -> Row:
    """What is tested: the accuracy above a half."""
    return {"map": name, "system": "real", "measure": "excess", "value": accuracy - CHANCE}


def _both_ways(values: Tensor, place: int) -> float:
    return float(values[2 * place : 2 * place + 2].mean())


def _by_place(items: "Sequence[AlignedContrast]", rows: Sequence[Sequence[Row]], names: Sequence[str]) -> Compute:
    """The function from places of items to their rows."""
    schema = pa.schema(
        [
            ("place", pa.int32()),
            ("item", pa.string()),
            *((name, pa.string()) for name in names),
            ("value", pa.float64()),
        ]
    )
    records = [
        {"place": place, "item": items[place].id, **row} for place, of_item in enumerate(rows) for row in of_item
    ]
    table = pa.Table.from_pylist(records, schema=schema)

    def compute(places: Sequence[int]) -> pa.Table:
        return table.filter(pc.field("place").isin(list(places))).drop_columns(["place"])

    return compute


def draw_seed(study: SubspaceStudy, draw: int) -> int:
    """The seed of a null's random subspace."""
    return int(key_of(study.seed, "random-subspace", draw)[:8], 16)
