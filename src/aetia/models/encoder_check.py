"""Is every part of an encoder what its family says it is? Asked numerically, once, when it is wrapped or loaded."""

from typing import cast

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.encoder_runs import (
    EncoderRecording,
    batch_hooked,
    from_residuals,
    record_encoder,
    run_block,
    run_encoder_with_hooks,
)
from aetia.models.encoders import Encoder
from aetia.models.interventions import Intervention, Scale, Set
from aetia.models.sites import PROJECTOR, Site

__all__ = ["check_encoder"]


def check_encoder(encoder: Encoder) -> None:
    """Verifies residual additions, heads, who reads whom, last projections, what follows, places, and that edits act.

    The first and the last block are examined; that blocks of one list are alike is the architecture's own claim.

    Raises:
        StudyError: AE-9402 if a part is not what its name says; the family's description is then wrong for this model.
    """
    layers = sorted({0, len(encoder.blocks) - 1})
    names = [name for name in encoder.ports[0] if not name.startswith("resid_p")]
    wanted = [(name, layer) for layer in layers for name in (*names, "pattern")]
    rows, columns = _grid(encoder)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(1, 3, rows * encoder.patch, columns * encoder.patch, generator=generator)
    run = record_encoder(encoder, noise, wanted)
    if run.length != encoder.length_of((rows, columns)):
        _fail(encoder, f"a picture takes {run.length} positions, not {encoder.prefix} and {rows} x {columns} patches")
    for layer in layers:
        _check_block(encoder, layer, run)
        _check_acts(encoder, layer, run)
        _check_linear(encoder, layer, run, "z", "attn_out")
        _check_linear(encoder, layer, run, "mlp_post", "mlp_out")
    _check_end(encoder, run)
    _check_patches(encoder, run, generator)
    if encoder.vision is not None:
        _check_tokens(encoder, run, generator)


def _grid(encoder: Encoder) -> tuple[int, int]:
    """A grid of patches to look at: where pictures may have any shape, one of several windows, the last ones cut."""
    if not encoder.family.is_packed or encoder.vision is None:
        return encoder.grid
    cell = encoder.vision.cell
    window = getattr(encoder.config, "window_size", 0) // cell // encoder.patch or 1
    return (window + 1) * cell, (2 * window + 1) * cell


def _check_block(encoder: Encoder, layer: int, run: EncoderRecording) -> None:
    value = {name: run.components[name, at] for name, at in run.components if at == layer}
    before, after = run.resid_pre[layer], run.resid_pre[layer + 1]
    middle = before + value["attn_out"]
    if _differs(encoder, value["resid_mid"], middle):
        _fail(encoder, f"resid_pre + attn_out is not resid_mid in layer {layer}")
    if _differs(encoder, after, middle + value["mlp_out"]):
        _fail(encoder, f"resid_pre + attn_out + mlp_out is not resid_post in layer {layer}")
    weights = value["pattern"].transpose(0, 1)
    if _differs(encoder, value["z"], (weights @ value["v"].transpose(0, 1)).transpose(0, 1)):
        _fail(encoder, f"the attention pattern does not mix v into z in layer {layer}")
    if "position_embeddings" in run.arguments[layer]:  # queries and keys are turned before they meet
        _check_query(encoder, layer, run)
        return
    scores = torch.einsum("qhd,khd->hqk", value["q"].float(), value["k"].float()) * encoder.heads.width**-0.5
    if _differs(encoder, weights, scores.softmax(-1)):
        _fail(encoder, f"q and k do not give the attention pattern, every position read, in layer {layer}")


@torch.inference_mode()
def _check_query(encoder: Encoder, layer: int, run: EncoderRecording) -> None:
    """Another query changes what its own position reads, and nothing else."""
    wanted, patterns = Site("pattern", layer), []
    for factor in (1.0, -2.0):
        edit = Intervention(Site("q", layer, position=run.length - 1), Scale(factor))
        with batch_hooked(encoder, [run.grid], [(0, edit)], [(0, wanted)]) as found:
            run_block(encoder, layer, run.resid_pre[layer][None].clone(), run)
        patterns.append(found[0, wanted])
    if (patterns[0] != patterns[1]).flatten(1).any(1).nonzero().flatten().tolist() != [run.length - 1]:
        _fail(encoder, f"a query does not decide what its own position reads in layer {layer}")


@torch.inference_mode()
def _check_acts(encoder: Encoder, layer: int, run: EncoderRecording) -> None:
    """An edit of every component changes what leaves its block; that block alone is run."""
    for component in encoder.ports[layer]:
        if component == "resid_pre":  # what is given to the block here
            continue
        # A norm that follows can be blind to a shift or a scale, so the row is set to something uneven.
        shape = encoder.site_shape(component, 1)[1:]
        uneven = torch.linspace(-1, 2, shape[-1], device=encoder.device).sin().expand(1, *shape)
        site = Site(component, layer, position=run.length - 1)
        with batch_hooked(encoder, [run.grid], [(0, Intervention(site, Set(uneven)))], ()):
            changed = run_block(encoder, layer, run.resid_pre[layer][None].clone(), run)
        if torch.equal(changed[0], run.resid_pre[layer + 1]):
            _fail(encoder, f"an edit at {site} changed nothing")


