"""`aetia map`: which part of a picture does an answer rest on, and which map of it may be trusted?"""

import click

from aetia.cli.asking import StudyCommand, ask_study, question_options, run_options

__all__ = ["command"]


@click.command("map", cls=StudyCommand, implementation="aetia.maps.instrument:Maps")
@question_options
@click.option("--maps", metavar="LIST", help="Maps, such as occlusion,attention,tam; all takes every one.")
@run_options
def command(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: str | int | None,
) -> int:
    """Draw maps over a picture, and test each of them.

    A map passes if the answer is lost without the cells that it names, more than without random ones.

    \b
      aetia map --model toy-llava --image a.png --question "What colour is the circle?" --maps all
      aetia map --model toy-llava --scenes edited:colour --items 40 --maps occlusion,attention,tam

    Every map is compared with random maps of equal area; a set of items gives a verdict, one picture an anecdote.
    """  # noqa: D301  click leaves the lines after its mark as they are
    if options.get("maps") == "all":
        from aetia.maps.names import DEFAULT_MAPS

        options["maps"] = ",".join(DEFAULT_MAPS)
    return ask_study("map", study_file, options, settings, out=out, workers=workers, dry_run=dry_run, as_json=as_json)
