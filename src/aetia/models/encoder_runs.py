"""The plain way to run an encoder, once to keep what it did, or with hooks: what everything faster has to equal.

Letters: n runs that go through it together, T positions, L layers, D width, H heads, E width of what comes out.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.attention import weights_attention
from aetia.models.encoder_attention import RunAttention, attention_by_run
from aetia.models.encoder_rows import Rows, arguments_for, batch_rows, from_rows, to_rows
from aetia.models.encoders import Encoder
from aetia.models.hooks import check_cut, cut_rows, edit_rows, mix, read_rows
from aetia.models.interventions import Intervention, Knockout
from aetia.models.pictures import Picture
from aetia.models.ports import listen
from aetia.models.sites import PROJECTOR, Site

__all__ = [
    "EncoderRecording",
    "EncoderRun",
    "batch_hooked",
    "from_residuals",
    "record_encoder",
    "run_block",
    "run_encoder_with_hooks",
]

BlockArguments = dict[str, object]


@dataclass(frozen=True, eq=False)
class EncoderRun:
    """One run: what came out, `[E]` or `[tokens, E]`, and the captured values by site, rows first."""

    output: Tensor
    captured: dict[Site, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class EncoderRecording:
    """One run's residuals and whatever else was asked for, without a batch axis.

    Args:
        pixels: What went in, `[1, 3, height, width]`.
        grid: Its rows and columns of patches.
        resid_pre: `[L + 1, T, D]`; the last one is the last block's resid_post.
        output: What came out, `[E]`; the image tokens' embeddings `[tokens, E]` of a vision-language model's tower.
        components: Further components by name and layer, `[T, ...]` each; the projector's, if there is one.
        arguments: What the encoder passed to each block besides the residual.
    """

    pixels: Tensor
    grid: tuple[int, int]
    resid_pre: Tensor
    output: Tensor
    components: dict[tuple[str, int | None], Tensor]
    arguments: tuple[BlockArguments, ...]

    @property
    def length(self) -> int:
        """How many positions, T."""
        return self.resid_pre.shape[1]

    def at(self, site: Site, positions: Sequence[int] | None = None) -> Tensor:
        """The recorded value of `site`, `[rows, ...]`; at `positions` in place of its own if they are given.

        Raises:
            KeyError: If the component was not recorded in that layer.
        """
        if site.component in ("resid_pre", "resid_post"):
            assert site.layer is not None
            whole = self.resid_pre[site.layer + (site.component == "resid_post")]
        else:
            whole = self.components[site.component, site.layer]
        return read_rows(whole, site.rows(len(whole)) if positions is None else positions, site)

    @property
    def bytes(self) -> int:
        """What the recording holds in memory."""
        kept = (self.pixels, self.resid_pre, self.output, *self.components.values())
        return sum(t.numel() * t.element_size() for t in kept)


@torch.inference_mode()
def record_encoder(
    encoder: Encoder, picture: Picture | Tensor, components: Sequence[tuple[str, int | None]] = ()
) -> EncoderRecording:
    """Runs a picture once through the encoder's own forward and keeps what planned runs start from.

    Args:
        encoder: The encoder.
        picture: The picture, or what its processor made of it, `[1, 3, height, width]`.
        components: Further (component, layer) pairs to keep.
    """
    pixels = pixels_of(encoder, picture)
    grid = encoder.grid_of(pixels)
    layers = range(len(encoder.blocks))
    residual = [Site("resid_pre", layer) for layer in layers] + [Site("resid_post", layers[-1])]
    wanted = [Site(name, layer) for name, layer in components]
    if encoder.vision is not None:
        wanted.append(Site(PROJECTOR))
    arguments: list[BlockArguments] = [{} for _ in layers]
    with ExitStack() as stack:
        for block, kept in zip(encoder.blocks, arguments, strict=True):
            stack.callback(block.register_forward_pre_hook(_keep_arguments(block, kept), with_kwargs=True).remove)
        found = stack.enter_context(batch_hooked(encoder, [grid], (), [(0, site) for site in [*residual, *wanted]]))
        output = encoder.output(pixels)[0]
    return EncoderRecording(
        pixels=pixels,
        grid=grid,
        resid_pre=torch.stack([found[0, site] for site in residual]),
        output=output,
        components={(site.component, site.layer): found[0, site] for site in wanted},
        arguments=tuple(arguments),
    )


@torch.inference_mode()
def run_encoder_with_hooks(
    encoder: Encoder,
    picture: Picture | Tensor,
    interventions: Sequence[Intervention] = (),
    captures: Sequence[Site] = (),
) -> EncoderRun:
    """One full run of a picture with all `interventions`, in one forward of the encoder's own.

    Args:
        encoder: The encoder.
        picture: The picture, or what its processor made of it, `[1, 3, height, width]`.
        interventions: What is done.
        captures: The sites whose values are wanted, after the interventions on them.
    """
    pixels = pixels_of(encoder, picture)
    edits, sites = [(0, i) for i in interventions], [(0, site) for site in captures]
    with batch_hooked(encoder, [encoder.grid_of(pixels)], edits, sites) as found:
        output = encoder.output(pixels)[0]
    return EncoderRun(output, {site: value for (_, site), value in found.items()})


def pixels_of(encoder: Encoder, picture: Picture | Tensor) -> Tensor:
    """What the encoder is given, `[1, 3, height, width]`.

    Raises:
        StudyError: AE-9408 if a tensor has another shape.
    """
    pixels = encoder.pixels([picture]) if isinstance(picture, Picture) else picture.to(encoder.device, encoder.dtype)
    if pixels.dim() != 4 or pixels.shape[0] != 1:
        raise StudyError(
            "AE-9408",
            f"A run of an encoder takes one prepared picture [1, 3, height, width]; this one is {list(pixels.shape)}.",
            mend="give encoder.pixels([picture]), or the picture itself.",
        )
    (height, width), side = pixels.shape[-2:], encoder.patch * (1 if encoder.vision is None else encoder.vision.cell)
    if height % side or width % side:
        raise StudyError(
            "AE-9408",
            f"A picture of {height} x {width} pixels has no whole number of cells of {side} x {side}.",
            mend="give encoder.pixels([picture]), or the picture itself.",
        )
    return pixels


@contextmanager
def batch_hooked(
    encoder: Encoder,
    grids: Sequence[tuple[int, int]],
    edits: Sequence[tuple[int, Intervention]],
    captures: Sequence[tuple[int, Site]],
    *,
    watched: Mapping[int, Callable[[Tensor], None]] | None = None,
) -> Iterator[dict[tuple[int, Site], Tensor]]:
    """While open, runs that go through the encoder together are intervened upon, each in its own way.

    Gives the dictionary that captures go into, by run and site. A site is captured after the interventions on it.

    Args:
        encoder: The encoder.
        grids: The rows and columns of patches of every run's picture.
        edits: Which of the runs, and what is done in it.
        captures: Which of the runs, and the site whose value is wanted.
        watched: By layer, what is given the attention weights that each run uses there, `[1, H, T, T]`, no copy.
    """
    for run, site in (*((run, i.site) for run, i in edits), *captures):
        encoder.check_site(site, encoder.length_of(grids[run]))
    found: dict[tuple[int, Site], Tensor] = {}
    places: dict[tuple[str, int | None], tuple[list[tuple[int, Intervention]], list[tuple[int, Site]]]]
    places = defaultdict(lambda: ([], []))
    for run, i in edits:
        places[i.site.component, i.site.layer][0].append((run, i))
    for run, site in captures:
        places[site.component, site.layer][1].append((run, site))
    rows = batch_rows(encoder, grids)

    def attend(one: RunAttention) -> Tensor:
        done, wanted = places["pattern", one.layer]
        here = [i for run, i in done if run == one.run]
        out, weights = _edited_attention(one, here)
        if watched is not None and one.layer in watched:
            watched[one.layer](weights)
        for site in (site for run, site in wanted if run == one.run):
            found[one.run, site] = read_rows(weights[0].transpose(0, 1), site.rows(weights.shape[-1]), site)
        return out

    with ExitStack() as stack:
        stack.callback(encoder.blocks[0].register_forward_pre_hook(_in_order, with_kwargs=True).remove)
        layers = {layer for component, layer in places if component == "pattern" and layer is not None}
        stack.enter_context(attention_by_run(encoder, grids, layers.union(watched or ()), attend))
        # A residual is edited as what leaves a block first, then as what enters the next.
        for (component, layer), (done, wanted) in sorted(places.items(), key=lambda place: place[0][0] != "resid_post"):
            if component != "pattern":
                port = encoder.port(component, layer)
                receive = _receiver(port.view, rows, done, wanted, found)
                stack.callback(listen(port, receive).remove)
        yield found


def _in_order(
    _module: nn.Module, positional: tuple[Tensor, ...], named: dict[str, object]
) -> tuple[tuple[Tensor, ...], dict[str, object]]:
    """Lays the residual out row after row: SigLIP's embedding leaves it transposed, and rows are edited in place."""
    return (positional[0].contiguous(), *positional[1:]), named


