"""`aetia train`: the models that come with the package, made again from a seed."""

import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from aetia.cli.records import Record
from aetia.cli.voice import Voice, json_option

if TYPE_CHECKING:
    from aetia.seeing.recipe import Progress
    from aetia.seeing.scores import Score

__all__ = ["TrainedRecord", "command"]

_ASKING = "asking about held-out scenes, with and without their pictures"
_LINES = 10  # of a stage, where there is no terminal


class TrainedRecord(Record):
    """How often a model that was trained gives the right answer on held-out scenes."""

    record: Literal["trained"] = "trained"
    model: str
    directory: str
    kind: str
    control: str
    right: int
    count: int
    low: float
    high: float
    chance: float


@click.command("train")
@click.argument("model", type=click.Choice(["toy-llava", "smol-llava"]))
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the first weights and the scenes. [default: 0]")
@click.option("--out", metavar="DIRECTORY", help="Where the model goes. [default: models/MODEL-seed-SEED]")
@click.option("--steps", type=click.IntRange(min=1), help="Of the last stage. [default: as the shipped model]")
@click.option("--device", metavar="DEVICE", help="Such as cpu or cuda. [default: a GPU if there is one]")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the directory, if there is one.")
@json_option
def command(
    model: str, seed: int, out: str | None, steps: int | None, device: str | None, *, resume: bool, as_json: bool
) -> int:
    """Train MODEL again, as the one that comes with the package was trained.

    On a CPU the seed decides the weights to the bit; toy-llava takes about half an hour on one core, smol-llava about
    an hour. A training that was killed goes on with --resume. The directory then holds the weights, their card and
    their curves.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported
    from aetia.seeing.checkpoints import CHECKPOINT

    voice = Voice(as_json)
    folder = Path(out) if out is not None else Path("models") / f"{model}-seed-{seed}"
    train = _train_toy if model == "toy-llava" else _train_smol
    scores = train(voice, folder, _Asked(seed, steps, device or _best_device(), resume))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    for score in scores:
        told = {name: value for name, value in asdict(score).items() if name in TrainedRecord.model_fields}
        voice.emit(lambda told=told: TrainedRecord(model=model, directory=str(folder), **told))
    _show(voice, scores)
    voice.show(f"  model  {folder}")
    return 0


@dataclass(frozen=True)
class _Asked:
    """What is asked of a training; None for the recipe's own number of steps."""

    seed: int
    steps: int | None
    device: str
    resume: bool


def _train_toy(voice: Voice, folder: Path, asked: _Asked) -> "Sequence[Score]":
    from aetia.seeing.judging import HELD_OUT, judge
    from aetia.seeing.recipe import Recipe
    from aetia.seeing.scores import CONTROLS
    from aetia.seeing.shipping import write_toy
    from aetia.seeing.toy import train_toy

    recipe = Recipe(seed=asked.seed)
    if asked.steps is not None:
        recipe = replace(recipe, language_steps=asked.steps)
    with _watching(voice) as observe:
        trained = train_toy(recipe, folder=folder, resume=asked.resume, device=asked.device, observer=observe)
    voice.remark(_ASKING)
    scores = [score for control in CONTROLS for score in judge(trained.model, HELD_OUT, control)]
    write_toy(trained, folder, scores)
    return scores


def _train_smol(voice: Voice, folder: Path, asked: _Asked) -> "Sequence[Score]":
    from aetia.cli.models import fetch_if_known
    from aetia.seeing.smol_recipe import SmolRecipe
    from aetia.seeing.smol_shipping import finish_smol
    from aetia.seeing.smol_training import train_smol

    recipe = SmolRecipe() if asked.steps is None else SmolRecipe(reading_steps=asked.steps)
    fetch_if_known(voice, recipe.base)
    with _watching(voice) as observe:
        trained = train_smol(
            recipe, folder, seed=asked.seed, device=asked.device, resume=asked.resume, observer=observe
        )
    voice.remark(_ASKING)
    return finish_smol(trained, folder)


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _watching(voice: Voice) -> Generator["Callable[[Progress], None] | None"]:
    """Give what shows how far a training is: nothing under --json, a bar on a terminal, else lines."""
    if voice.as_json:
        yield None
    elif voice.remarks.is_terminal and not voice.remarks.is_dumb_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bar(*columns, console=voice.remarks, transient=True) as bar:
            task = bar.add_task("starting", total=None)

            def show(progress: "Progress") -> None:
                bar.update(task, description=_line(progress), completed=progress.step, total=progress.steps)
                if progress.validation is not None:
                    voice.remark(_validation(progress))

            yield show
    else:
        yield lambda progress: _say(voice, progress)


def _say(voice: Voice, progress: "Progress") -> None:
    """A tenth of a stage is a line, and so is a look at the validation scenes."""
    if progress.validation is not None:
        voice.remark(_validation(progress))
    elif progress.step % max(1, progress.steps // _LINES) == 0:
        voice.remark(f"{progress.step:,} of {progress.steps:,} steps of {_line(progress)}")


def _line(progress: "Progress") -> str:
    return f"{progress.stage}: loss {progress.loss:.3f}, right {progress.accuracy:.1%}"


def _validation(progress: "Progress") -> str:
    shares = ", ".join(f"{kind} {share:.3f}" for kind, share in (progress.validation or {}).items())
    return f"after {progress.step:,} of {progress.steps:,} steps, on validation scenes: {shares}"


def _show(voice: Voice, scores: "Sequence[Score]") -> None:
    """A row a kind: the share of right answers with the right picture and without it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    controls = list(dict.fromkeys(score.control for score in scores))
    table.add_column("kind")
    table.add_column("questions", justify="right")
    for name in controls:
        table.add_column({"none": "right picture", "blank": "blank", "shuffled": "another's"}[name], justify="right")
    table.add_column("chance", justify="right")
    for kind in dict.fromkeys(score.kind for score in scores):
        row = [score for score in scores if score.kind == kind]
        shares = [f"{score.accuracy:.3f} [{score.low:.3f}, {score.high:.3f}]" for score in row]
        table.add_row(kind, f"{row[0].count:,}", *shares, f"{row[0].chance:.3f}")
    voice.show(table)
