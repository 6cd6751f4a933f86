"""The instrument `evaluate`: replies to items as a study like any other, kept as they come and scored when wanted."""

from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from aetia import catalogue
from aetia.effects import Effects
from aetia.evals.harness.answering import answerer_of, identity_of, reference_of, settle
from aetia.evals.harness.batches import batches_of, files_of
from aetia.evals.harness.items import chosen_items
from aetia.evals.harness.replies import replies
from aetia.evals.harness.scored import scored
from aetia.evals.harness.study import EvaluationStudy
from aetia.evals.harness.summary import summary
from aetia.evals.harness.ways import check_scored, way_named
from aetia.runs.instrument import Batch, Compute, Plan

if TYPE_CHECKING:
    from aetia.runs.keys import JSON

__all__ = ["Evaluate"]

_WAITING = 4
"""Conversations for each call to an endpoint that may be under way: waiting for the last ones then seldom matters."""

_ALONE = (
    "An endpoint is asked by one process, which keeps its limits of pace and cost; `parallel` calls go side by side."
)


@catalogue.instrument(
    "evaluate",
    "evals",
    question="Does a model reason causally, and what goes wrong where it does not?",
    seeds=("069", "064", "195", "065", "061", "078", "122", "125"),
    citation="Chen et al. 2024 (CaLM)",
    inputs="a model or an endpoint, tasks, and ways of asking them",
    cost="a reply for each item and way of asking; `aetia evals run --dry-run` times a few",
)
class Evaluate:
    """Asks items of tasks, and scores the replies against labels that are exact."""

    name = "evaluate"
    study_type = EvaluationStudy

    def plan(self, study: EvaluationStudy, /) -> Plan:
        """All items and ways of asking them, in batches.

        Raises:
            EvaluationError: A task, its files, a way of asking, or an endpoint's name cannot be used.
            MissingError: The model is nowhere to be found.
        """
        system = {**identity_of(study), **files_of(study)}
        if study.reference:
            reference_of(study)  # says now what it cannot answer
        batches: list[Batch] = []
        items: dict[str, dict[str, JSON]] = {}
        for task in study.tasks:
            chosen = chosen_items(study, task)
            items |= {item.id: item.to_record() for item in chosen.items}
            for way in study.adaptations:
                way_named(way, study, chosen)
                if study.scored:
                    check_scored(way, chosen)
            batches.extend(batches_of(study, system, task, chosen))
        return Plan(
            tuple(batches),
            items=tuple(items.values()),
            system=system,
            forecast={"conversations": sum(batch.cells for batch in batches)},
            alone=_ALONE if study.is_endpoint else "",
        )

    def open(self, study: EvaluationStudy, /) -> Compute:
        """Load the model, or get ready to call it, and return the function that asks a batch."""
        answerer = answerer_of(study)

        def compute(batch: Batch) -> pa.Table:
            """The replies of a batch."""
            ((_, outcome),) = replies(study, answerer, [batch])
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return compute

    def stream_batches(
        self, study: EvaluationStudy, batches: Sequence[Batch], /
    ) -> Generator[tuple[Batch, pa.Table | Exception]]:
        """Ask one batch after another; of an endpoint as many at once as have several conversations for each call."""
        answerer = answerer_of(study)
        for some in _together(batches, _WAITING * study.parallel if study.is_endpoint else 1):
            yield from replies(study, answerer, some)

    def summarise(self, study: EvaluationStudy, values: pa.Table, /) -> Effects:
        """Score the replies: nothing is asked again."""
        return summary(scored(values), study)

    def settle(self, study: EvaluationStudy, /) -> None:
        """Forget the replies that were kept for this study alone: those of an endpoint, and sampled ones."""
        settle(study)


def _together(batches: Sequence[Batch], least: int) -> Iterator[Sequence[Batch]]:
    """Batches that follow one another, just enough to have so many cells; the last ones may have fewer."""
    some: list[Batch] = []
    cells = 0
    for batch in batches:
        some.append(batch)
        cells += batch.cells
        if cells >= least:
            yield some
            some, cells = [], 0
    if some:
        yield some
