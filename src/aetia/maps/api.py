"""The functions a person calls: where an answer to one picture comes from, and which maps may be trusted over many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects
from aetia.errors import StudyError
from aetia.maps.names import DEFAULT_MAPS
from aetia.maps.study import MapStudy
from aetia.maps.verdict import Trust, judged
from aetia.runs import JSON, Run, parse_study
from aetia.studies.asking import ask

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network
    from aetia.models.pictures import Picture
    from aetia.models.prompts import Prompt

__all__ = ["MapResult", "explain", "map_grids", "study_maps", "trust_maps"]

_ONE = "one picture"


@dataclass(frozen=True, eq=False)
class MapResult:
    """Maps with the test that each carries.

    Args:
        answer: The token ids that are explained; none where there are several pictures.
        outcome: The probability of the answer, or its logarithm, as the study measures it; the mean of all pictures.
        maps: Each map of each item, `[rows, columns]`, by item and name.
        effects: What taking cells away costs, beyond random maps; the plain curves too.
        trust: The verdict on each map, with its numbers, then the controls; of one picture the verdict is None.
        notes: What a reader should know.
    """

    answer: tuple[int, ...]
    outcome: float
    maps: Mapping[str, Mapping[str, npt.NDArray[np.float64]]]
    effects: Effects
    trust: tuple[Trust, ...]
    notes: tuple[str, ...] = ()

    @property
    def grids(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """The maps of the only picture, or of the first."""
        return next(iter(self.maps.values()))


def explain(
    network: "Network",
    picture: "Picture",
    question: "str | Prompt",
    maps: Sequence[str] = DEFAULT_MAPS,
    *,
    answer: Sequence[int] = (),
    region: npt.NDArray[np.bool_] | None = None,
    **fields: JSON,
) -> MapResult:
    """Maps of one picture for one answer, each tested against random maps of equal area and controls on it alone.

    Args:
        network: A network that sees.
        picture: What it is shown.
        question: The question as text, put by the model's chat template; or the whole prompt, this picture its first.
        maps: Their names; `attention:3` is attention in layer 3.
        answer: Token ids whose probability is explained; by default the most probable first token.
        region: True where the thing lies that is asked about, `[H, W]`, if that is known; it has the cells that it has
            in studies (`aetia.models.token_groups`).
        fields: The further fields of `MapStudy`: `draws`, `shares`, `removals`, `fill`, `seed` ...

    Raises:
        StudyError: AE-9601 to AE-9614 what a map cannot do with this model, or a field is wrong; AE-9312 the region is
            no mask of what the model is shown.

    What it does not show: one picture is an anecdote. Whether a map may be trusted, for a model and a kind of question,
    is asked of many pictures: see `trust_maps` and `study_maps`.
    """
    from aetia.maps.asked import asked
    from aetia.maps.lens import SCALES, scales_kept
    from aetia.maps.measured import Rows, map_values
    from aetia.maps.methods import draw_maps
    from aetia.models.groups import token_groups

    study = _study(maps, fields)
    prompt = network.prompt(question, [picture]) if isinstance(question, str) else question
    if not isinstance(question, str) and picture not in question.pictures[:1]:
        found = "The prompt is about another picture than the one that is given."
        raise StudyError("AE-9614", found, mend="give the prompt's first picture, or the question as text.")
    one = asked(network, prompt, tuple(answer), outcome=study.outcome, seed=study.seed, fill=study.fill)
    rows = Rows(_ONE)
    rows.add("model", "answer", one.value)
    inside = () if region is None else token_groups(network.vision, prompt, {_ONE: region})[_ONE]
    target = [cell for cell, place in enumerate(one.places) if place in inside]
    grids = draw_maps(one, study.maps)
    map_values(study, one, grids, (), target, rows)
    notes = ["One picture: an anecdote, tested against its random maps alone."]
    if set(maps) & {"msea", "arc"}:
        left = sorted(set(SCALES) - set(scales_kept(one)))
        notes += [
            f"The picture at {scale:g} of its size changes the answer; msea and arc leave it out." for scale in left
        ]
    return _result(study, {_ONE: grids}, rows.table(), one.answer, notes)


def trust_maps(
    network: "Network", items: "Sequence[AlignedContrast]", maps: Sequence[str] = DEFAULT_MAPS, **fields: JSON
) -> MapResult:
    """Which maps may be trusted for a network and a set of pictures with questions, all in memory?

    Args:
        network: A network that sees.
        items: Contrasts of pictures, as tokens.
        maps: Their names.
        fields: The further fields of `MapStudy`.

    Raises:
        StudyError: As `explain`.
    """
    from aetia.maps.instrument import Maps
    from aetia.maps.measured import prompt_of

    study = _study(maps, fields)
    values = Maps().values_on(study, network, items)
    assert network.vision is not None
    shapes = {item.id: network.vision.grid(prompt_of(item).pictures[0]) for item in items}
    return _result(study, map_grids(values, shapes), values, (), [])


def study_maps(
    model: str = "toy-llava",
    contrasts: str | None = None,
    *,
    out: str | Path | None = None,
    workers: int = 1,
    **fields: JSON,
) -> Run:
    """Which maps of its pictures may be trusted for `model` and the questions of `contrasts`? As a run on disk.

    Args:
        model: A known model that sees, a folder, or a repository of the hub.
        contrasts: A built-in set of pictures, such as `scenes:colour`, or a file of pairs; or give `pair={...}`.
        out: The run's directory; by default `runs/` and a name from the study.
        workers: Processes; each loads the model once.
        fields: The further fields of `MapStudy`.

    Returns:
        The run; the effects' provenance has the maps that may be trusted.
    """
    return ask({"instrument": "map", "model": model, "contrasts": contrasts, **fields}, out=out, workers=workers)


def map_grids(values: pa.Table, shapes: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, npt.NDArray[np.float64]]]:
    """The maps that a study's values hold, by item and name, `[rows, columns]`.

    Args:
        values: The values table of a map study.
        shapes: Rows and columns of each item's picture, by its name: the field `grid` of a run's items.
    """
    found: dict[str, dict[str, dict[int, float]]] = {}
    for row in values.filter(pc.field("measure") == "map").to_pylist():
        found.setdefault(row["item"], {}).setdefault(row["map"], {})[row["cell"]] = row["value"]
    return {
        item: {
            name: np.array([cells[cell] for cell in range(len(cells))]).reshape(shapes[item])
            for name, cells in maps.items()
        }
        for item, maps in found.items()
    }


def _study(maps: Sequence[str], fields: Mapping[str, JSON]) -> MapStudy:
    """The study of what is in memory; StudyError AE-1104 if a field is wrong."""
    named = {"model": "in memory", "contrasts": "in memory", **fields, "instrument": "map", "maps": list(maps)}
    study = parse_study(named, source="a study of maps")
    assert isinstance(study, MapStudy)
    return study


def _result(
    study: MapStudy,
    maps: Mapping[str, Mapping[str, npt.NDArray[np.float64]]],
    values: pa.Table,
    answer: tuple[int, ...],
    notes: Sequence[str],
) -> MapResult:
    from aetia.maps.instrument import Maps

    effects = Maps().summarise(study, values)
    trust = judged(effects, primary=study.primary, margin=study.margin, level=study.level)
    sure = effects.where(map="model", measure="answer").to_arrow()["estimate"][0].as_py()
    return MapResult(answer, sure, maps, effects, trust, tuple(notes))
