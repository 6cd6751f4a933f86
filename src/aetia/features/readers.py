"""Which directions of a site does the network read, and which can it not see at all?

Letters: w width of the site, m outputs of what reads it, D residual width, r rank.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from aetia.errors import SiteError
from aetia.models.network import Network
from aetia.models.sites import Site

__all__ = ["RowSpace", "read_by", "row_space"]

_RANK = 1e-6  # of the largest singular value: float32 weights carry seven digits
_RESIDUAL = frozenset({"embed", "resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out"})


@dataclass(frozen=True, eq=False)
class RowSpace:
    """The directions of a site that are read; everything orthogonal to them is its null space.

    Args:
        basis: Orthonormal columns `[w, r]`, float64.
        readers: What reads it, in words.
        is_exact: Whether nothing else reads the site, so that a patch in the null space does exactly nothing. It is
            not for a residual site: other parts read it too, and the norm's scale sees every direction.
    """

    basis: Tensor
    readers: str
    is_exact: bool

    @property
    def is_whole(self) -> bool:
        """Whether every direction is read, so that a split into halves can show nothing."""
        return self.basis.shape[1] == self.basis.shape[0]


@torch.no_grad()
def row_space(network: Network, site: Site, receivers: Sequence[str] = ()) -> RowSpace:
    """The row space of a site with respect to the full weights that read it.

    The weights are read, never the gradient of an outcome: a dormant direction has a gradient, which is how it
    deceives.

    Args:
        network: The network.
        site: `mlp_post` (read by the down projection), `z` (by the output projection), or a residual site.
        receivers: Who reads a residual site, as `L9.h6.q`, `L9.h2.v`, `L9.mlp` or `logits`; by default everything
            does, so that the row space is the whole space.

    Raises:
        SiteError: AE-1402 no weights read the site; AE-1403 a receiver that does not exist or does not read it.

    Source: Makelov, Lange and Nanda 2024, Is This the Subspace You Are Looking For? (arXiv 2311.17030), seed 098.
    """
    if site.component in ("mlp_post", "z"):
        assert site.layer is not None
        module = network.port(site.component, site.layer).module
        weight = _weight(module)
        if site.component == "z":
            weight = weight.unflatten(0, (network.heads.query, -1))
            weight = weight if site.head is None else weight[site.head]
        weight = weight if site.units is None else weight[..., slice(*site.units), :]
        name = "down" if site.component == "mlp_post" else "output"
        return RowSpace(
            _column_space(weight.flatten(0, -2)), f"the {name} projection of layer {site.layer}", is_exact=True
        )
    if site.component not in _RESIDUAL:
        found = f"{site.component} is read by attention, not by weights."
        raise SiteError("AE-1402", found, mend="use mlp_post, z or a residual site.")
    if not receivers:
        return RowSpace(torch.eye(network.width, dtype=torch.float64), "everything behind it", is_exact=False)
    matrix = torch.cat([read_by(network, text, site) for text in receivers], dim=1)
    return RowSpace(_column_space(matrix), ", ".join(receivers), is_exact=False)


def _weight(module: nn.Module) -> Tensor:
    """The module's matrix as inputs x outputs, in float64 on the CPU."""
    weight = cast("Tensor", module.weight)  # Linear keeps [out, in]; GPT-2's Conv1D keeps the transpose
    return (weight.T if isinstance(module, nn.Linear) else weight).double().cpu()


def _column_space(matrix: Tensor) -> Tensor:
    """An orthonormal basis `[w, r]` of the columns of `[w, m]`."""
    if not matrix.abs().max() > 0:
        return matrix[:, :0]
    basis, rest = torch.linalg.qr(matrix)
    left, singular, _ = torch.linalg.svd(rest, full_matrices=False)
    return basis @ left[:, singular > _RANK * singular[0]]


@torch.no_grad()
def read_by(network: Network, receiver: str, site: Site | None = None) -> Tensor:
    """What a receiver reads of the residual, through its norm: `[D, m]`, up to a scale.

    Args:
        network: The network.
        receiver: `L9.h6.q` (or k, v; for these, the index of the key/value head), `L9.mlp` or `logits`.
        site: If given, the receiver has to come after it.

    Raises:
        SiteError: AE-1403 there is no such receiver, or it comes before the site.
    """
    if receiver == "logits":
        return _through(network.final_norm, network.width, network) @ _weight(network.unembedding)
    layer, head, kind = _parsed(network, receiver)
    if site is not None and not _is_behind(layer, kind, site):
        raise SiteError("AE-1403", f"{receiver} comes before {site}.", mend="name a receiver behind the site.")
    modules, norm = _inputs(network, layer, kind)
    scale = torch.eye(network.width, dtype=torch.float64) if norm is None else _through(norm, network.width, network)
    if kind == "mlp":
        return scale @ torch.cat([_weight(module) for module in modules], dim=1)
    weight = _weight(modules[0]).float()
    # The port's own view lays a fused projection out by head.
    return scale @ network.ports[layer][kind].view(weight)[:, head].double()


