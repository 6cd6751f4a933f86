"""What is an evaluation: whom it asks, what, and how?"""

import hashlib
import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from aetia.evals.adaptations import way_of_asking
from aetia.evals.answerers.endpoint_address import address_of, check_told
from aetia.evals.item import Language
from aetia.evals.task import Names
from aetia.runs.keys import canonical
from aetia.runs.study import Study

__all__ = ["ENDPOINT", "KEY_VARIABLE", "PACE", "REFERENCES", "EvaluationStudy", "is_file_of_items"]

REFERENCES = ("engine", "random", "majority", "constant")
"""Answerers that are no models, named `reference:engine` and so on."""

ENDPOINT = re.compile(r"(https?://[^#\s]+)#(.+)", re.IGNORECASE)
"""How an endpoint is named: its base URL, and the model's name there."""

KEY_VARIABLE = "AETIA_API_KEY"
"""The environment variable that an endpoint's key is read from."""

PACE = ("parallel", "requests_per_minute", "tokens_per_minute", "prompt_price", "reply_price", "most_cost")
"""The fields that say how an endpoint is treated: no reply depends on them."""


def is_file_of_items(task: str) -> bool:
    """Whether a task is named by the file of its items."""
    return task.endswith(".jsonl")


def _is_address(model: str) -> bool:
    return model.strip().lower().startswith(("http://", "https://"))


class EvaluationStudy(Study):
    """A model, tasks, and ways of asking them."""

    instrument: str = "evaluate"
    model: str = Field(
        default="smollm2-135m",
        description="a known model, a folder, an endpoint as http://HOST/v1#MODEL, or reference:engine|random|majority",
    )
    tasks: tuple[str, ...] = Field(min_length=1, description="names of `aetia evals list`, or files of items (JSONL)")
    adaptations: tuple[str, ...] = Field(default=("basic",), min_length=1, description="ways of asking")
    items: int = Field(default=100, ge=1, description="how many items of each task; of its orbits with --orbits")
    orbits: bool = Field(default=False, description="ask each item's minimal pairs too")
    language: Language = "en"
    names: Names | None = Field(default=None, description="what variables are called; by default the task's first")
    data: str | None = Field(default=None, description="the folder that holds the folders of published sets")
    scored: bool = Field(
        default=False, description="score the labels by their log-probability in place of generating a reply"
    )
    tokens: int = Field(default=256, ge=1, description="the most tokens of a reply")
    temperature: float = Field(default=0.0, ge=0.0)
    chat: bool = Field(default=True, description="use the model's chat template, if it has one")
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    interventions: tuple[str, ...] = Field(
        default=(), description="sites of the model that are set to zero while it answers, as in L23.z.h4"
    )
    relations: str | None = Field(default=None, description="a file of ConceptNet relations, for care-ca")
    parallel: int = Field(default=16, ge=1, description="of an endpoint: the most requests under way at once")
    requests_per_minute: float = Field(default=0.0, ge=0.0, description="of an endpoint; 0 for no limit")
    tokens_per_minute: float = Field(
        default=0.0, ge=0.0, description="of an endpoint, those of a prompt and the most of its reply; 0 for no limit"
    )
    prompt_price: float = Field(default=0.0, ge=0.0, description="of an endpoint: a million tokens that it reads")
    reply_price: float = Field(default=0.0, ge=0.0, description="of an endpoint: a million tokens that it writes")
    most_cost: float = Field(
        default=0.0,
        ge=0.0,
        description="of an endpoint: no call is made that might cost more than is left; 0 for no limit",
    )

    @field_validator("model")
    @classmethod
    def _tells_no_secret(cls, model: str) -> str:
        """AE-8411 before anything is stored; it is no ValueError, whose value would be repeated."""
        if _is_address(model):
            check_told(model, KEY_VARIABLE)
            address_of(model.partition("#")[0], KEY_VARIABLE)
        return model

    @field_validator("adaptations")
    @classmethod
    def _by_one_name(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Each by the name that it is listed by, so that one way of asking is never two in a table."""
        return tuple(way_of_asking(name).name for name in names)

    @field_validator("tasks", "adaptations")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("each may be named once")
        return names

    @model_validator(mode="after")
    def _fits_the_model(self) -> Self:
        if self.interventions and (self.is_endpoint or self.reference):
            raise ValueError("only a model on this machine has sites to intervene on")
        if _is_address(self.model) and not self.is_endpoint:
            raise ValueError(f"an endpoint is named with its model, as in {self.model.rstrip('/#')}#MODEL")
        if self.reference and self.reference not in REFERENCES:
            raise ValueError(f"the references are {', '.join(f'reference:{name}' for name in REFERENCES)}")
        if self.scored and self.temperature > 0:
            raise ValueError("scores of labels are not sampled: leave the temperature at 0")
        paced = [name for name in PACE if getattr(self, name) != type(self).model_fields[name].default]
        if paced and not self.is_endpoint:
            raise ValueError(f"only an endpoint has {paced[0]}")
        if self.most_cost and not (self.prompt_price or self.reply_price):
            raise ValueError("most_cost needs a prompt_price or a reply_price")
        return self

    def identity(self) -> str:
        """As any study's, without how an endpoint is treated: a run goes on at another pace or price."""
        told = {name: value for name, value in self.record().items() if name not in PACE}
        return hashlib.sha256(canonical(told).encode()).hexdigest()

    def cost(self, prompt_tokens: float, tokens: float) -> float:
        """What so many tokens that are read and written cost, by the study's prices."""
        return (prompt_tokens * self.prompt_price + tokens * self.reply_price) / 1e6

    def read_from(self, folder: Path) -> Self:
        """Return the study that a file in `folder` means: the files and folders that it names lie there."""
        from aetia.contrasts.pictured import file_from
        from aetia.studies.study import model_from

        if folder == Path():
            return self
        places = {name: getattr(self, name) for name in ("data", "relations")}
        found = {name: file_from(folder, place) for name, place in places.items() if place is not None}
        tasks = tuple(file_from(folder, task) if is_file_of_items(task) else task for task in self.tasks)
        model = self.model if self.is_endpoint or self.reference else model_from(folder, self.model)
        return self.model_copy(update={**found, "tasks": tasks, "model": model})

    @property
    def is_endpoint(self) -> bool:
        """Whether the model is asked over HTTP."""
        return ENDPOINT.fullmatch(self.model) is not None

    @property
    def reference(self) -> str:
        """The reference answerer's name; empty if a model is asked."""
        return self.model.removeprefix("reference:") if self.model.startswith("reference:") else ""
