"""Which ways of computing a grid are compared, and how is each of them opened?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal, Protocol

import torch
from jobs import GRID_KINDS, Grid, GridKind
from peers import Nnsight, Pyvene, TransformerLens, wrap_for_nnsight
from plain import PlainHooks, forward_operations
from planned import Planner

from aetia.models import Network, load
from aetia.models.resolve import LocalModel, locate

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Side = Literal["hooks", "peer", "aetia"]


class Way(Protocol):
    """One way of computing grids."""

    def forward(self, ids: tuple[int, ...]) -> object:
        """Runs a prompt once, so that what a first call sets up is not counted."""
        ...

    def compute(self, grid: Grid) -> "Tensor":
        """The value of every cell, `[rows of the grid, columns]`."""
        ...


@dataclass
class Weights:
    """The one set of weights, and the copies of it that have been opened so far.

    Args:
        name: A model's short name or folder.
    """

    name: str

    @cached_property
    def source(self) -> LocalModel:
        """Where the weights are."""
        return locate(self.name)

    @cached_property
    def tokenizer(self) -> "PreTrainedTokenizerBase":
        """The model's tokenizer."""
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self.source.path, local_files_only=True)

    @cached_property
    def config(self) -> "PreTrainedConfig":
        """The model's shape."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.source.path, local_files_only=True)

    @cached_property
    def plain(self) -> "PreTrainedModel":
        """The copy that plain hooks work on."""
        return self.fresh()

    @cached_property
    def network(self) -> Network:
        """The copy that aetia works on."""
        return load(self.name)

    @cached_property
    def nnsight(self) -> object:
        """The copy that nnsight works on."""
        return wrap_for_nnsight(self.fresh(), self.tokenizer)

    def fresh(self, attention: str = "sdpa") -> "PreTrainedModel":
        """A copy of the model for one library alone."""
        from transformers import AutoModelForCausalLM

        module = AutoModelForCausalLM.from_pretrained(
            self.source.path, dtype=torch.float32, attn_implementation=attention, local_files_only=True
        )
        return module.eval().requires_grad_(requires_grad=False)


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    Args:
        name: What the tables call it.
        side: Whose way it is.
        open: Makes it from the weights.
        grids: The kinds of grid it is timed on.
        pairs: The prompts it is timed on. Those that do the same whatever the prompts are need only one.
        package: What has to be installed.
        runs: Forward runs a cell, and whether logits are computed at all positions; None if it counts its own work.
    """

    name: str
    side: Side
    open: Callable[[Weights], Way]
    grids: tuple[GridKind, ...] = GRID_KINDS
    pairs: tuple[str, ...] = ("landmark", "ioi")
    package: str | None = None
    runs: int | None = 1

    @property
    def repeats_itself(self) -> bool:
        """Whether each layer of the grid is computed by itself, so that a few show how much memory it takes."""
        return self.side != "aetia"

    def is_for(self, grid: Grid) -> bool:
        """Whether it is timed on this grid."""
        return grid.kind in self.grids and grid.name.split("/")[1] in self.pairs

    def operations(self, way: Way, weights: Weights, grid: Grid) -> int:
        """Floating-point operations of the method's matrix products."""
        if isinstance(way, Planner | PlainHooks):
            return way.operations(grid)
        return grid.cells * (self.runs or 1) * forward_operations(weights.plain, grid.length, grid.length)

    def missing(self) -> bool:
        """Whether its package is not installed."""
        try:
            return self.package is not None and not version(self.package)
        except PackageNotFoundError:
            return True


_ONE_PAIR = ("landmark",)
_NO_HEADS: tuple[GridKind, ...] = ("residual",)

METHODS = (
    Method("plain hooks, one at a time", "hooks", lambda w: PlainHooks(w.plain, 1)),
    Method("plain hooks, a batch a layer", "hooks", lambda w: PlainHooks(w.plain, 0)),
    Method(
        "plain hooks, a batch a layer, last logits only", "hooks", lambda w: PlainHooks(w.plain, 0, all_logits=False)
    ),
    Method(
        "TransformerLens",
        "peer",
        lambda w: TransformerLens(w.fresh("eager"), w.tokenizer, w.source.path),
        pairs=_ONE_PAIR,
        package="transformer-lens",
    ),
    Method(
        "nnsight, a trace a cell",
        "peer",
        lambda w: Nnsight(w.nnsight, invokes=False),
        pairs=_ONE_PAIR,
        package="nnsight",
    ),
    Method("nnsight, a trace a layer", "peer", lambda w: Nnsight(w.nnsight, invokes=True), package="nnsight"),
    Method(
        "pyvene, a call a layer",
        "peer",
        lambda w: Pyvene(w.fresh()),
        grids=_NO_HEADS,
        pairs=_ONE_PAIR,
        package="pyvene",
        runs=2,
    ),
    Method(
        "aetia, equal prefix not skipped", "aetia", lambda w: Planner(w.network, skips_equal_prefix=False), runs=None
    ),
    Method("aetia", "aetia", lambda w: Planner(w.network), runs=None),
)


def find_method(name: str) -> Method:
    """The method of that name."""
    return next(method for method in METHODS if method.name == name)
