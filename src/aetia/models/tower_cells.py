"""What does an intervention in the vision tower do to the answer? Its cells become cells of the language model.

The tower's part of a cell is planned among the tower's layers, its projector follows, and the image tokens'
embeddings that come of it are set in the decoder, whose own planner does the rest.

Letters: n pictures of a prompt, T positions of the tower a picture, D width of the language model.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import accumulate, groupby, pairwise

import torch
from torch import Tensor

from aetia.errors import SiteError, StudyError
from aetia.models.encoder_planner import run_encoder_planned
from aetia.models.encoder_runs import EncoderRecording, batch_hooked, record_encoder
from aetia.models.encoders import Encoder, tower_of
from aetia.models.hooks import hooked
from aetia.models.interventions import Add, Intervention, Knockout, Set, on_rows
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
    sizes = [(world.length, len(world.output)) for world in worlds]
    parts: dict[tuple[int, int], list[tuple[int, Cell]]] = defaultdict(list)  # by grid, the cell and its run in a tower
    for index, cell in enumerate(cells):
        seen = [i for i in cell.interventions if i.site.is_seen]
        for picture, done in by_picture(encoder, sizes, seen).items():
            parts[worlds[picture].grid].append((index, Cell(tuple(done), picture)))
    changes: dict[int, list[_Change]] = defaultdict(list)
    for runs in parts.values():
        alone = [run for _, run in runs]
        found = run_encoder_planned(encoder, worlds, alone, lambda output: output, memory=memory).values
        for (index, run), output in zip(runs, found, strict=True):
            base = worlds[run.world].output.cpu().to(output.dtype)
            changes[index] += _changes(base, output, places[run.world], network.width)
    passes_on = bool(changes) and _passes_embeddings_on(network, prompt)
    return [_for_decoder(cell, changes.get(index, []), passes_on) for index, cell in enumerate(cells)]


@contextmanager
def tower_hooked(network: Network, prompt: Prompt, interventions: Sequence[Intervention]) -> Iterator[None]:
    """While open, a forward run of `prompt` by the whole network is intervened upon in its tower and projector.

    The plain way, which `tower_cells` has to equal.
    """
    encoder = tower_of(network)
    grids = [encoder.grid_of(encoder.pixels([picture])) for picture in _pictures(prompt)]
    sizes = [(len(encoder.rows(grid).positions), len(encoder.rows(grid).tokens)) for grid in grids]
    each = by_picture(encoder, sizes, interventions)
    with batch_hooked(encoder, grids, [(picture, i) for picture, done in each.items() for i in done], ()):
        yield


@dataclass(frozen=True, eq=False)
class _Change:
    """A position of the prompt at which the tower gives something else.

    Args:
        position: Of an image token.
        after: The block after which the model adds what is changed; None for the token's embedding.
        value: The embedding; or what is added more than in the base run.
    """

    position: int
    after: int | None
    value: Tensor


def _changes(base: Tensor, found: Tensor, places: Sequence[int], width: int) -> Iterator[_Change]:
    """What differs in the image tokens' embeddings and, beside them, in what is added after the first blocks."""
    for number, (old, new) in enumerate(zip(base.split(width, -1), found.split(width, -1), strict=True)):
        for row in (new != old).any(-1).nonzero()[:, 0].tolist():
            value = new[row] - old[row] if number else new[row]
            yield _Change(places[row], number - 1 if number else None, value)


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
    encoder: Encoder, sizes: Sequence[tuple[int, int]], interventions: Sequence[Intervention]
) -> dict[int, list[Intervention]]:
    """What is done to each picture, at positions that count its own tokens alone.

    Args:
        encoder: The tower.
        sizes: How many positions each picture takes in the tower, and how many image tokens the projector gives of it.
        interventions: What is done, at positions that run through all pictures.
    """
    found: dict[int, list[Intervention]] = defaultdict(list)
    for i in interventions:
        is_projected = i.site.component == PROJECTOR
        starts = [0, *accumulate(size[is_projected] for size in sizes)]
        rows = i.site.rows(starts[-1])
        for picture, (start, stop) in enumerate(pairwise(starts)):
            kept = [n for n, row in enumerate(rows) if start <= row < stop]
            if not kept:
                continue
            encoder.check_site(i.site, stop - start)
            site = i.site.at(_address([rows[n] - start for n in kept]))
            operation = on_rows(i.operation, kept, len(rows), _axes(i.site))
            if isinstance(operation, Knockout):
                # Keys in other pictures are out of reach anyway.
                operation = Knockout(tuple(key - start for key in operation.keys if start <= key < stop))
                if not operation.keys:
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


def _for_decoder(cell: Cell, changes: Sequence[_Change], passes_on: bool) -> Cell:
    """The cell with its changed embeddings set before all else that is done in the decoder.

    What the model adds after a block comes after all that is done to the block's output.
    """
    own = tuple(i for i in cell.interventions if not i.site.is_seen)
    by_block: dict[int | None, list[_Change]] = defaultdict(list)
    for change in sorted(changes, key=lambda change: change.position):
        by_block[change.after].append(change)
    # Where the decoder hands its embeddings on as they are, setting them there needs no run up to the first block.
    is_direct = passes_on and all(i.site.component != "embed" for i in own)
    before, after = [], []
    for block, listed in by_block.items():
        position, value = _address([one.position for one in listed]), torch.stack([one.value for one in listed])
        if block is None:
            site = Site("resid_pre", 0, position=position) if is_direct else Site("embed", position=position)
            before.append(Intervention(site, Set(value)))
        else:
            after.append(Intervention(Site("resid_post", block, position=position), Add(value)))
    return replace(cell, interventions=(*before, *own, *after))


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
