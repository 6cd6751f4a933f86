"""`aetia circuit`: which nodes or edges of a language model carry its answer?"""

import click

from aetia.cli.asking import study_command

__all__ = ["command"]

command = study_command(
    "circuit",
    "aetia.circuits.instrument:Circuits",
    (
        click.option(
            "--method", metavar="NAME", help="eap, eap-ig-inputs, patching, cd-t, acdc ... [default: eap-ig-inputs]"
        ),
        click.option(
            "--granularity", metavar="WHAT", help="nodes or edges. [default: nodes where the method scores them]"
        ),
        click.option("--null", metavar="NAME:DRAWS", help="What an effect would be by chance; none to leave it out."),
        click.option(
            "--other", metavar="NAME|FILE", help="Contrasts of a task that ablating the circuit should leave alone."
        ),
    ),
    """Find the circuit of a language model that carries its answer.

A question is a study file (TOML, YAML or JSON), or options, or a file with options that win over it:

\b
  aetia circuit --contrasts ioi --method eap-ig-inputs --items 24
  aetia circuit --contrasts ioi --method patching --null randomised-weights:19
  aetia circuit --contrasts capitals --granularity edges --candidates 200 --other agreement
  aetia circuit --contrasts capitals --method acdc --threshold 0.5 --candidates 200 --null none

Half of the items choose the circuit and the other half judge it: its faithfulness, CPR, CMD, completeness and
minimality. Nodes or edges are tested against a null, which runs all of it again: --dry-run says at what cost.

The same study in the same directory is carried on where it was stopped.
""",
)
