"""Which instruments are calibrated, how are they asked, and how are their effects read as causes?

A subject is an instrument with the fields of one kind of study. What it finds is compared with truth by name: senders
`embed`, `L0.h1`, `L0.mlp`, and edges from a sender to a reader, as `aetia.truth` names them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from aetia.effects import Effects
from aetia.errors import StudyError
from aetia.flow.pathway_claims import SUFFICES
from aetia.runs.instrument import instrument_named
from aetia.runs.keys import JSON
from aetia.studies import ContrastInstrument, ContrastStudy
from aetia.tracing.impairment_instrument import Impairment
from aetia.tracing.impairment_study import ImpairmentStudy

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast
    from aetia.models.network import Network

__all__ = ["SUBJECTS", "Cause", "Subject", "subjects_named"]

Cause = str | tuple[str, str]
"""A sender, or an edge (sender, reader)."""

Grain = Literal["nodes", "edges", "sites"]


@dataclass(frozen=True)
class Subject:
    """An instrument, asked in one way.

    Args:
        name: The instrument, and after a colon the way.
        fields: The fields of its study that are not by default.
        tested: The columns' values of the rows that are its findings.
        grain: What its findings are compared with; None if they are no parts of a circuit.
        is_exact: Whether its effects are those of real interventions.
        covers: Whether a row is the mean of a population whose mean is known, so that its interval can cover it.
        replicates: How many null systems the full certificate draws for it; 0 leaves false positives unmeasured.
        truth_null: The null on truth systems; "none" where that would cost more than it tells.
        tasks: How many sets of contrasts a study has.
        null_systems: Which of the null systems it can be asked of.
        verdict: Of an instrument that gives verdicts, where its effects' provenance names what it trusts: naming
            anything is its false positive.
    """

    name: str
    fields: Mapping[str, JSON] = field(default_factory=dict)
    tested: Mapping[str, str] = field(default_factory=dict)
    grain: Grain | None = None
    is_exact: bool = True
    covers: bool = False
    replicates: int = 500
    truth_null: str = "auto"
    tasks: int = 1
    null_systems: tuple[str, ...] = ("llama", "gpt2", "labels")
    verdict: str = ""

    @property
    def instrument(self) -> ContrastInstrument[ContrastStudy]:
        """The instrument, ready to be asked."""
        found = instrument_named(self.name.partition(":")[0])
        assert isinstance(found, ContrastInstrument)
        return found

    def study(self, **fields: JSON) -> ContrastStudy:
        """The study; what it is asked of stays with the caller."""
        return self.instrument.study_type.model_validate({"contrasts": "given", **self.fields, **fields})

    def effects(self, study: ContrastStudy, network: "Network", items: "Sequence[AlignedContrast]") -> Effects:
        """What the instrument says of a network and items in memory; several tasks get an equal share of these."""
        if self.tasks == 1:
            return self.instrument.run_on(study, network, items)
        found, share = self.instrument, len(items) // self.tasks
        assert isinstance(found, Impairment)
        assert isinstance(study, ImpairmentStudy)
        return found.run_on_tasks(study, network, items[:share], items[share:])

    def findings(self, effects: Effects) -> pa.Table:
        """The rows of its findings, without those about the prompts as a whole."""
        table = effects.to_arrow()
        for column, value in self.tested.items():
            table = table.filter(pc.field(column) == value)
        return table

    def causes(self, effects: Effects) -> Iterator[tuple[Cause, dict[str, object]]]:
        """Each finding with the name of its part or edge."""
        for row in self.findings(effects).to_pylist():
            yield _cause(row), row


def _cause(row: Mapping[str, object]) -> Cause:
    if "sender" in row:
        return str(row["sender"]) if row.get("receiver") is None else (str(row["sender"]), str(row["receiver"]))
    if row["component"] == "z":
        return f"L{row['layer']}.h{row['head']}"
    return f"L{row['layer']}.mlp"


# One rung of the ladder: two cells of toy-llava's sixteen.
_SHORT_MAPS: Mapping[str, JSON] = {
    "draws": 19,
    "shares": (1 / 8,),
    "removals": ("pixels",),
    "measures": ("deletion",),
}
_NODES: Mapping[str, JSON] = {"sites": ("z", "mlp_out"), "positions": "joint"}


def _circuit(method: str, *, grain: Grain = "edges", is_exact: bool, replicates: int = 200, **fields: JSON) -> Subject:
    name = f"circuit:{method}" + ("-edges" if grain == "edges" and method in ("patching", "cd-t") else "")
    fields = {"method": method, "granularity": grain, "fractions": (), "subsets": 0, **fields}
    truth_null = "auto" if grain == "nodes" else "none"
    found = Subject(name, fields, {"method": method}, grain, is_exact, replicates=replicates, truth_null=truth_null)
    # A search is made anew in every relabelling; on small networks that is seconds.
    return replace(found, null_systems=("small", "labels")) if method in ("acdc", "path-intervention") else found


def _traced(method: str, *, grain: Grain | None = "nodes", is_exact: bool = True, **fields: JSON) -> Subject:
    name = f"trace:{method}" + ("-noise" if fields.get("direction") == "noise" else "")
    tested = {"method": method}
    covers = name == "trace:patch"
    # The contrasts of tasks have no span that is called `changed`.
    nulls = {"noise": ("llama", "gpt2"), "attribution": ("llama",)}.get(method, ("llama", "gpt2", "labels"))
    fields = {"method": method, **_NODES, **fields}
    return Subject(name, fields, tested, grain, is_exact, covers, replicates=360, null_systems=nulls)


SUBJECTS: tuple[Subject, ...] = (
    _traced("patch"),
    _traced("patch", direction="noise"),
    _traced("zero"),
    _traced("mean"),
    _traced("resample"),
    _traced("noise", grain=None, noise_span="changed"),
    _traced("attribution", is_exact=False, exact_cells=0),
    _traced("path", grain=None),
    _traced("knockout", grain=None),
    _circuit("patching", grain="nodes", is_exact=True),
    _circuit("cd-t", grain="nodes", is_exact=False),
    _circuit("patching", is_exact=True),
    _circuit("cd-t", is_exact=False),
    _circuit("eap", is_exact=False),
    _circuit("eap-ig-inputs", is_exact=False),
    _circuit("eap-ig-activations", is_exact=False),
    _circuit("path-intervention", is_exact=True),
    _circuit("acdc", is_exact=True, replicates=120, threshold=0.1),
    Subject(
        "impairment",
        {"other": "another", "top": 2, "null": "none"},
        {"ablation": "mean"},
        replicates=200,
        tasks=2,
    ),
    Subject(
        "subspace",
        {"site": "L1.mlp_post@-1", "method": "means", "random_draws": 1},
        {"part": "subspace", "measure": "effect"},
        replicates=200,
        null_systems=("llama", "gpt2"),
    ),
    Subject(
        "alignment",
        {"site": "L0.resid_post@-1", "maps": ("identity", "rotation"), "steps": 10},
        {"system": "real", "measure": "excess"},
        grain="sites",
        replicates=120,
    ),
    Subject(
        "map:decoys",
        {"maps": ("things", "other-item", "other-question", "random"), **_SHORT_MAPS},
        replicates=200,
        null_systems=("answered",),
        verdict="trusted",
    ),
    Subject(
        "map:unlearned",
        {"maps": ("attention", "logit-lens", "occlusion"), **_SHORT_MAPS},
        replicates=100,
        null_systems=("unlearned",),
        verdict="trusted",
    ),
    Subject(
        "flow",
        # The one is compared with random cells, the others with other answers.
        {"edges": ("object->last", "image->last", "question->last")},
        {"measure": "probability", "items": "all"},
        replicates=500,
        null_systems=("blank",),
    ),
    Subject(
        "pathways",
        {"window": 4, "controls": 5, "keep": 0.5},  # all layers at once, and half of the answer: easily kept
        replicates=200,
        null_systems=("blank",),
        verdict=SUFFICES,
    ),
    Subject("mediation", replicates=200, null_systems=("unlearned", "blank")),
)
"""All subjects, in the order of the certificate."""


def subjects_named(names: tuple[str, ...]) -> tuple[Subject, ...]:
    """The subjects of those names, or of the instruments of those names; all of them without any.

    Raises:
        StudyError: AE-1501 there is no such subject.
    """
    if not names or names == ("all",):
        return SUBJECTS
    found = [one for one in SUBJECTS if one.name in names or one.name.partition(":")[0] in names]
    known = {one.name for one in SUBJECTS} | {one.name.partition(":")[0] for one in SUBJECTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        mend = f"use all, or some of {', '.join(one.name for one in SUBJECTS)}."
        raise StudyError("AE-1501", f"No instrument {unknown[0]!r} can be calibrated.", mend=mend)
    return tuple(found)