def _receiver(
    view: Callable[[Tensor], Tensor],
    rows: Sequence[Rows],
    edits: Sequence[tuple[int, Intervention]],
    captures: Sequence[tuple[int, Site]],
    found: dict[tuple[int, Site], Tensor],
) -> Callable[[Tensor], None]:
    def receive(tensor: Tensor) -> None:
        values = view(tensor)
        for run, i in edits:
            edit_rows(values, rows[run].of(i.site), i.site, i.operation)
        for run, site in captures:
            found[run, site] = read_rows(values, rows[run].of(site), site)

    return receive


def _edited_attention(one: RunAttention, edits: Sequence[Intervention]) -> tuple[Tensor, Tensor]:
    """The heads' outputs of a run, `[1, T, H, d]`, and the weights that give them, cut and changed, `[1, H, T, T]`."""
    length = one.cut.shape[-1]
    cut = one.cut.clone()
    for i in edits:
        if isinstance(i.operation, Knockout):
            cut_rows(cut, i, i.site.rows(length))
    check_cut(cut, one.call.options)
    out, weights = weights_attention(one.call, cut)
    sets = [i for i in edits if not isinstance(i.operation, Knockout)]
    if sets:
        weights = weights.clone()
        for i in sets:
            edit_rows(weights[0].transpose(0, 1), i.site.rows(length), i.site, i.operation)
        out = mix(weights, one.call.value)
    return out, weights


