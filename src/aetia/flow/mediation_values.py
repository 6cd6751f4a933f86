"""The values of a study of mediation: the parts of an edit's effect, item by item.

Letters: N items, k further labels that the same runs are scored by.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from torch import Tensor

from aetia.flow.mediation import blank_prompts, logits_reading, paths_of, plain_outcome
from aetia.flow.study import MediationStudy
from aetia.models.allocator import give_back
from aetia.models.network import Network
from aetia.models.outcome import Outcome
from aetia.models.recording import record
from aetia.studies.words import relabelled

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.prompts import Prompt

__all__ = ["BESIDE", "INTERACTION", "SCHEMA", "TOTAL", "Mediator"]

TOTAL, INTERACTION, BESIDE = "total", "interaction", "beside the source"

SCHEMA = pa.schema(
    [
        ("item", pa.string()),
        ("measure", pa.string()),
        ("path", pa.string()),
        ("draw", pa.int32()),
        ("value", pa.float64()),
    ]
)


class Mediator:
    """Computes the values of a study's items.

    Args:
        study: The study.
        network: The network, loaded.
        items: All the study's items: the blank picture has the mean colour of theirs.
        labels: How many further answers each run is scored by, as draws of label-permutation.
    """

    def __init__(
        self, study: MediationStudy, network: Network, items: "Sequence[AlignedContrast]", *, labels: int = 0
    ) -> None:
        self.study, self.network, self.items = study, network, items
        self.labelled = relabelled(items, labels, study.seed)
        self.blank = blank_prompts(items)

    def compute(self, places: Sequence[int]) -> pa.Table:
        """The values table of the items at these places.

        Measures, each by path: the `answer` of the clean, corrupted and blank run; the `effect` of letting one path
        alone carry the clean source into the corrupted run (natural effects), their interaction, and their total; what
        is `removed` of the clean answer if that path alone carries the corrupted source; and the `part` of the clean
        answer that a blank picture gives (prior) and the rest of it (visual).
        """
        rows = [row for place in places for row in self._rows(place)]
        give_back()
        columns = zip(*rows, strict=True)
        arrays = [pa.array(column, part.type) for column, part in zip(columns, SCHEMA, strict=True)]
        return pa.Table.from_arrays(arrays, schema=SCHEMA)

    def _rows(self, place: int) -> Iterator[tuple[str, str, str, int | None, float]]:
        item, blank = self.items[place], self.blank[place]
        for (measure, path), values in self._parts(item, blank, self._outcome(place)).items():
            for number, value in enumerate(values.tolist()):
                yield (item.id, measure, path, None if number == 0 else number - 1, value)
                if measure == "answer":  # a plain run is no finding: it has no null
                    break

    def _outcome(self, place: int) -> Outcome:
        def labels(item: "AlignedContrast") -> tuple[int, int | None]:
            return item.answer_ids[0], item.foil_ids[0] if item.foil_ids else None

        answer, foil = labels(self.items[place])
        return Outcome(self.study.outcome, (answer,), foil, decoys=tuple(labels(one[place]) for one in self.labelled))

    def _parts(
        self, item: "AlignedContrast", blank: "Prompt | None", outcome: Outcome
    ) -> Mapping[tuple[str, str], Tensor]:
        network = self.network
        paths = paths_of(item, self.study.source, self.study.mediators)
        clean, corrupted = (plain_outcome(network, ids, outcome) for ids in (item.clean_ids, item.corrupted_ids))
        prompts = (item.clean_ids, item.corrupted_ids)
        recordings = [record(network, ids) for ids in prompts]

        def reading(base: int, readers: Sequence[int]) -> Tensor:
            """The outcome of the clean (0) or corrupted (1) run whose readers see the source as the other has it."""
            logits = logits_reading(network, prompts[base], recordings[1 - base], paths.source, readers)
            return outcome.from_logits(logits)[0].reshape(-1).double().cpu()

        through = reading(1, paths.everyone) - corrupted
        effects = {name: reading(1, readers) - corrupted for name, readers in paths.readers.items()}
        removed = {name: clean - reading(0, readers) for name, readers in paths.readers.items()}
        found = {("answer", "clean"): clean, ("answer", "corrupted"): corrupted, ("effect", TOTAL): clean - corrupted}
        found |= {("effect", name): value for name, value in effects.items()}
        found["effect", INTERACTION] = through - sum(effects.values())
        found["effect", BESIDE] = clean - corrupted - through
        found |= {("removed", name): value for name, value in removed.items()}
        if blank is not None:
            prior = plain_outcome(network, blank, outcome)
            found |= {("answer", "blank"): prior, ("part", "prior"): prior, ("part", "visual"): clean - prior}
        return found
