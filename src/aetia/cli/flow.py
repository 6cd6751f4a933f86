"""`aetia flow`, `aetia pathways`, `aetia mediation`: how does what a prompt or a picture says reach the answer?"""

import click

from aetia.cli.asking import study_command

__all__ = ["flow", "mediation", "pathways"]

flow = study_command(
    "flow",
    "aetia.flow.instrument:Flow",
    (click.option("--edges", metavar="LIST", help="What is cut, such as image->last,question->last."),),
    """Cut what one part of a prompt may read of another.

Layer by layer: what does the answer lose?

\b
  aetia flow --model toy-llava --scenes edited:shape --items 40 --edges "object->last,background->last"

Every cut is compared with one of as many random keys of the same kind or, where it leaves too few of these, with what
it does to the answers once these have traded places.
""",
)

pathways = study_command(
    "pathways",
    "aetia.flow.pathway_instrument:Pathways",
    (click.option("--keep", metavar="SHARE", help="Of the answer's probability, on held-out items. [default: 0.9]"),),
    """Keep only the reads that the answer needs.

They are found on one half of the items and tested on the other: do they keep enough, more than random reads, of an
answer that the model knows?

\b
  aetia pathways --model toy-llava --scenes edited:shape --items 60
""",
)

mediation = study_command(
    "mediation",
    "aetia.flow.mediation_instrument:Mediation",
    (click.option("--mediators", metavar="LIST", help="Groups that the effect may pass through. [default: question]"),),
    """Split what an edit does to the answer into its paths.

What the last position reads of it directly, what reaches it through other positions, and what is there without a
picture at all.

\b
  aetia mediation --model toy-llava --scenes edited:colour --items 40
""",
)
