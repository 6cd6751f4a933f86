"""What is one item of an evaluation, and how is it known again?

A generator's item and a published one are the same record: a text, the form of its answer, the label, and why the label
is right.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from aetia.errors import EvaluationError
from aetia.runs.keys import JSON, canonical
from aetia.text import clean_text

__all__ = ["Form", "Item", "Language", "Origin", "item_from_record"]

Form = Literal["binary", "choice", "number", "text"]
"""How an item is answered: yes or no, the number of an option, a number, or words."""

Language = Literal["en", "zh"]


@dataclass(frozen=True)
class Origin:
    """Where an item comes from.

    Args:
        source: `generated`, or the published set and the place in it, as in `cladder/test-generate-easy.jsonl:17`.
        licence: The SPDX name of the item's licence; empty if its publisher gives none.
        canary: The text by which the publisher finds the item in a training corpus.
        version: Of the generator or loader; items of different versions have different ids.
        seed: What the item was drawn with; `seed:index`.
        wording: How it is worded: see `Style`.
    """

    source: str = "generated"
    licence: str = "Apache-2.0"
    canary: str = ""
    version: int = 1
    seed: str = ""
    wording: str = ""


@dataclass(frozen=True)
class Item:
    """One question with its label.

    Args:
        task: The task's name, as in `calm/ate-natural`.
        context: What is given; may be empty.
        question: What is asked.
        form: How it is answered.
        label: `yes` or `no`, in every language; the number of the right option, from `1`; a decimal; or a text.
        options: The texts of the options of a choice.
        accepted: Further texts that are right, for the form `text`.
        language: Of context, question and options.
        margin: How far the deciding quantity is from where the label would change; None if it cannot change.
        derivation: The steps from what is given to the label.
        facts: What is asked, as plain data: the graph, the query, the numbers, by the names that the text uses.
        rivals: The answers that known mistakes give, by the name of the mistake, as in `correlation`.
        cluster: Items with one causal system have one cluster; they are not independent.
        orbit: Minimal pairs have one orbit: rewordings and small changes of one item.
        variant: Which of its orbit it is: `base`, `names=random`, `flipped-edge` ...
        origin: Where it comes from.
    """

    task: str
    context: str
    question: str
    form: Form
    label: str
    options: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    language: Language = "en"
    margin: float | None = None
    derivation: tuple[str, ...] = ()
    facts: Mapping[str, JSON] = field(default_factory=dict)
    rivals: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""
    orbit: str = ""
    variant: str = "base"
    origin: Origin = field(default_factory=Origin)

    @cached_property
    def id(self) -> str:
        """16 hexadecimal digits that depend on the generator's version, what is asked, its wording, and its seed."""
        told: list[JSON] = [
            self.task,
            self.language,
            self.context,
            self.question,
            *self.options,
            dict(self.facts),
            self.variant,
            self.origin.source,
            self.origin.version,
            self.origin.seed,
            self.origin.wording,
        ]
        return hashlib.sha256(canonical(told).encode()).hexdigest()[:16]

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that the form allows; empty if these cannot be listed."""
        if self.form == "binary":
            return ("yes", "no")
        return tuple(str(number) for number in range(1, len(self.options) + 1))

    def to_record(self) -> dict[str, JSON]:
        """The item as plain data; `item_from_record` reads it."""
        origin: dict[str, JSON] = dict(vars(self.origin))
        told = {name: value for name, value in vars(self).items() if name not in ("id", "origin")}
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}
        return {"id": self.id, **plain, "facts": dict(self.facts), "rivals": dict(self.rivals), "origin": origin}


_FIELDS = TypeAdapter(Item)


def item_from_record(record: Mapping[str, JSON], source: str = "the item") -> Item:
    """The item that plain data describes; `source` names the data in errors.

    Raises:
        EvaluationError: AE-8101 a field is missing, unknown, or has a value of another kind; or the label is none of
            the form.
    """
    from aetia.evals.scoring._numbers import number_in  # which reads items

    mend = "write items as `aetia evals generate` writes them."
    told = {name: value for name, value in record.items() if name != "id"}
    unknown = [name for name in told if name not in Item.__dataclass_fields__]
    if unknown:
        found = f"{source} is no item: it has a field {clean_text(unknown[0], 40)!r}, which items have not."
        raise EvaluationError("AE-8101", found, mend=mend)
    try:
        item = _FIELDS.validate_python(told)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise EvaluationError("AE-8101", f"{source} is no item: {place}: {first['msg']}.", mend=mend) from error
    if item.form not in {"number", "text"} and item.label not in item.labels:
        known = ", ".join(item.labels) or "none: it has no options"
        found = f"{source} is no item: its label {clean_text(item.label, 40)!r} is not one of its labels ({known})."
        raise EvaluationError("AE-8101", found, mend=mend)
    if item.form == "number" and number_in(item.label) is None:
        found = f"{source} is no item: its label {clean_text(item.label, 40)!r} is no number."
        raise EvaluationError("AE-8101", found, mend=mend)
    return item