def run_block(encoder: Encoder, layer: int, residuals: Tensor, like: EncoderRecording) -> Tensor:
    """What a block makes of residuals of some runs, `[n, T, D]`.

    Args:
        encoder: The encoder.
        layer: The block.
        residuals: What enters it.
        like: A base run whose picture has the shape of theirs.
    """
    arguments = arguments_for(len(residuals), like.arguments[layer])
    rows = encoder.blocks[layer](to_rows(encoder, residuals, like.grid), **arguments)
    return from_rows(encoder, rows, like.grid)


@contextmanager
def _standing_in(encoder: Encoder, residuals: Mapping[int, Tensor]) -> Iterator[None]:
    """While open, the blocks compute nothing: the one before boundary b gives `residuals[b]`, if there is one."""
    own = [vars(block).get("forward") for block in encoder.blocks]

    def stand_in(after: int) -> Callable[..., Tensor]:
        def forward(hidden_states: Tensor, *_positional: object, **_named: object) -> Tensor:
            return residuals.get(after, hidden_states)

        return forward

    def first(
        _module: nn.Module, positional: tuple[Tensor, ...], named: dict[str, object]
    ) -> tuple[tuple[Tensor, ...], dict[str, object]]:
        return (residuals.get(0, positional[0]), *positional[1:]), named

    handle = encoder.blocks[0].register_forward_pre_hook(first, with_kwargs=True)
    try:
        for layer, block in enumerate(encoder.blocks):
            block.forward = stand_in(layer + 1)
        yield
    finally:
        handle.remove()
        for block, forward in zip(encoder.blocks, own, strict=True):
            del block.forward
            if forward is not None:
                block.forward = forward


def from_residuals(encoder: Encoder, pixels: Tensor, residuals: Mapping[int, Tensor]) -> Tensor:
    """What comes out, `[n, ...]`, of residuals `[n, T, D]` at the encoder's boundaries; no block runs.

    The module's own forward does the rest (norm, pooling, heads, projector), with stand-ins for its blocks.

    Args:
        encoder: The encoder.
        pixels: Any prepared picture of that shape, `[1, 3, height, width]`: its embedding is thrown away.
        residuals: By boundary.
    """
    rows = {boundary: to_rows(encoder, found, encoder.grid_of(pixels)) for boundary, found in residuals.items()}
    count = len(next(iter(residuals.values())))
    with _standing_in(encoder, rows):
        return encoder.output(pixels.expand(count, -1, -1, -1))


def _keep_arguments(block: nn.Module, kept: BlockArguments) -> Callable[..., None]:
    """A hook that keeps what a block is called with besides the residual, so that it can be called again."""
    signature = inspect.signature(block.forward)

    def hook(_module: object, positional: tuple[object, ...], named: dict[str, object]) -> None:
        bound = signature.bind(*positional, **named).arguments
        extra = bound.pop("kwargs", {})
        bound.pop("hidden_states", None)
        kept.update({**bound, **extra})

    return hook
