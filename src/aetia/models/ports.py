"""Where a component's numbers pass by: the module, the side, and the view of its rows.

A port's view shares memory with the module's tensor, so an edit in place is an edit of the forward
run itself. Rows are all positions of all sequences, one after another, since aetia never pads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from aetia.errors import SiteError
from aetia.models.families import Family, Side
from aetia.models.sites import COMPONENTS, KEY_VALUE_COMPONENTS

__all__ = ["Heads", "Port", "block_ports", "listen"]


@dataclass(frozen=True)
class Heads:
    """How many query heads, key/value heads, and their width."""

    query: int
    key_value: int
    width: int


@dataclass(frozen=True)
class Port:
    """A component of one block: `view` turns the module's tensor into rows `[rows, ...]` of the component."""

    module: nn.Module
    side: Side
    view: Callable[[Tensor], Tensor]


def _rows(tensor: Tensor) -> Tensor:
    return tensor.view(-1, tensor.shape[-1])


def _by_head(heads: int) -> Callable[[Tensor], Tensor]:
    return lambda tensor: tensor.view(-1, heads, tensor.shape[-1] // heads)


def _projection_views(family: Family, heads: Heads) -> dict[str, Callable[[Tensor], Tensor]]:
    counts = {"q": heads.query, "k": heads.key_value, "v": heads.key_value}
    if family.fused is None:
        return {name: _by_head(count) for name, count in counts.items()}
    if family.fused == "interleaved":

        def interleaved(index: int) -> Callable[[Tensor], Tensor]:
            return lambda tensor: tensor.view(-1, heads.query, 3, heads.width)[:, :, index]

        return {name: interleaved(index) for index, name in enumerate(counts)}

    def concatenated(start: int, count: int) -> Callable[[Tensor], Tensor]:
        stop = start + count * heads.width
        return lambda tensor: _rows(tensor)[:, start:stop].unflatten(1, (count, heads.width))

    starts = {"q": 0, "k": heads.query * heads.width, "v": (heads.query + heads.key_value) * heads.width}
    return {name: concatenated(starts[name], count) for name, count in counts.items()}


def block_ports(block: nn.Module, family: Family, heads: Heads, is_parallel: bool) -> dict[str, Port]:
    """The ports of one block, by component; `pattern` has none, since it exists only inside the attention function."""
    part = block.get_submodule
    paths = family.projections if len(family.projections) == 3 else family.projections * 3
    views = _projection_views(family, heads)
    ports = {
        "resid_pre": Port(block, "input", _rows),
        **{name: Port(part(path), "output", views[name]) for name, path in zip("qkv", paths, strict=True)},
        "z": Port(part(family.head_mixer), "input", _by_head(heads.query)),
        "attn_out": Port(part(family.attn_out), "output", _rows),
        "mlp_post": Port(part(family.mlp_down), "input", _rows),
        "mlp_out": Port(part(family.mlp_out), "output", _rows),
        "resid_post": Port(block, "output", _rows),
    }
    if not is_parallel:
        ports["resid_mid"] = Port(part(family.resid_mid), "input", _rows)
    return {name: ports[name] for name in COMPONENTS if name in ports}


def listen(port: Port, receive: Callable[[Tensor], None]) -> RemovableHandle:
    """Calls `receive` with the module's tensor whenever it passes; `port.view` of it may be edited in place.

    Whoever calls this removes the handle in a `finally`.
    """
    if port.side == "output":

        def after(_module: nn.Module, _arguments: object, output: Tensor | tuple[Tensor, ...]) -> None:
            receive(output[0] if isinstance(output, tuple) else output)

        return port.module.register_forward_hook(after)

    def before(_module: nn.Module, arguments: tuple[Tensor, ...], named: dict[str, Tensor]) -> None:
        receive(arguments[0] if arguments else named["hidden_states" if "hidden_states" in named else "inputs_embeds"])

    return port.module.register_forward_pre_hook(before, with_kwargs=True)


def missing_component(component: str, model_type: str) -> SiteError:
    """The error for a component that this architecture does not have."""
    reason = "its attention and MLP read the same residual" if component == "resid_mid" else "it has no such part"
    return SiteError(
        "AE-3107", f"{model_type} has no {component}: {reason}.", mend="use resid_pre, attn_out, mlp_out or resid_post."
    )


def head_count(component: str, heads: Heads) -> int:
    """How many heads `component` has."""
    return heads.key_value if component in KEY_VALUE_COMPONENTS else heads.query
