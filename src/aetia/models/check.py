"""Is every part of a network what its family says it is? Asked numerically, once, at load.

A wrong path in a family would name a tensor of a valid shape and give wrong causes without an error.
So a short random prompt is run, and the identities that define the components are verified on it.
"""

from typing import NoReturn

import numpy as np
import torch
from torch import Tensor

from aetia.errors import StudyError
from aetia.models.hooks import hooked
from aetia.models.interventions import Intervention, Set
from aetia.models.network import Network
from aetia.models.pictures import Picture
from aetia.models.ports import listen
from aetia.models.prompts import Prompt
from aetia.models.sites import Site
from aetia.models.vision import Vision
from aetia.text import clean_text

__all__ = ["check_network"]

_LENGTH = 6


def _differs(a: Tensor, b: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-4 if dtype == torch.float32 else 5e-2
    scale = max(1.0, float(b.float().abs().max()))
    return bool((a.float() - b.float()).abs().max() > tolerance * scale)


@torch.inference_mode()
def check_network(network: Network) -> None:
    """Verifies residual additions, head mixing, the unembedding, that an edit of each component acts, and pictures.

    The first and the last block are examined; that blocks of one list are alike is the architecture's own claim.

    Raises:
        StudyError: If a part is not what its name says; the family's description is then wrong for this model.
    """
    vocabulary = network.unembedding.weight.shape[0]
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(min(3, vocabulary - 1), vocabulary, (1, _LENGTH), generator=generator).tolist()[0]
    rows = torch.tensor([ids], device=network.device)
    layers = sorted({0, len(network.blocks) - 1})
    sites = [Site(component, layer) for layer in layers for component in network.ports[layer]]
    with hooked(network, _LENGTH, captures=sites) as found:
        logits = network.module(rows, use_cache=False).logits[0]
    for layer in layers:
        _check_block(network, layer, {site.component: v for site, v in found.items() if site.layer == layer})
    last = found[Site("resid_post", layers[-1])]
    if _differs(network.unembed(last), logits, network.dtype):
        _fail(network, "final_norm and the unembedding of the last resid_post do not give the logits")
    for layer in layers:
        for component in network.ports[layer]:
            _check_acts(network, Site(component, layer, position=_LENGTH - 1), rows, logits)
    if network.vision is not None:
        _check_pictures(network, network.vision)


def _check_block(network: Network, layer: int, value: dict[str, Tensor]) -> None:
    parts = value["resid_pre"] + value["attn_out"]
    if "resid_mid" in value and _differs(value["resid_mid"], parts, network.dtype):
        _fail(network, f"resid_pre + attn_out is not resid_mid in layer {layer}")
    if _differs(value["resid_post"], parts + value["mlp_out"], network.dtype):
        _fail(network, f"resid_pre + attn_out + mlp_out is not resid_post in layer {layer}")
    groups = network.heads.query // network.heads.key_value
    if _differs(value["z"][0], value["v"][0].repeat_interleave(groups, 0), network.dtype):
        _fail(network, f"the first position, which reads itself alone, does not mix v into z in layer {layer}")
    expected = network.site_shape("z", _LENGTH)
    if value["z"].shape != expected:
        _fail(network, f"z has shape {tuple(value['z'].shape)} instead of {expected} in layer {layer}")


def _check_acts(network: Network, site: Site, rows: Tensor, logits: Tensor) -> None:
    # A norm that follows can be blind to a shift or a scale, so the row is set to something uneven.
    shape = network.site_shape(site.component, 1)
    uneven = torch.linspace(-1, 2, shape[-1], device=network.device).sin().expand(shape)
    with hooked(network, _LENGTH, [Intervention(site, Set(uneven))]):
        changed = network.module(rows, use_cache=False).logits[0]
    if not torch.equal(changed[:-1], logits[:-1]):
        _fail(network, f"an edit at {site} reached earlier positions")
    # In float32 a query or key at one of few positions may act weakly, but never not at all.
    if torch.equal(changed[-1], logits[-1]):
        _fail(network, f"an edit at {site} changed nothing")


def _check_pictures(network: Network, vision: Vision) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    pictures = Picture(noise), Picture(255 - noise)
    size = vision.positions(pictures[0])
    word = 1 if vision.image_token != 1 else 2
    prompts = [Prompt([word, *[vision.image_token] * size, word], [picture], [1]) for picture in pictures]
    inputs = network.inputs(prompts)
    kept: list[Tensor] = []
    handle = listen(network.port("embed", None), lambda tensor: kept.append(tensor.clone()))
    try:
        network.module(**inputs, logits_to_keep=1, use_cache=False)
    except (IndexError, RuntimeError, ValueError) as error:
        _fail(network, f"a picture does not take {size} positions ({clean_text(str(error), 120)})")
    finally:
        handle.remove()
    words = network.embedding(inputs["input_ids"][0])
    first, second = kept[0]
    if _differs(first[[0, -1]], words[[0, -1]], network.dtype):
        _fail(network, "its decoder is not given the embeddings of the text around a picture")
    if (first[1:-1] == second[1:-1]).all(-1).any() or (first[1:-1] == words[1:-1]).all(-1).any():
        _fail(network, "a picture does not reach all of its positions")


def _fail(network: Network, what: str) -> NoReturn:
    raise StudyError(
        "AE-1205",
        f"{network.config.model_type} is not wired as its family says: {what}.",
        mend="describe this variant in aetia/models/families.py or vision.py; no result would be trustworthy.",
    )
