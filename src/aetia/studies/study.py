"""What do all studies of a language model's contrasts ask in common?"""

import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aetia.effects import Correction
from aetia.runs.study import Study

__all__ = ["ContrastStudy", "Pair", "digests", "model_from", "parse_bytes"]


class Pair(BaseModel):
    """One's own question: two prompts, the clean one's answer, and the corrupted one's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    clean: str = Field(min_length=1, description="the prompt that the model answers; with a picture, the question")
    corrupted: str = Field(default="", description="the prompt that differs in what matters; the same with a picture")
    answer: str = Field(default="", description="of the clean prompt; about a picture by default the model's own")
    foil: str = ""
    picture: tuple[str, ...] = Field(
        default=(), description="the image file that the clean prompt asks about, or several: the frames of a clip"
    )
    edited: tuple[str, ...] = Field(
        default=(), description="with the cause changed, as many and of the same sizes; by default blank pictures"
    )
    regions: dict[str, tuple[int, int, int, int]] = Field(
        default_factory=dict,
        description="parts of the pictures: left, top, right, bottom in pixels; ball@2 is in the second picture",
    )
    spans: dict[str, str] = Field(default_factory=dict, description="named parts of the clean prompt")
    placebos: tuple[str, ...] = Field(default=(), description="rewordings of the corrupted prompt, its cause kept")

    @field_validator("picture", "edited", mode="before", json_schema_input_type=str | tuple[str, ...])
    @classmethod
    def _one_or_several(cls, files: object) -> object:
        return ((files,) if files else ()) if isinstance(files, str) else files

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if not self.answer and not self.picture:
            raise ValueError("a pair of prompts needs an answer")
        if not self.corrupted and not self.picture:
            raise ValueError("a pair needs a corrupted prompt, or a picture")
        if not self.picture and (self.edited or self.regions):
            raise ValueError("there is an edited picture, or a region of one, and no picture")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """The image files that the pair names."""
        return (*self.picture, *self.edited)

    def read_from(self, folder: Path) -> Self:
        """Return the pair that a study's file in `folder` means: its image files lie there."""
        from aetia.contrasts.pictured import file_from

        files = {"picture": self.picture, "edited": self.edited}
        return self.model_copy(update={role: tuple(file_from(folder, name) for name in files[role]) for role in files})


class ContrastStudy(Study):
    """A model, pairs of prompts that differ in one cause, and the null that effects are tested against."""

    file_fields: ClassVar[tuple[str, ...]] = ("contrasts",)
    """The fields that may name a file."""

    model: str = Field(default="smollm2-135m", description="a known model, a folder, or a repository of the hub")
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    contrasts: str | None = Field(default=None, description="a built-in set or a JSONL/CSV file: see `aetia contrasts`")
    pair: Pair | None = Field(default=None, description="one's own question, in place of contrasts")
    items: int = Field(default=24, ge=1, description="how many contrast pairs")
    chat: bool = Field(default=False, description="put each prompt into the model's chat template")
    null: str = Field(
        default="auto",
        description="what an effect would be by chance, and how often that is drawn: label-permutation, "
        "randomised-weights:19, permuted-pairs:19 ...; auto takes the cheapest that the study allows; none",
    )
    correction: Correction = Field(
        default="max-t", description="for the number of places looked at: max-t (19 draws reach 5%), bh or holm"
    )
    memory: str = Field(default="512MB", description="what planned runs may use above the loaded model")

    @field_validator("memory")
    @classmethod
    def _readable_memory(cls, memory: str) -> str:
        parse_bytes(memory)
        return memory

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.contrasts is None) == (self.pair is None):
            raise ValueError("give either contrasts or a pair")
        return self

    def read_from(self, folder: Path) -> Self:
        """Return the study that a file in `folder` means: the files that it names lie there, and so may its model.

        What has no ending is the name of a set of contrasts.
        """
        from aetia.contrasts.pictured import file_from

        if folder == Path():
            return self
        named = {name: getattr(self, name) for name in self.file_fields}
        found = {name: file_from(folder, text) for name, text in named.items() if text and Path(text).suffix}
        pair = None if self.pair is None else self.pair.read_from(folder)
        return self.model_copy(update={**found, "model": model_from(folder, self.model), "pair": pair})

    @property
    def sets_of_contrasts(self) -> tuple[str, ...]:
        """The built-in sets and files that the study names."""
        return () if self.contrasts is None else (self.contrasts,)

    @property
    def further_files(self) -> tuple[str, ...]:
        """The files that the study names beside its contrasts, and that its values depend on."""
        return () if self.pair is None else self.pair.files

    @property
    def memory_bytes(self) -> int:
        """The budget of memory in bytes."""
        return parse_bytes(self.memory)

    @property
    def scores_continuations(self) -> bool:
        """Whether an answer of several tokens is scored as a whole."""
        return False


def model_from(folder: Path, model: str) -> str:
    """The folder of a model as a study's file in `folder` names it; a known name or one of the hub stays what it is."""
    from aetia.contrasts.pictured import file_from
    from aetia.models.known import known_model

    is_folder = known_model(model) is None and (folder / model).is_dir()
    return file_from(folder, model) if model.startswith(".") or is_folder else model


def digests(names: Iterable[str]) -> list[str]:
    """Return the SHA-256 of each file of these names; a name that is no file, or cannot be read, is left out."""
    found = []
    for name in names:
        # Who reads the file for its content has the clear error.
        with suppress(OSError, ValueError, RuntimeError):  # the last: a home of nobody
            path = Path(name).expanduser()
            if path.is_file():
                found.append(hashlib.sha256(path.read_bytes()).hexdigest())
    return found


def parse_bytes(text: str) -> int:
    """The bytes that `512MB` or `2 GB` names.

    Raises:
        ValueError: If it names none.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMG])i?B?\s*", text, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{text!r} is no amount of memory; write it like 512MB or 2GB")
    return int(float(match[1]) * 2 ** {"K": 10, "M": 20, "G": 30}[match[2].upper()])