@torch.inference_mode()
def _check_linear(encoder: Encoder, layer: int, run: EncoderRecording, inner: str, outer: str) -> None:
    """What a block adds to the residual is linear in its heads' outputs, and in its MLP's units, up to a constant."""
    if cast("nn.Linear", encoder.port(inner, layer).module).out_features != encoder.width:
        _fail(encoder, f"what {inner} goes through is not as wide as the residual in layer {layer}")
    found = []
    for factor in (0.0, 1.0, 2.0):
        edit, wanted = Intervention(Site(inner, layer), Scale(factor)), Site(outer, layer)
        with batch_hooked(encoder, [run.grid], [(0, edit)], [(0, wanted)]) as captured:
            run_block(encoder, layer, run.resid_pre[layer][None].clone(), run)
        found.append(captured[0, wanted].float())
    if _differs(encoder, found[2] - found[1], found[1] - found[0]):
        _fail(encoder, f"{outer} is not linear in {inner} in layer {layer}")


@torch.inference_mode()
def _check_end(encoder: Encoder, run: EncoderRecording) -> None:
    if _differs(encoder, run.output, encoder.output(run.pixels)[0]):
        _fail(encoder, "reading the attention pattern changes what comes out")
    kept = {boundary: run.resid_pre[boundary][None].repeat(2, 1, 1) for boundary in encoder.boundaries}
    found = from_residuals(encoder, run.pixels, kept)
    if found.shape != (2, *run.output.shape) or _differs(encoder, found, run.output.expand_as(found)):
        _fail(encoder, "what leaves the blocks does not give what the model gives")
    uneven = torch.linspace(0, 3, encoder.width, device=encoder.device).sin().to(encoder.dtype)
    kept[encoder.depth] = kept[encoder.depth] + uneven
    if torch.equal(from_residuals(encoder, run.pixels, kept), found):
        _fail(encoder, "what leaves the blocks does not matter")


@torch.inference_mode()
def _check_patches(encoder: Encoder, run: EncoderRecording, generator: torch.Generator) -> None:
    """Other pixels in half of the patches change what enters the blocks at their positions, and nowhere else."""
    (rows, columns), side = run.grid, encoder.patch
    chosen = torch.rand(rows, columns, generator=generator) < 0.5
    spread = chosen.repeat_interleave(side, 0).repeat_interleave(side, 1).to(encoder.device)
    wanted = Site("resid_pre", 0)
    found = run_encoder_with_hooks(encoder, torch.where(spread, -run.pixels, run.pixels), (), [wanted]).captured
    if (found[wanted] != run.resid_pre[0]).any(-1).tolist() != [False] * encoder.prefix + chosen.flatten().tolist():
        _fail(encoder, "the positions are not those of the patches, row by row")


@torch.inference_mode()
def _check_tokens(encoder: Encoder, run: EncoderRecording, generator: torch.Generator) -> None:
    """Other residuals at the patches of half of the cells change the image tokens of these; so does the projector."""
    assert encoder.vision is not None
    (rows, columns), cell, prefix = run.grid, encoder.vision.cell, encoder.vision.prefix
    chosen = torch.rand(rows // cell, columns // cell, generator=generator) < 0.5
    chosen[0, 0] = True
    expected = [False] * prefix + chosen.flatten().tolist()
    if len(run.output) != len(expected):
        _fail(encoder, f"a picture takes {len(run.output)} image tokens, not {len(expected)}")
    patches = chosen.repeat_interleave(cell, 0).repeat_interleave(cell, 1).flatten().to(encoder.device)
    plain = {boundary: run.resid_pre[boundary][None] for boundary in encoder.boundaries}
    last = plain[encoder.depth].clone()
    last[0, encoder.prefix :][patches] *= -1
    edits = [(0, Intervention(Site(PROJECTOR, position=n), Scale(-1.0))) for n, one in enumerate(expected) if one]
    with batch_hooked(encoder, [run.grid], edits, ()):
        projected = encoder.output(run.pixels)
    pairs = (
        (
            from_residuals(encoder, run.pixels, {**plain, encoder.depth: last}),
            from_residuals(encoder, run.pixels, plain),
        ),
        (projected, encoder.output(run.pixels)),
    )
    for one, other in pairs:
        if (one != other)[0].any(-1).tolist() != expected:
            _fail(encoder, "the image tokens are not those of the cells, row by row")


def _tolerance(encoder: Encoder) -> float:
    return 1e-4 if encoder.dtype in (torch.float32, torch.float64) else 5e-2


def _differs(encoder: Encoder, a: Tensor, b: Tensor) -> bool:
    scale = max(1.0, float(b.float().abs().max()))
    return bool(cast("Tensor", a.float() - b.float()).abs().max() > _tolerance(encoder) * scale)


def _fail(encoder: Encoder, what: str) -> None:
    raise StudyError(
        "AE-9402",
        f"{encoder.config.model_type} is not wired as its family says: {what}.",
        mend="describe this variant in aetia/models/encoder_families.py; no result would be trustworthy.",
    )
