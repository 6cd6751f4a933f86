"""Flow between the frames of a clip: what masks that are added by hand give, and a whole study from a file."""

import json
import re
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from flow_networks import item
from PIL import Image
from seeing_networks import tiny_llava
from tiny_models import LAYERS
from tiny_vision_models import noise, prompt, tiny_vision_network, vision_of

from aetia.cli.application import run
from aetia.errors import StudyError
from aetia.flow.groups import default_edges, partition_of
from aetia.flow.instrument import Flow
from aetia.flow.pathway_instrument import Pathways
from aetia.flow.pathway_search import layered_edges, opened, with_cuts
from aetia.flow.study import FlowStudy, PathwayStudy
from aetia.maps.measured import check_items
from aetia.models.groups import token_groups
from aetia.runs import open_run
from aetia.scenes import Settings, render, siamese

FAMILIES = ["llava_llama", "idefics3", "qwen2_5_vl", "qwen3_vl"]
EDGES = ("frame1->frame2", "frame2->last", "frame1->question", "frame*->frame*", "thing->last")


def clips(family, count=1):
    """Items about two frames, whose thing is in the first cell of the first and the last one of the second."""
    network = tiny_vision_network(family, "eager")
    first, last = np.zeros((2, 16, 24), bool)
    first[:8, :8] = last[8:, 16:] = True
    found = []
    for number in range(count):
        frames = [noise(10 * number + place) for place in range(2)]
        clean, other = (prompt(network, [20, 21], shown, [22 + number, 23, 24]) for shown in (frames, frames[::-1]))
        groups = token_groups(network.vision, clean, {"thing": first, "thing@2": last})
        found.append(item(f"clip-{number}", clean, other, (40 + number, 50 + number), groups))
    return network, found


def masked(network, one, forbidden):
    """The probability of the answer if pairs of (row, key) are forbidden by layer, by the model's own eager masks."""

    def hook(pairs):
        def change(_module, positional, named):
            mask = named["attention_mask"].clone()
            for row, key in pairs:
                mask[..., row, key] = torch.finfo(mask.dtype).min
            return positional, {**named, "attention_mask": mask}

        return change

    with ExitStack() as stack, torch.inference_mode():
        for layer, pairs in forbidden.items():
            module = network.blocks[layer].get_submodule("self_attn")
            stack.callback(module.register_forward_pre_hook(hook(pairs), with_kwargs=True).remove)
        logits = network.module(**network.inputs([one.clean_ids]), use_cache=False).logits[0, -1]
    return float(logits.float().softmax(-1)[one.answer_ids[0]])


def pairs_of(edge, groups):
    """Who may no longer read whom along an edge, counted out: every pair of positions but a position and itself."""
    names = [name for name in groups if name.startswith("frame")] if "*" in edge else []
    ways = [(a, b) for a in names for b in names if a != b] or [tuple(edge.split("->"))]
    return [(row, key) for source, reader in ways for row in groups[reader] for key in groups[source] if key < row]


@pytest.mark.parametrize("family", FAMILIES)
def test_cuts_between_frames_are_what_masks_by_hand_give(family):
    network, items = clips(family)
    study = FlowStudy(contrasts="own", null="none", edges=EDGES)
    effects = Flow().run_on(study, network, items).where(measure="probability", items="all").to_arrow().to_pylist()
    found = {(f"{row['source']}->{row['reader']}", row["layer"]): row["estimate"] for row in effects if row["source"]}
    [one] = items
    plain = masked(network, one, {})
    for edge in EDGES:
        pairs = pairs_of(edge, one.groups)
        assert pairs
        for layer in range(LAYERS):
            change = masked(network, one, {layer: pairs}) - plain
            assert found[edge, layer] == pytest.approx(change, abs=1e-6), (edge, layer)
    # In the last layer nothing but the last position's reads can reach the answer.
    assert found["frame1->frame2", LAYERS - 1] == 0
    assert min(abs(found[edge, 0]) for edge in EDGES) > 1e-7


@pytest.mark.parametrize("family", FAMILIES)
def test_pathways_are_made_of_edges_between_frames(family):
    network, items = clips(family, 4)
    parts = partition_of(items[0])
    assert list(parts) == ["before", "thing", "frame1", "frame2", "question", "last"]
    edges = layered_edges(items, LAYERS, 1)
    names = {f"{edge.source}->{edge.reader}" for edge in edges}
    assert {"frame1->frame2", "frame2->last", "thing->frame2", "frame1->frame1"} <= names
    chosen = edges[::3]
    cut = with_cuts(network, opened(network, items), [chosen])[0]
    for one, value in zip(items, cut, strict=True):
        parts, forbidden = partition_of(one), {}
        for edge in chosen:
            pairs = [(row, key) for row in parts[edge.reader] for key in parts[edge.source] if key < row]
            forbidden.setdefault(edge.layer, []).extend(pairs)
        assert value == pytest.approx(masked(network, one, forbidden), abs=1e-6)
    table = Pathways().run_on(PathwayStudy(contrasts="own", controls=2, keep=0.5), network, items).table.to_pylist()
    of_edges = [row for row in table if row["measure"] == "in pathway"]
    assert {(row["source"], row["reader"], row["layer"]) for row in of_edges} == {
        (edge.source, edge.reader, edge.layer) for edge in edges
    }


