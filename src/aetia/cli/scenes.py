"""`aetia scenes`: pictures of which every fact is known."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aetia.cli.records import ScenesRecord
from aetia.cli.voice import Voice, json_option
from aetia.errors import StudyError
from aetia.scenes.editing import CHANGES
from aetia.scenes.question import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aetia.scenes.folder import Recipe
    from aetia.scenes.scene import Prior, Settings

__all__ = ["command"]

_VARIED = ("sizes", "textures", "labels", "occlusion")
_TOLD_FROM = 1000  # items; with fewer it is done before a line could be read
_SAMPLE = 5  # items that a plan is measured by


@click.command("scenes")
@click.option("--items", type=click.IntRange(min=1), default=100, metavar="N", help="How many. [default: 100]")
@click.option("--out", type=click.Path(path_type=Path), default=Path("scenes"), help="The folder. [default: scenes]")
@click.option("--kind", "kinds", type=click.Choice(KINDS), multiple=True, help="Questions to keep; several times.")
@click.option("--edited", type=click.Choice(CHANGES), help="Write pairs: a scene, and it with this changed.")
@click.option("--clips", is_flag=True, help="Write clips of 8 frames in which things move and hit others.")
@click.option("--prior", metavar="OF:GIVES:SHARE", help="Plant a co-occurrence, such as shape:colour:0.9.")
@click.option("--vary", type=click.Choice(_VARIED), multiple=True, help="Let this vary too; several times.")
@click.option("--size", type=click.IntRange(min=1), default=96, help="Pixels of a side, of 4 cells. [default: 96]")
@click.option("--masks", is_flag=True, help="Write which thing each pixel shows, too.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="What is drawn. [default: 0]")
@click.option("--dry-run", is_flag=True, help="Say how much it would be, write nothing.")
@json_option
def command(
    items: int,
    out: Path,
    kinds: tuple[str, ...],
    edited: str | None,
    prior: str | None,
    vary: tuple[str, ...],
    size: int,
    seed: int,
    *,
    clips: bool,
    masks: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Draw pictures of which every fact is known, with questions, edits and clips.

    They show coloured shapes. The folder has a PNG file a picture, and a line of scenes.jsonl an item: what is where,
    a caption, and questions with their answers. A command that was stopped goes on where it was when it is given again.

    Example: aetia scenes --edited colour --items 60 --out pairs
    """
    from aetia.scenes.folder import Recipe, write_scenes

    if clips and edited:
        raise click.UsageError("--clips and --edited are two kinds of items: give one of them.")
    recipe = Recipe(items, seed, _settings(size, prior, vary), kinds, edited, clips, masks)
    voice = Voice(as_json)
    if dry_run:
        _show_plan(voice, recipe, out)
        return
    done = write_scenes(out, recipe, _watch(voice, items))
    record = ScenesRecord(folder=str(out), items=items, written=done.pictures, kept=done.kept, bytes=done.bytes)
    voice.emit(lambda: record)
    kept = f", {done.kept:,} were there" if done.kept else ""
    voice.show(f"wrote {out}: {items:,} items, {done.pictures:,} pictures{kept}, seed {seed}")


def _settings(size: int, prior: str | None, vary: tuple[str, ...]) -> "Settings":
    from aetia.scenes.scene import Settings

    return Settings(
        size=size,
        sizes="sizes" in vary,
        textures="textures" in vary,
        labels="labels" in vary,
        occlusion="occlusion" in vary,
        prior=None if prior is None else _prior(prior),
    )


def _prior(text: str) -> "Prior":
    from aetia.scenes.scene import Prior

    parts = text.split(":")
    try:
        of, gives, share = parts
        strength = float(share)
    except ValueError as error:
        raise StudyError(
            "AE-9104", f"{text!r} is no prior.", mend="write shape:colour:0.9 or colour:shape:0.9, a share from 0 to 1"
        ) from error
    return Prior(of, gives, strength)


def _watch(voice: Voice, items: int) -> "Callable[[int], None]":
    step = max(1, items // 10)

    def tell(done: int) -> None:
        if items >= _TOLD_FROM and not voice.as_json and done % step == 0:
            voice.remark(f"{done:,} of {items:,} items")

    return tell


def _show_plan(voice: Voice, recipe: "Recipe", out: Path) -> None:
    """Make a few items, and say how many pictures, bytes and seconds all of them are."""
    from dataclasses import replace

    from aetia.scenes.folder import items, picture_bytes
    from aetia.scenes.rendering import render

    count = min(_SAMPLE, recipe.items)
    next(items(recipe))  # the first one of any settings takes longer
    start = time.perf_counter()
    made = list(items(replace(recipe, items=count)))
    sizes = [len(picture_bytes(render(scene))) for item in made for scene in item.scenes]
    scale = recipe.items / count
    seconds = (time.perf_counter() - start) * scale
    pictures = round(len(sizes) * scale) * (2 if recipe.masks else 1)
    record = ScenesRecord(
        folder=str(out), items=recipe.items, written=0, kept=0, bytes=round(sum(sizes) * scale), planned=pictures
    )
    voice.emit(lambda: record)
    voice.show(
        f"{out} would have {recipe.items:,} items in {pictures:,} pictures, about {record.bytes / 1e6:.1f} MB, "
        f"in about {seconds:.0f} s; nothing is written with --dry-run"
    )
