"""Is every part of an encoder what its family says it is? Asked numerically, once, when it is wrapped or loaded."""

from typing import cast

import torch
from torch import Tensor, nn

from aetia.errors import StudyError
from aetia.models.encoder_families import patch_side
from aetia.models.encoder_runs import EncoderRecording, batch_hooked, from_residuals, record_encoder
from aetia.models.encoders import Encoder
from aetia.models.interventions import Intervention, Scale, Set
from aetia.models.sites import Site

__all__ = ["check_encoder"]


def check_encoder(encoder: Encoder) -> None:
    """Verifies residual additions, heads, full attention, last projections, what follows, and that edits act.

    The first and the last block are examined; that blocks of one list are alike is the architecture's own claim.

    Raises:
        StudyError: AE-9402 if a part is not what its name says; the family's description is then wrong for this model.
    """
    layers = sorted({0, len(encoder.blocks) - 1})
    names = [name for name in encoder.ports[0] if not name.startswith("resid_p")]
    wanted = [(name, layer) for layer in layers for name in (*names, "pattern")]
    rows, columns = encoder.grid
    generator = torch.Generator().manual_seed(0)
    side = patch_side(encoder.config)
    run = record_encoder(encoder, torch.randn(1, 3, rows * side, columns * side, generator=generator), wanted)
    if run.length != encoder.length:
        _fail(encoder, f"a picture takes {run.length} positions, not {encoder.prefix} and {rows} x {columns} patches")
    for layer in layers:
        _check_block(encoder, layer, run)
        _check_acts(encoder, layer, run)
        _check_linear(encoder, layer, run, "z", "attn_out")
        _check_linear(encoder, layer, run, "mlp_post", "mlp_out")
    _check_end(encoder, run)


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
    scores = torch.einsum("qhd,khd->hqk", value["q"].float(), value["k"].float()) * encoder.heads.width**-0.5
    if _differs(encoder, weights, scores.softmax(-1)):
        _fail(encoder, f"q and k do not give the attention pattern, every position read, in layer {layer}")


@torch.inference_mode()
def _check_acts(encoder: Encoder, layer: int, run: EncoderRecording) -> None:
    """An edit of every component changes what leaves its block; that block alone is run."""
    for component in encoder.ports[layer]:
        # A norm that follows can be blind to a shift or a scale, so the row is set to something uneven.
        shape = encoder.site_shape(component)[1:]
        uneven = torch.linspace(-1, 2, shape[-1], device=encoder.device).sin().expand(1, *shape)
        site = Site(component, layer, position=run.length - 1)
        with batch_hooked(encoder, [(0, Intervention(site, Set(uneven)))], ()):
            changed = encoder.blocks[layer](run.resid_pre[layer][None].clone(), **run.block_arguments(layer))
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
        with batch_hooked(encoder, [(0, edit)], [(0, wanted)]) as captured:
            encoder.blocks[layer](run.resid_pre[layer][None].clone(), **run.block_arguments(layer))
        found.append(captured[0, wanted].float())
    if _differs(encoder, found[2] - found[1], found[1] - found[0]):
        _fail(encoder, f"{outer} is not linear in {inner} in layer {layer}")


@torch.inference_mode()
def _check_end(encoder: Encoder, run: EncoderRecording) -> None:
    kept = {boundary: run.resid_pre[boundary][None].repeat(2, 1, 1) for boundary in encoder.boundaries}
    found = from_residuals(encoder, run.pixels, kept)
    if found.shape != (2, *run.output.shape) or _differs(encoder, found, run.output.expand_as(found)):
        _fail(encoder, "what leaves the blocks does not give what the model gives")
    kept[encoder.depth] = kept[encoder.depth] + torch.linspace(0, 3, encoder.width, device=encoder.device).sin()
    if torch.equal(from_residuals(encoder, run.pixels, kept), found):
        _fail(encoder, "what leaves the blocks does not matter")


def _differs(encoder: Encoder, a: Tensor, b: Tensor) -> bool:
    tolerance = 1e-4 if encoder.dtype == torch.float32 else 5e-2
    scale = max(1.0, float(b.float().abs().max()))
    return bool(cast("Tensor", a.float() - b.float()).abs().max() > tolerance * scale)


def _fail(encoder: Encoder, what: str) -> None:
    raise StudyError(
        "AE-9402",
        f"{encoder.config.model_type} is not wired as its family says: {what}.",
        mend="describe this variant in aetia/models/encoder_families.py; no result would be trustworthy.",
    )
