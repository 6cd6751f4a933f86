"""`aetia map`: which part of a picture does an answer rest on, and which map of it may be trusted?"""

import click

from aetia.cli.asking import study_command

__all__ = ["command"]

command = study_command(
    "map",
    "aetia.maps.instrument:Maps",
    (click.option("--maps", metavar="LIST", help="Maps, such as occlusion,attention,tam; all takes every one."),),
    """Draw maps over a picture, and test each of them.

A map is trusted if the answer is lost without the cells that it names, more than without those that need no model.

\b
  aetia map --model toy-llava --image a.png --question "What colour is the circle?" --maps all
  aetia map --model toy-llava --scenes edited:colour --items 40 --maps occlusion,attention,tam

Every map is compared with random maps of equal area, with edges, contrast and the centre of the picture, and with the
same map of other items; a set of items gives a verdict, one picture an anecdote.
""",
)
