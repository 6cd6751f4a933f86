"""By how much should an instrument say that something acts, if the answer was put there beforehand?

Two kinds of known sizes. `planted` gives any network, a real one too, a contrast of a chosen size for each item, exact
for patches that carry over the whole last residual; `graded_system` is a compiled program whose cells have effects of
a known distribution over items, and so a known population mean, for the coverage of intervals.

Letters: n items, D residual width.
"""

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models import Network, record
from aetia.truth.compile import compile_program
from aetia.truth.program import TOKEN, Head, Layer, Program, Reading, matching, weighing
from aetia.truth.systems import TruthSystem
from aetia.truth.tasks import BOS, FILLERS, Pair, Task

if TYPE_CHECKING:
    from aetia.contrasts import AlignedContrast

__all__ = ["Graded", "Shape", "graded_system", "planted"]

Shape = Literal["symmetric", "skewed"]

_ATOMS = 48


@dataclass(frozen=True, eq=False)
class _Plant:
    """What is added to the output of the final norm, a function of each row of its input.

    All in float64, since a row has to be recognised among the items' by the difference of large numbers.

    Args:
        start: The last residual of each item's corrupted run, `[n, D]`.
        towards: What the clean run's is beyond that, `[n, D]`.
        base: What is added to the normed residual where the row is that of the corrupted run, `[n, D]`.
        beyond: What is added besides where it is that of the clean run, `[n, D]`.
    """

    start: Tensor
    towards: Tensor
    base: Tensor
    beyond: Tensor

    def __call__(self, _module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """The output, moved by what belongs to the nearest point on any item's way from corrupted to clean."""
        rows = inputs[0].reshape(-1, inputs[0].shape[-1]).double()
        along = rows @ self.towards.T - (self.start * self.towards).sum(-1)  # (rows, n)
        way = self.towards.square().sum(-1)
        share = (along / way).clamp(0, 1)
        offset = rows.square().sum(-1, keepdim=True) - 2 * rows @ self.start.T + self.start.square().sum(-1)
        item = (offset - 2 * share * along + share.square() * way).argmin(-1)
        moved = self.base[item] + share.gather(1, item[:, None]) * self.beyond[item]
        return output + moved.view(output.shape).to(output.dtype)


@torch.inference_mode()
def planted(network: Network, items: "Sequence[AlignedContrast]", sizes: Sequence[float]) -> Network:
    """The same network, except that item i's logit difference is larger in the clean than in the corrupted run by
    `sizes[i]` logits.

    What is known exactly (up to float32 rounding of the logits): the effect of any patch that carries over the whole
    last residual, namely resid_post of the last layer at the last position, and the embedding or any residual at all
    positions together; it is `sizes[i]` when clean values are put into the corrupted run, `-sizes[i]` the other way.
    What is not known: the effect of patches that move the last residual only a part of the way. It has changed by the
    share of the way that they move it, times what was added.

    The addition is a function of the last residual, made at the final norm, so that plain runs, hooks and planned runs
    all have it; no weight is changed and the given network stays as it was. Direct logit attribution does not see it.

    Args:
        network: Any network with a final norm.
        items: The items, whose last residuals differ between the prompts.
        sizes: One size an item, in logits.

    Raises:
        StudyError: AE-1707 if there is not one size an item, an item has no foil or nothing that differs, the sizes
            of items that share prompts contradict one another, or the model caps its logits.
    """
    if len(sizes) != len(items) or not items:
        raise StudyError(
            "AE-1707", f"There are {len(items)} items and {len(sizes)} sizes.", mend="give one size an item."
        )
    if getattr(network.config, "final_logit_softcapping", None) is not None:
        raise StudyError("AE-1707", "This model caps its logits, so that none can be added.", mend="use another model.")
    prompts = list(dict.fromkeys(ids for item in items for ids in (item.corrupted_ids, item.clean_ids)))
    points = torch.stack([record(network, ids).resid_pre[-1, -1] for ids in prompts])
    ends = torch.tensor([[prompts.index(ids) for ids in (item.corrupted_ids, item.clean_ids)] for item in items])
    start, stop = points[ends[:, 0]].double(), points[ends[:, 1]].double()
    bare = [n for n, item in enumerate(items) if not item.foil_ids or torch.equal(start[n], stop[n])]
    if bare:
        raise StudyError(
            "AE-1707",
            f"Nothing can be planted in {items[bare[0]].id}.",
            mend="use items with a foil, whose prompts differ.",
        )
    tokens = torch.tensor([[item.answer_ids[0], item.foil_ids[0]] for item in items])
    weight = network.unembedding.weight[tokens].double().cpu()
    logits = network.unembed(points).double().cpu()[ends[:, :, None], tokens[:, None, :]]  # (n, run, answer and foil)
    own = logits[..., 0] - logits[..., 1]
    wanted = torch.tensor(sizes, dtype=torch.float64) - (own[:, 1] - own[:, 0])
    writes = _writes(ends, weight[:, 0] - weight[:, 1], wanted, len(prompts)).to(points.device)
    base = writes[ends[:, 0]]
    plant = _Plant(start, stop - start, base, writes[ends[:, 1]] - base)
    return Network(_with_norm(network, plant), network.tokenizer, network.source)  # pyright: ignore[reportArgumentType]


def _writes(ends: Tensor, directions: Tensor, wanted: Tensor, prompts: int) -> Tensor:
    """The smallest additions `[prompts, D]` that move each item's logit difference between its ends as wanted.

    Items may share prompts, so that one prompt's addition has to serve all of its items.
    """
    signs = torch.zeros(len(ends), prompts, dtype=torch.float64)
    signs.scatter_(1, ends, torch.tensor([-1.0, 1.0], dtype=torch.float64).expand(len(ends), 2))
    products = (signs @ signs.T) * (directions @ directions.T)
    amounts = torch.linalg.pinv(products, hermitian=True) @ wanted
    if (products @ amounts - wanted).abs().max() > 1e-6 * max(1.0, float(wanted.abs().max())):
        raise StudyError(
            "AE-1707",
            "The sizes contradict one another: items that share prompts and answers cannot differ by these.",
            mend="use items that do not share prompts, or sizes that agree.",
        )
    return signs.T @ (amounts[:, None] * directions)


def _with_norm(network: Network, plant: _Plant) -> nn.Module:
    """The module with another hook at its final norm: all that is on the way there is copied, nothing else is."""
    norm = _shallow(network.final_norm)
    norm._forward_hooks = OrderedDict(network.final_norm._forward_hooks)  # noqa: SLF001 -- a copy shares its hooks
    norm.register_forward_hook(plant)
    *path, name = network.family.final_norm.split(".")
    root = parent = _shallow(network.module)
    for part in path:
        child = _shallow(parent.get_submodule(part))
        parent._modules[part] = child  # noqa: SLF001 -- setattr would do the same, and register it with the original
        parent = child
    parent._modules[name] = norm  # noqa: SLF001
    return root


def _shallow(module: nn.Module) -> nn.Module:
    twin = copy.copy(module)
    twin._modules = dict(module._modules)  # noqa: SLF001
    return twin


@dataclass(frozen=True, eq=False)
class Graded:
    """A system whose effects vary over items with a known mean.

    Args:
        system: The system; its items are independent draws.
        means: The population mean of the effect of patching each candidate node at all positions, clean into corrupted,
            in logits; the other direction has the opposite sign.
        effects: The values that the effect has in the population, all equally likely, by node.
    """

    system: TruthSystem
    means: Mapping[str, float]
    effects: Mapping[str, tuple[float, ...]]


def graded_system(shape: Shape, seed: int = 0) -> Graded:
    """A system with two heads that act by known, varying amounts, for the coverage of intervals.

    Each item names one of 48 words, drawn evenly; a head of each layer copies it and adds that word's own amount to its
    logit. The amounts are 48 even quantiles of a distribution with mean 1: normal with standard deviation 1, or
    lognormal with sigma 1. The means given are those of the 48 words, so they are exact.

    Args:
        shape: `symmetric` (normal) or `skewed` (lognormal).
        seed: Of which word has which amount, the slots of the heads, and the distractors.

    Raises:
        StudyError: AE-1708 if there is no such shape.
    """
    if shape not in get_args(Shape):
        raise StudyError("AE-1708", f"There is no shape {shape!r}.", mend="use symmetric or skewed.")
    random = np.random.default_rng([seed, len(shape)])
    quantiles = np.array([NormalDist().inv_cdf((n + 0.5) / _ATOMS) for n in range(_ATOMS)])
    amounts = quantiles + 1 if shape == "symmetric" else np.exp(quantiles - 0.5)
    names = ("carry", "aid")
    drawn = {name: amounts[random.permutation(_ATOMS)] for name in names}
    program, slots = _graded_program(drawn, random)
    task = Task("which word is named, by an amount of its own", lambda _: program, _draw_graded)
    system = TruthSystem(f"graded-{shape}", task, compile_program(program, seed=int(random.integers(2**31))))
    effects = {slot: tuple(drawn[name].tolist()) for name, slot in slots.items()}
    effects["embed"] = tuple((drawn["carry"] + drawn["aid"]).tolist())
    effects |= {node: (0.0,) * _ATOMS for node in system.candidates if node not in effects}
    return Graded(system, {node: float(np.mean(values)) for node, values in effects.items()}, effects)


_GRADED_WORDS = tuple(f"w{n}" for n in range(_ATOMS))


def _graded_program(drawn: Mapping[str, np.ndarray], random: np.random.Generator) -> tuple[Program, dict[str, str]]:
    vocabulary = (BOS, "none", *FILLERS, *_GRADED_WORDS)
    size, start = len(vocabulary), len(vocabulary) - _ATOMS
    is_word = matching(size, size, lambda _, key: key >= start)
    layers, slots, readout = [], {}, []
    for number, (name, amounts) in enumerate(drawn.items()):
        heads: list[Head | None] = [None] * 4
        slot = int(random.integers(4))
        heads[slot] = Head(name, TOKEN, TOKEN, TOKEN, is_word)
        layers.append(Layer(tuple(heads)))
        slots[name] = f"L{number}.h{slot}"
        readout.append(
            Reading(
                name,
                weighing(
                    size, size, lambda value, token, a=amounts: a[value - start] if value == token >= start else 0.0
                ),
            )
        )
    return Program(vocabulary, 8, tuple(layers), tuple(readout)), slots


def _draw_graded(random: np.random.Generator) -> Pair:
    corrupted = [FILLERS[index] for index in random.integers(len(FILLERS), size=7)]
    place, word = int(random.integers(len(corrupted))), _GRADED_WORDS[int(random.integers(_ATOMS))]
    clean = [*corrupted[:place], word, *corrupted[place + 1 :]]
    return Pair(tuple(clean), tuple(corrupted), word, "none", {"cue": place + 1})
