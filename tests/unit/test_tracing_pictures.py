"""Paths from a picture to the answer: what PyTorch's own hooks give, position by position, in models that see."""

from contextlib import ExitStack

import numpy as np
import pytest
import torch
from flow_networks import item
from tiny_models import LAYERS
from tiny_vision_models import noise, prompt, tiny_vision_network

from aetia.errors import SiteError
from aetia.models.groups import token_groups
from aetia.models.pictures import Picture
from aetia.models.sites import Site
from aetia.tracing.compute import Tracer
from aetia.tracing.places import explicit
from aetia.tracing.study import TraceStudy

ANSWER, FOIL = 20, 30
DOWN = "mlp.down_proj"
CORNERS = np.zeros((16, 24), bool)
CORNERS[:8, :8] = CORNERS[8:, 16:] = True


def asked(family):
    """A network, and an item whose edit lies in two cells of the picture that are no neighbours."""
    network = tiny_vision_network(family)
    clean = noise(3)
    pixels = clean.pixels.copy()
    pixels[CORNERS] = 255 - pixels[CORNERS]
    one, other = (prompt(network, [10, 11], [picture], [12, 13, 14]) for picture in (clean, Picture(pixels)))
    groups = token_groups(network.vision, one, {"object": CORNERS})
    return network, item("one", one, other, (ANSWER, FOIL), groups)


def traced(network, one, senders, receivers=(), **fields):
    study = TraceStudy(contrasts="own", method="path", senders=senders, receivers=receivers, null="none", **fields)
    rows = Tracer(study, network, [one]).compute([0]).to_pylist()
    return [row for row in rows if row["method"] == "path"]


def difference(network, ids, edits=(), reads=None):
    """The outcome of a run; `edits` are (module, side, function of its tensor), `reads` a module whose output is kept.

    Side `in` is a module's first argument, `out` what it returns.
    """
    kept = []

    def before(change):
        def hook(_module, positional, named):
            if positional:
                return (change(positional[0]), *positional[1:]), named
            return positional, {**named, "hidden_states": change(named["hidden_states"])}

        return hook

    with ExitStack() as stack, torch.inference_mode():
        if reads is not None:
            hook = reads.register_forward_hook(lambda _module, _given, out: kept.append(out.clone()))
            stack.callback(hook.remove)
        for module, side, change in edits:
            if side == "in":
                hook = module.register_forward_pre_hook(before(change), with_kwargs=True)
            else:
                hook = module.register_forward_hook(lambda _module, _given, out, change=change: change(out))
            stack.callback(hook.remove)
        logits = network.module(**network.inputs([ids]), use_cache=False).logits[0, -1]
    return float(logits[ANSWER] - logits[FOIL]), kept


def kept_value(network, ids, module):
    """The first argument of a module in a plain run."""
    found = []

    def look(tensor):
        found.append(tensor.clone())
        return tensor

    difference(network, ids, [(module, "in", look)])
    return found[0]


def put(places, value):
    """A function that puts the rows of `value` at `places` into a tensor `[1, T, width]`."""

    def change(tensor):
        tensor = tensor.clone()
        tensor[:, list(places)] = value[:, list(places)]
        return tensor

    return change


def held(network, ids, layer):
    """The edits that hold heads and MLPs from a layer on at their values in the plain run of `ids`."""
    everywhere = range(len(ids))
    parts = [network.blocks[n].get_submodule(name) for n in range(layer, LAYERS) for name in ("self_attn.o_proj", DOWN)]
    return [(part, "in", put(everywhere, kept_value(network, ids, part))) for part in parts]


@pytest.mark.parametrize("family", ["llava_llama", "qwen3_vl"])
@pytest.mark.parametrize("layer", [0, 1])
def test_a_path_from_an_object_to_what_is_read_of_it_is_what_hooks_of_torch_give(family, layer):
    network, one = asked(family)
    clean, corrupted = one.clean_ids, one.corrupted_ids
    thing, receiver = one.groups["object"], network.blocks[LAYERS - 1].get_submodule("self_attn.v_proj")
    block = network.blocks[layer]
    sent = (block, "in", put(thing, kept_value(network, clean, block)))
    _, [reached] = difference(network, corrupted, [sent, *held(network, corrupted, layer)], receiver)
    expected, _ = difference(network, corrupted, [(receiver, "out", put(thing, reached))])
    start, _ = difference(network, corrupted)
    assert abs(expected - start) > 1e-3
    [row] = traced(network, one, (f"L{layer}.resid_pre@object",), (f"L{LAYERS - 1}.v@object",))
    assert (row["component"], row["layer"], row["span"]) == ("resid_pre", layer, "object")
    assert row["value"] == pytest.approx(expected - start, abs=1e-4)


@pytest.mark.parametrize("family", ["llava_llama", "qwen3_vl"])
def test_what_an_image_position_holds_leaves_it_through_its_readers_alone(family):
    """No path leaves an image position but through attention: held, it carries nothing; to later keys, something."""
    network, one = asked(family)
    senders = ("L0.z@object", "embed@object", "L0.resid_pre@image")
    assert [row["value"] for row in traced(network, one, senders)] == pytest.approx([0, 0, 0], abs=1e-5)
    rows = traced(network, one, senders, ("L1.k@image", "L1.v@image"))
    assert min(abs(row["value"]) for row in rows) > 1e-4
    if family != "qwen3_vl":  # whose tower writes into later layers too
        both = traced(network, one, ("embed@object", "L0.resid_pre@object"), ("L1.k@image", "L1.v@image"))
        assert both[0]["value"] == pytest.approx(both[1]["value"], abs=1e-6)


def test_the_parts_of_a_picture_are_positions_that_need_not_be_neighbours():
    network, one = asked("qwen3_vl")
    assert one.groups["object"] == (2, 7)
    sites = {
        name: explicit(Site.parse(f"L0.resid_pre@{name}"), one.length, one.named_positions).positions(one.length)
        for name in ("object", "image", "last", "2:4", "-1")
    }
    assert sites == {"object": (2, 7), "image": tuple(range(2, 8)), "last": (10,), "2:4": (2, 3), "-1": (10,)}
    with pytest.raises(SiteError, match="its spans: image, object, background, question, before, last"):
        traced(network, one, ("L0.resid_pre@subject",))
