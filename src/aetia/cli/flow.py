"""`aetia flow`, `aetia pathways`, `aetia mediation`: how does what a prompt or a picture says reach the answer?"""

import click

from aetia.cli.asking import StudyCommand, ask_study, question_options, run_options

__all__ = ["flow", "mediation", "pathways"]


@click.command("flow", cls=StudyCommand, implementation="aetia.flow.instrument:Flow")
@question_options
@click.option("--edges", metavar="LIST", help="What is cut, such as image->last,question->last.")
@run_options
def flow(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: str | int | None,
) -> int:
    """Cut what one part of a prompt may read of another.

    Layer by layer: what does the answer lose?

    \b
      aetia flow --model toy-llava --scenes edited:shape --items 40 --edges "object->last,background->last"

    Every cut is compared with one of as many random keys.
    """  # noqa: D301  click leaves the lines after its mark as they are
    return ask_study("flow", study_file, options, settings, out=out, workers=workers, dry_run=dry_run, as_json=as_json)


@click.command("pathways", cls=StudyCommand, implementation="aetia.flow.pathway_instrument:Pathways")
@question_options
@click.option("--keep", metavar="SHARE", help="Of the answer's probability, while searching. [default: 0.9]")
@run_options
def pathways(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: str | int | None,
) -> int:
    """Keep only the reads that the answer needs.

    They are found on one half of the items and tested on the other.

    \b
      aetia pathways --model toy-llava --scenes edited:shape --items 60
    """  # noqa: D301  click leaves the lines after its mark as they are
    return ask_study(
        "pathways", study_file, options, settings, out=out, workers=workers, dry_run=dry_run, as_json=as_json
    )


@click.command("mediation", cls=StudyCommand, implementation="aetia.flow.mediation_instrument:Mediation")
@question_options
@click.option("--mediators", metavar="LIST", help="Groups that the effect may pass through. [default: question]")
@run_options
def mediation(
    study_file: str | None,
    settings: tuple[str, ...],
    out: str | None,
    workers: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    **options: str | int | None,
) -> int:
    """Split what an edit does to the answer into its paths.

    What the last position reads of it directly, what reaches it through other positions, and what is there without a
    picture at all.

    \b
      aetia mediation --model toy-llava --scenes edited:colour --items 40
    """  # noqa: D301  click leaves the lines after its mark as they are
    return ask_study(
        "mediation", study_file, options, settings, out=out, workers=workers, dry_run=dry_run, as_json=as_json
    )
