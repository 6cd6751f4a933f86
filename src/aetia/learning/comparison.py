"""Are a program, the network that was trained and its GPT-2 one and the same function?

All of them are run on every input of the task; nothing is sampled.
"""

import numpy as np
import torch

from aetia.learning.conversion import variable_names
from aetia.learning.network import DiscreteTransformer, Draw
from aetia.learning.tasks import Task
from aetia.learning.training import Learned
from aetia.truth.compile import compile_program
from aetia.truth.program import Program, run

__all__ = ["differences_from_network", "largest_logit_gap"]

_ROUNDING = 1e-9


def differences_from_network(learned: Learned) -> int:
    """On how many inputs program and hard network differ: in a variable's value, or by over 1e-9 in a logit."""
    network: DiscreteTransformer = learned.network
    prompts = [learned.task.token_ids(learned.task.prompt(letters)) for letters in learned.task.inputs]
    with torch.no_grad():
        variables = network.variables(torch.tensor(prompts), Draw(None))
        logits = network.logits(variables)[learned.best].numpy()
    names = variable_names(network.recipe)
    values = dict(zip(names, variables[learned.best].argmax(-1).numpy(), strict=True))
    differing = 0
    for number, prompt in enumerate(prompts):
        trace = run(learned.program, prompt)
        same = [np.array_equal(trace.values[name], values[name][number]) for name in names if name in trace.values]
        differing += not (all(same) and np.allclose(trace.logits, logits[number], rtol=0, atol=_ROUNDING))
    return differing


def largest_logit_gap(task: Task, program: Program) -> float:
    """The largest difference of a logit between the program and the GPT-2 it is compiled into, over all inputs."""
    heads = max(len(layer.heads) for layer in program.layers)
    network = compile_program(program, heads=heads + 1).network  # one for a distractor
    prompts = torch.tensor([program.token_ids(task.prompt(letters)) for letters in task.inputs])
    expected = np.stack([run(program, prompt).logits for prompt in prompts.tolist()])
    with torch.no_grad():
        logits = network.module(prompts).logits[:, :, : len(program.vocabulary)]
    return float(np.abs(logits.double().numpy() - expected).max())
