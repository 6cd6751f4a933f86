"""What does an intervention in the vision tower do to the answer? Its cells become cells of the language model.

The tower's part of a cell is planned among the tower's layers, its projector follows, and the image tokens'
embeddings that come of it are set in the decoder, whose own planner does the rest.

Letters: n pictures of a prompt, T positions of the tower a picture, D width of the language model.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from aetia.errors import SiteError, StudyError
from aetia.models.encoder_planner import run_encoder_planned
from aetia.models.encoder_runs import EncoderRecording, batch_hooked, record_encoder
from aetia.models.encoders import Encoder, tower_of
from aetia.models.hooks import hooked
from aetia.models.interventions import Intervention, Knockout, Set, on_rows
from aetia.models.network import Network
from aetia.models.packing import Stop
from aetia.models.pictures import Picture
from aetia.models.planner import DEFAULT_MEMORY, Cell
from aetia.models.ports import listen
from aetia.models.prompts import Prompt, pictures_of
from aetia.models.sites import HEAD_COMPONENTS, PROJECTOR, Site

__all__ = ["tower_cells", "tower_hooked"]


def tower_cells(network: Network, prompt: Prompt, cells: Sequence[Cell], *, memory: int = DEFAULT_MEMORY) -> list[Cell]:
    """The same cells for the language model alone, to be given to `run_planned`.

    Interventions at `vision.L2.attn_out@5` and `projector@3` are replaced by the embeddings that they give; those in
    the language model stay. Positions count the tower's tokens, or the image tokens, picture after picture. Each cell
    that is changed carries the embeddings of its image tokens, `[tokens, D]`.

    Args:
        network: A network that sees.
        prompt: The prompt of all cells, with its pictures.
        cells: The intervened runs.
        memory: Bytes above the loaded model that the tower's runs may use, what they give not counted.

    Raises:
        StudyError: AE-9410 if the prompt has no pictures.
        SiteError: AE-9411 if a cell captures a site of the tower; and if a site names nothing in it.
    """
    for cell in cells:
        for site in cell.captures:
            if site.is_seen:
                raise SiteError(
                    "AE-9411",
                    f"A planned run of a network cannot capture {site}.",
                    mend="use run_encoder_planned with tower_of(network) for it.",
                )
    encoder = tower_of(network)
    worlds, places = _worlds(network, encoder, prompt)
    parts: list[tuple[int, int]] = []  # the cell, and the picture, of each run of the tower
    runs: list[Cell] = []
    for index, cell in enumerate(cells):
        seen = [i for i in cell.interventions if i.site.is_seen]
        for picture, done in by_picture(encoder, len(worlds), len(places[0]), seen).items():
            parts.append((index, picture))
            runs.append(Cell(tuple(done), picture))
    embeddings = run_encoder_planned(encoder, worlds, runs, lambda output: output, memory=memory).values
    changes: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
    for (index, picture), found in zip(parts, embeddings, strict=True):
        base = worlds[picture].output.cpu().to(found.dtype)
        for row in (found != base).any(-1).nonzero()[:, 0].tolist():
            changes[index].append((places[picture][row], found[row]))
    passes_on = bool(changes) and _passes_embeddings_on(network, prompt)
    return [_for_decoder(cell, changes.get(index, []), passes_on) for index, cell in enumerate(cells)]


@contextmanager
def tower_hooked(network: Network, prompt: Prompt, interventions: Sequence[Intervention]) -> Iterator[None]:
    """While open, a forward run of `prompt` by the whole network is intervened upon in its tower and projector.

    The plain way, which `tower_cells` has to equal.
    """
    encoder, pictures = tower_of(network), _pictures(prompt)
    assert network.vision is not None
    tokens = network.vision.positions(pictures[0])
    each = by_picture(encoder, len(pictures), tokens, interventions)
    with batch_hooked(encoder, [(picture, i) for picture, done in each.items() for i in done], ()):
        yield


def _worlds(network: Network, encoder: Encoder, prompt: Prompt) -> tuple[list[EncoderRecording], list[list[int]]]:
    """The tower's base run of every picture, and the positions of each picture's tokens."""
    pictures = _pictures(prompt)
    assert network.vision is not None
    distinct = {picture: record_encoder(encoder, picture) for picture in pictures}
    image = iter([position for position, token in enumerate(prompt) if token == network.vision.image_token])
    places = [[next(image) for _ in distinct[picture].output] for picture in pictures]
    return [distinct[picture] for picture in pictures], places


def _pictures(prompt: Prompt) -> tuple[Picture, ...]:
    pictures = pictures_of(prompt)
    if not pictures:
        raise StudyError(
            "AE-9410", "The prompt has no pictures.", mend="make it with network.prompt(question, [picture])."
        )
    return pictures


def by_picture(
    encoder: Encoder, pictures: int, tokens: int, interventions: Sequence[Intervention]
) -> dict[int, list[Intervention]]:
    """What is done to each picture, at positions that count its own tokens alone.

    Args:
        encoder: The tower.
        pictures: How many pictures there are.
        tokens: How many image tokens the projector gives of each.
        interventions: What is done, at positions that run through all pictures.
    """
    found: dict[int, list[Intervention]] = defaultdict(list)
    for i in interventions:
        encoder.check_site(i.site)
        each = tokens if i.site.component == PROJECTOR else encoder.length
        rows = i.site.rows(each * pictures)
        for picture, group in groupby(enumerate(rows), lambda pair, each=each: pair[1] // each):
            kept = list(group)
            site = i.site.at(_address([row - picture * each for _, row in kept]))
            operation = on_rows(i.operation, [n for n, _ in kept], len(rows), _axes(i.site))
            if isinstance(operation, Knockout):
                # Keys in other pictures are out of reach anyway.
                keys = tuple(key - picture * each for key in operation.keys if key // each == picture)
                operation = Knockout(keys)
                if not keys:
                    continue
            found[picture].append(Intervention(site, operation))
    return found


def _axes(site: Site) -> int:
    return 3 if site.component in HEAD_COMPONENTS and site.head is None else 2


def _address(rows: Sequence[int]) -> int | str:
    """Increasing positions as a site names them."""
    if len(rows) == 1:
        return rows[0]
    runs = [[row for _, row in group] for _, group in groupby(enumerate(rows), lambda pair: pair[1] - pair[0])]
    return ",".join(f"{run[0]}:{run[-1] + 1}" for run in runs)


def _for_decoder(cell: Cell, changes: Sequence[tuple[int, Tensor]], passes_on: bool) -> Cell:
    """The cell with its changed embeddings set before all else that is done in the decoder."""
    own = tuple(i for i in cell.interventions if not i.site.is_seen)
    if not changes:
        return replace(cell, interventions=own)
    ordered = sorted(changes, key=lambda change: change[0])
    position = _address([place for place, _ in ordered])
    # Where the decoder hands its embeddings on as they are, setting them there needs no run up to the first block.
    is_direct = passes_on and all(i.site.component != "embed" for i in own)
    site = Site("resid_pre", 0, position=position) if is_direct else Site("embed", position=position)
    first = Intervention(site, Set(torch.stack([value for _, value in ordered])))
    return replace(cell, interventions=(first, *own))


@torch.inference_mode()
def _passes_embeddings_on(network: Network, prompt: Prompt) -> bool:
    """Whether what enters the first block is the embeddings themselves, nothing added and nothing scaled."""
    kept: list[Tensor] = []

    def stop(tensor: Tensor) -> None:
        kept.append(tensor[0])
        raise Stop

    handle = listen(network.port("resid_pre", 0), stop)
    embed = Site("embed")
    found: dict[Site, Tensor] = {}
    try:
        with hooked(network, len(prompt), captures=[embed]) as found, suppress(Stop):
            network.module(**network.inputs([prompt]), use_cache=False)
    finally:
        handle.remove()
    return torch.equal(found[embed], kept[0])
