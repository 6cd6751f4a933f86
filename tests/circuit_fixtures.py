"""Contrast items of random tokens, and the plain ways to compute what circuits compute."""

import random

import numpy as np
import torch
from tiny_models import VOCABULARY

from aetia.contrasts import AlignedContrast
from aetia.models import Intervention, Network, Set, Site, record, run_with_hooks

FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "phi3", "phi3_longrope", "gpt2", "gpt_neox")
FAMILIES = (*FAMILIES, "gpt_neox_sequential", "opt")
"""The configurations of tiny_models whose heads write to the residual themselves."""


def item_of(clean: tuple[int, ...], corrupted: tuple[int, ...], answer: int = 5, foil: int = 6, name: str = "one"):
    tokens = tuple(str(token) for token in clean)
    others = tuple(str(token) for token in corrupted)
    spans = {"last": (len(clean) - 1, len(clean))}
    return AlignedContrast(name, "", "", "", "", clean, corrupted, tokens, others, (answer,), (foil,), spans)


def random_items(count: int, seed: int = 0, length: int = 7, vocabulary: int = VOCABULARY):
    """Items whose prompts differ at two of the first tokens."""
    draw = random.Random(seed)
    items = []
    for number in range(count):
        clean = [draw.randrange(3, vocabulary) for _ in range(length)]
        corrupted = list(clean)
        for place in draw.sample(range(length - 1), 2):
            corrupted[place] = 3 + (clean[place] - 3 + draw.randrange(1, vocabulary - 3)) % (vocabulary - 3)
        items.append(item_of(tuple(clean), tuple(corrupted), name=f"item-{number}"))
    return items


def patched_nodes(network: Network, item: AlignedContrast, nodes: list[str], kind: str = "patch") -> torch.Tensor:
    """The last logits when each of these senders writes what it writes in the corrupted run, by plain hooks."""
    places = [(name, layer) for layer in range(len(network.blocks)) for name in ("z", "mlp_out")]
    source = record(network, item.corrupted_ids, places)
    done = []
    for node in nodes:
        if node == "embed":
            site = Site("resid_pre", 0)
        elif node.endswith(".mlp"):
            site = Site("mlp_out", int(node[1 : node.index(".")]))
        else:
            site = Site("z", int(node[1 : node.index(".")]), int(node.split(".h")[1]))
        value = source.at(site, range(item.length))
        done.append(Intervention(site, Set(value if kind == "patch" else torch.zeros_like(value))))
    return run_with_hooks(network, item.clean_ids, done).logits[-1]


def masks_of(graph, edges_in: list[list[int]]) -> np.ndarray:
    """Which edges each of several circuits keeps."""
    masks = np.zeros((len(edges_in), graph.edges), dtype=bool)
    for mask, edges in zip(masks, edges_in, strict=True):
        mask[edges] = True
    return masks
