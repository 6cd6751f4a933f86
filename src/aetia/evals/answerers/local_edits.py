"""How is a network changed while it answers?

The same interventions as everywhere, at places of the prompt, or at all positions: of the prompt and of what is
written after it.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from aetia.errors import EvaluationError
from aetia.evals.answerers.local_trees import Tree
from aetia.models.hooks import edit_rows
from aetia.models.interventions import Intervention, Knockout, Project, Replace
from aetia.models.network import Network
from aetia.models.ports import Port, listen
from aetia.models.sites import ALL, Site

__all__ = ["Edits", "Rows", "check_edits", "check_reach", "edited_run", "told"]

_LONG = 1_000_000  # tokens: a prompt in which every place exists, to find spans by name


@dataclass(frozen=True)
class Rows:
    """Which rows of a run belong to a prompt and to what follows it.

    Args:
        positions: The position of each row in its line.
        paths: The rows of one line, by position from `start`.
        row: The first of them in the run.
        prompt: How many tokens the prompt has.
        start: How many tokens are no rows: they were read in another run.
    """

    positions: tuple[int, ...]
    paths: tuple[int, ...]
    row: int
    prompt: int
    start: int

    @classmethod
    def of(cls, tree: Tree, row: int, prompt: int) -> "Rows":
        """Of a tree: the prompt's rows are those of its first line."""
        return cls(tree.positions, tree.paths[0] if tree.paths else (), row, prompt, tree.stem)

    def at(self, site: Site) -> list[int]:
        """The rows of a site, in the run."""
        if site.position == ALL:
            return [self.row + row for row in range(len(self.positions))]
        places = (position - self.start for position in site.positions(self.prompt))
        return [self.row + self.paths[place] for place in places if 0 <= place < len(self.paths)]


@dataclass(frozen=True, eq=False)
class Edits:
    """What is done in every run; nothing by default."""

    interventions: tuple[Intervention, ...] = ()

    @property
    def depends_on_prompt(self) -> bool:
        """Whether what is done to a token depends on which prompt it stands in."""
        return any(one.site.position != ALL for one in self.interventions)

    @property
    def lasting(self) -> "Edits":
        """What is done to tokens after the prompt too."""
        return Edits(tuple(one for one in self.interventions if one.site.position == ALL))

    def cut_places(self, reach: int, layer: int, heads: int) -> Tensor | None:
        """Where attention of every row to `reach` places is forbidden, `[1, H, 1, L]`; None if it is not."""
        rows = Rows((reach,), (), 0, 1, reach)
        cut = self.cut(rows, layer, heads)
        return None if cut is None else cut[None, :, :, :reach]

    def cut(self, rows: Rows, layer: int, heads: int) -> Tensor | None:
        """Where attention is forbidden, `[H, S, P + S]`; None if it is not."""
        found = [one for one in self.interventions if one.site.layer == layer and isinstance(one.operation, Knockout)]
        if not found:
            return None
        size = len(rows.positions)
        cut = torch.zeros(heads, size, rows.start + size, dtype=torch.bool)
        columns = [*range(rows.start), *rows.positions]
        for one in found:
            assert isinstance(one.operation, Knockout)
            hidden = [column for column, position in enumerate(columns) if position in one.operation.keys]
            chosen = slice(None) if one.site.head is None else slice(one.site.head, one.site.head + 1)
            for row in rows.at(one.site):
                cut[chosen, row - rows.row, hidden] = True
        return cut


@contextmanager
def edited_run(network: Network, edits: Edits, parts: Sequence[Rows]) -> Iterator[None]:
    """While open, a run of those rows is intervened upon."""
    places: dict[tuple[str, int | None], list[Intervention]] = {}
    for one in edits.interventions:
        if one.site.component != "pattern":
            places.setdefault((one.site.component, one.site.layer), []).append(one)
    with ExitStack() as stack:
        for (component, layer), found in places.items():
            port = network.port(component, layer)
            stack.callback(listen(port, _receiver(port, found, parts)).remove)
        yield


def _receiver(port: Port, found: Sequence[Intervention], parts: Sequence[Rows]) -> Callable[[Tensor], None]:
    def receive(tensor: Tensor) -> None:
        view = port.view(tensor)
        for one in found:
            if one.site.position == ALL:
                edit_rows(view, [row for part in parts for row in part.at(one.site)], one.site, one.operation)
                continue
            for part in parts:
                if rows := part.at(one.site):
                    edit_rows(view, rows, one.site, one.operation)

    return receive


def check_edits(network: Network, interventions: Sequence[Intervention]) -> Edits:
    """The edits that these interventions make.

    Raises:
        SiteError: A site names nothing in this network, or a span, which the prompts of an evaluation have not.
        EvaluationError: AE-8403 a function, which has no digest to know its replies by; AE-8404 a value for several
            positions at all of them, or attention weights that are set.
    """
    for one in interventions:
        network.check_site(one.site)
        if isinstance(one.site.position, str):
            one.site.positions(_LONG)
        if isinstance(one.operation, Replace):
            found = f"The intervention at {one.site} is a function, and stored replies could not be told from others'."
            raise EvaluationError("AE-8403", found, mend="use Set, Add, Scale, Project or Knockout.")
        if one.site.component == "pattern" and not isinstance(one.operation, Knockout):
            found = f"Attention weights can be cut while a model answers, not set: {one.site}."
            raise EvaluationError("AE-8404", found, mend="use Knockout, or another component.")
        if one.site.position == ALL and _has_rows(network, one):
            found = f"The value at {one.site} has several positions, and replies have more."
            raise EvaluationError("AE-8404", found, mend="give a value for one position, or name the positions.")
    return Edits(tuple(interventions))


def _has_rows(network: Network, intervention: Intervention) -> bool:
    axes = len(network.site_shape(intervention.site.component, 1)) - (intervention.site.head is not None)
    values = (value for value in vars(intervention.operation).values() if isinstance(value, Tensor))
    is_basis = isinstance(intervention.operation, Project)
    return any(value.dim() == axes and value.shape[0] > 1 and not is_basis for value in values)


def check_reach(mask: Tensor) -> None:
    """Raises EvaluationError (AE-8405) where a position could no longer read anything."""
    if not bool(mask.any(-1).all()):
        found = "The knockout leaves a position of the prompt nothing to attend to."
        raise EvaluationError("AE-8405", found, mend="leave each position at least itself.")


def told(intervention: Intervention) -> str:
    """The intervention in one line, as in `L5.resid_post@-1 Add 3f2a09c1d2e4b5a6`: equal lines do the same."""
    operation = intervention.operation
    digest = hashlib.sha256()
    for name, value in sorted(vars(operation).items()):
        digest.update(name.encode())
        if isinstance(value, Tensor):
            plain = value.detach().to("cpu", torch.float64).contiguous()
            digest.update(f"{tuple(plain.shape)}".encode() + plain.numpy().tobytes())
        else:
            digest.update(repr(value).encode())
    return f"{intervention.site} {type(operation).__name__} {digest.hexdigest()[:16]}"
