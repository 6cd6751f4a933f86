"""`aetia trace`: which sites of a language model cause its answer?"""

import click

from aetia.cli.asking import study_command

__all__ = ["command"]

command = study_command(
    "trace",
    "aetia.tracing.instrument:Trace",
    (
        click.option("--sites", metavar="LIST", help="Components, such as resid_pre,attn_out,mlp_out,z."),
        click.option("--clean", metavar="TEXT", help="One's own question: the prompt that the model answers."),
        click.option(
            "--corrupt", metavar="TEXT", help="The prompt that differs in what matters, equally long in tokens."
        ),
        click.option("--answer", metavar="TEXT", help="The answer to the clean prompt, often with a leading space."),
        click.option("--foil", metavar="TEXT", help="The answer to the corrupted prompt."),
    ),
    """Find the sites of a language model that cause its answer.

A question is a study file (TOML, YAML or JSON), or options, or a file with options that win over it:

\b
  aetia trace --contrasts capitals --items 24 --sites resid_pre,attn_out,mlp_out,z
  aetia trace --clean "The capital of France is" --corrupt "The capital of Italy is" \\
              --answer " Paris" --foil " Rome"
  aetia trace --contrasts capitals --null randomised-weights:99
  aetia trace study.toml --method zero --memory 2GB
  aetia trace --model toy-llava --image a.png --edited b.png \\
              --question "What colour is the circle?"
  aetia trace --model toy-llava --scenes edited:colour --items 60 --positions spans

Every effect is tested against a null, by default (--null auto) answers that have traded places, which costs no further
run and takes 20 items with 4 different answers; the report names only what passes.

The same study in the same directory is carried on where it was stopped.
""",
)