def _parsed(network: Network, receiver: str) -> tuple[int, int, str]:
    parts = receiver.split(".")
    is_mlp = len(parts) == 2 and parts[1] == "mlp"
    is_head = len(parts) == 3 and parts[1].startswith("h") and parts[2] in ("q", "k", "v")
    numbers = [parts[0][1:], *([parts[1][1:]] if is_head else [])]
    if not (is_mlp or is_head) or parts[0][:1] != "L" or not all(n.isascii() and n.isdigit() for n in numbers):
        found = f"{receiver!r} is no receiver."
        raise SiteError("AE-1403", found, mend="write it like L9.h6.q, L9.h2.v, L9.mlp or logits.")
    layer, head = int(numbers[0]), int(numbers[-1]) if is_head else 0
    heads = network.heads.query if parts[-1] == "q" else network.heads.key_value
    if layer >= len(network.blocks) or (is_head and head >= heads):
        found = f"{receiver} is not in a model of {len(network.blocks)} layers with {heads} such heads."
        raise SiteError("AE-1403", found, mend="name a layer and a head that exist, counted from 0.")
    return layer, head, parts[-1]


_ORDER = {"resid_pre": 0, "attn_out": 1, "resid_mid": 2, "mlp_out": 3, "resid_post": 3}


def _is_behind(layer: int, kind: str, site: Site) -> bool:
    if site.layer is None:
        return True
    return (layer, 2 if kind == "mlp" else 0) >= (site.layer, _ORDER[site.component])


def _through(norm: nn.Module, width: int, network: Network) -> Tensor:
    """The linear part of a norm `[D, D]`, up to a scale: every unit vector has the same variance, hence the same scale.

    So it is diag(weight) for an RMS norm and (I - 1/D) diag(weight) for a layer norm, whatever the class calls them.
    """
    units = torch.eye(width, device=network.device, dtype=network.dtype)
    return (norm(units) - norm(torch.zeros_like(units))).double().cpu()


def _inputs(network: Network, layer: int, kind: str) -> tuple[list[nn.Module], nn.Module | None]:
    """The modules that read the residual for attention (q, k, v) or the MLP, and the norm that they read it through.

    Found by what passes in one short run: a norm is a module with a vector of weights whose output is their input.
    """
    block, family = network.blocks[layer], network.family
    paths = family.projections if len(family.projections) == 3 else family.projections * 3
    projections = [block.get_submodule(path) for path in paths]
    leaving = {block.get_submodule(family.head_mixer), block.get_submodule(family.mlp_down)}
    if kind == "mlp":
        matrices = [module for module in block.modules() if _dimensions(module) == 2]
        modules = [module for module in matrices if module not in leaving and module not in projections]
    else:
        modules = [projections["qkv".index(kind)]]
    norms = [module for module in block.modules() if _dimensions(module) == 1]
    read: list[Tensor] = []
    written: list[tuple[nn.Module, Tensor]] = []
    with ExitStack() as stack:
        for norm in norms:
            stack.callback(norm.register_forward_hook(_keeping(written)).remove)
        stack.callback(modules[0].register_forward_pre_hook(lambda _module, inputs: read.append(inputs[0])).remove)
        network.module(torch.zeros(1, 2, dtype=torch.long, device=network.device), use_cache=False)
    # All outputs are still held, so that equal storage is the same tensor.
    found = [norm for norm, out in written if out.data_ptr() == read[0].data_ptr()]
    return modules, found[0] if found else None


def _dimensions(module: nn.Module) -> int:
    weight = next((value for name, value in module.named_parameters(recurse=False) if name == "weight"), None)
    return 0 if weight is None else weight.dim()


def _keeping(written: list[tuple[nn.Module, Tensor]]) -> Callable[[nn.Module, object, Tensor], None]:
    def keep(module: nn.Module, _inputs: object, output: Tensor) -> None:
        written.append((module, output))

    return keep