def test_frames_are_asked_about_unless_edges_are_named_and_a_map_refuses_them():
    network, items = clips("qwen3_vl", 2)
    assert {"frame1->last", "frame2->question", "thing->last", "frame*->frame*"} <= set(map(str, default_edges(items)))
    with pytest.raises(StudyError, match="AE-9612"):
        check_items(network, items)


@pytest.fixture
def clip_file(tmp_path, monkeypatch):
    """A folder with a tiny model, and siamese clips: the cause acts in one of them, and does not in the other."""
    monkeypatch.chdir(tmp_path)
    network = tiny_llava()
    assert network.tokenizer is not None
    network.module.save_pretrained("model")
    network.tokenizer.save_pretrained("model")
    vision_of(network).processor.save_pretrained("model")  # pyright: ignore[reportAttributeAccessIssue]  all have it
    Path("clips/images").mkdir(parents=True)
    lines = []
    for seed in range(3):
        twins = siamese(seed, Settings(size=64))
        roles = {"picture": (twins.factual, "a"), "edited": (twins.counterfactual, "b")}
        files = {}
        for role, (one, letter) in roles.items():
            files[role] = [f"images/{seed}{letter}{frame}.png" for frame in (0, 4, 7)]
            for name, frame in zip(files[role], (0, 4, 7), strict=True):
                Image.fromarray(render(one.frames[frame])).save(Path("clips") / name)
        asked = re.sub(r"\?", " ?", twins.question.text)
        lines.append({"clean": asked, "corrupted": asked, "answer": " yes", "foil": " no", **files,
                      "regions": {"corner": [0, 0, 16, 16], "corner@3": [0, 0, 32, 16]}})  # fmt: skip
    Path("clips/own.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return "clips/own.jsonl"


def shown(directory):
    """The record of a run's first item."""
    return json.loads(Path(directory, "items.jsonl").read_text().splitlines()[0])


def test_a_study_of_clips_runs_from_a_file_to_its_page(clip_file, capsys):
    asked = ("--model", "model", "--contrasts", clip_file, "--items", "3")
    assert run(["flow", *asked, "--edges", "frame1->frame2,frame3->last,corner->last", "--out", "flow"]) == 0
    found = open_run("flow")
    edges = {(row["source"], row["reader"]) for row in found.effects().to_arrow().to_pylist() if row["source"]}
    assert edges == {("frame1", "frame2"), ("frame3", "last"), ("corner", "last")}
    item = shown("flow")
    frames = [item["groups"][f"frame{number}"] for number in (1, 2, 3)]
    assert [len(frame) for frame in frames] == [16, 16, 16]
    assert all(one[-1] < other[0] for one, other in pairwise(frames))
    assert item["groups"]["corner"] == [frames[0][0], *frames[2][:2]]
    assert [len(item[role]) for role in ("clean_pictures", "corrupted_pictures", "grids")] == [3, 3, 3]
    page = Path("flow/report.html").read_text()
    assert page.count("frame 3: yes") == 6  # the name of a picture and its caption
    assert "frame 1: no" not in page  # the first frame is the same in both clips
    assert run(["pathways", *asked, "--window", "2", "--out", "pathways"]) == 0
    sources = {row["source"] for row in open_run("pathways").effects().to_arrow().to_pylist()}
    assert {"frame1", "frame2", "frame3", "corner"} <= sources
    capsys.readouterr()


def test_frames_are_named_one_by_one_in_the_shell(clip_file, capsys):
    frames = [f"--{option}=clips/images/0{letter}{frame}.png"
              for option, letter in (("image", "a"), ("edited", "b")) for frame in (0, 4, 7)]  # fmt: skip
    asked = ("--model", "model", *frames, "--question", "did the red circle move ?", "--region", "it@3=0,0,16,16")
    assert run(["flow", *asked, "--edges", "frame*->frame*,it->last", "--out", "run"]) == 0
    item = shown("run")
    assert item["groups"]["it"] == [item["groups"]["frame3"][0]]
    assert item["clean"] == "did the red circle move ?"
    capsys.readouterr()
