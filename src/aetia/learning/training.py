"""Which program does gradient descent find for a task, and on how many of the task's inputs is it right?"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from aetia.learning.conversion import to_program
from aetia.learning.network import DiscreteTransformer, Draw
from aetia.learning.readout import fitted_readout, reachable_score, score
from aetia.learning.recipe import RECIPES, Progress, Recipe
from aetia.learning.tasks import Task, get_task
from aetia.truth.program import Program

__all__ = ["Learned", "learn", "train_program"]

_LOOK_EVERY = 25  # steps between looks at what the hard networks say


@dataclass(frozen=True, eq=False)
class Learned:
    """What a training found.

    Args:
        task: The task.
        program: The best restart as a program, without the parts that its logits do not depend on.
        network: The networks of all restarts; hard, the one numbered `best` is the program.
        best: The restart that is right on most inputs.
        exact: The share of inputs all of whose answers the best restart gives, for itself and each of the others.
        right: The share of single answers, likewise.
        steps: Steps of training done.
    """

    task: Task
    program: Program
    network: DiscreteTransformer
    best: int
    exact: tuple[float, ...]
    right: tuple[float, ...]
    steps: int


def train_program(
    task: str | Task, *, seed: int = 0, recipe: Recipe | None = None, observer: Callable[[Progress], None] | None = None
) -> Program:
    """A program learned by gradient descent: discrete, readable, and equal to the network that was trained.

    It need not solve the task: `learn` says on how many inputs it does.

    Args:
        task: A name of `aetia.learning.task_names()`, or a task from `get_task`.
        seed: Of the random weights and choices; the same seed gives the same program on the same machine.
        recipe: Size and training; by default the one of `RECIPES` for the task.
        observer: Called after every step.

    Raises:
        StudyError: AE-1801 if there is no such task.

    Source: Friedman, Wettig, Chen, Learning Transformer Programs, NeurIPS 2023 (arXiv 2306.01128); seed 165.

    Example:
        >>> program = aetia.learning.train_program("reverse", seed=0)  # doctest: +SKIP
        >>> print(aetia.truth.to_python(program))  # doctest: +SKIP
    """
    return learn(task, seed=seed, recipe=recipe, observer=observer).program


def learn(
    task: str | Task, *, seed: int = 0, recipe: Recipe | None = None, observer: Callable[[Progress], None] | None = None
) -> Learned:
    """As `train_program`, with the networks and how often they are right on all inputs of the task.

    The training ends early once the hard network of a restart is right on every input.

    Raises:
        StudyError: AE-1801 if there is no such task.
    """
    task = get_task(task) if isinstance(task, str) else task
    recipe = recipe or RECIPES.get(task.name, Recipe())
    prompts, answers = _all_inputs(task)
    generator = torch.Generator().manual_seed(seed)
    network = DiscreteTransformer(recipe, len(task.vocabulary), task.length, generator)
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    steps = 0
    for step in range(recipe.steps):
        losses = _losses(network, prompts, answers, Draw(recipe.temperature(step), generator))
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        steps = step + 1
        if observer is not None:
            observer(Progress(steps, recipe.steps, recipe.temperature(step), tuple(losses.tolist())))
        if steps % _LOOK_EVERY == 0 and _is_right(network, prompts, answers).all(-1).all(-1).any():
            break
    return _finished(task, network, steps)


def _all_inputs(task: Task) -> tuple[Tensor, Tensor]:
    """Every prompt `[I, T]` and the tokens that answer it `[I, n]`."""
    prompts = [task.token_ids(task.prompt(letters)) for letters in task.inputs]
    answers = [task.token_ids(task.rule(letters)) for letters in task.inputs]
    return torch.tensor(prompts), torch.tensor(answers)


def _losses(network: DiscreteTransformer, prompts: Tensor, answers: Tensor, draw: Draw) -> Tensor:
    """The mean cross-entropy of an answer, in nats, of each restart on a batch of inputs: `[R]`."""
    if len(prompts) > network.recipe.batch:
        chosen = torch.randperm(len(prompts), generator=draw.generator)[: network.recipe.batch]
        prompts, answers = prompts[chosen], answers[chosen]
    slots = answers.shape[1]
    logits = network.logits(network.variables(prompts, draw)[:, :, :, -slots:])  # (R, B, n, V)
    wanted = answers.expand(len(logits), -1, -1)
    losses = functional.cross_entropy(logits.flatten(0, 2), wanted.flatten(), reduction="none")
    return losses.view(len(logits), -1).mean(1)


@torch.no_grad()
def _is_right(network: DiscreteTransformer, prompts: Tensor, answers: Tensor) -> Tensor:
    """Whether the hard network of each restart gives each answer: `[R, I, n]`."""
    given = network.logits(network.variables(prompts, Draw(None))[:, :, :, -answers.shape[1] :])
    return given.argmax(-1) == answers


def _finished(task: Task, network: DiscreteTransformer, steps: int) -> Learned:
    """The best restart as a program, its readout fitted again to as few variables as give as many right answers."""
    prompts, answers = _all_inputs(task)
    network.double().requires_grad_(requires_grad=False)
    variables = network.variables(prompts, Draw(None))[:, :, :, -task.size :]  # (R, N, I, n, D)
    scores = [reachable_score(one, answers, network.vocabulary) for one in variables]
    best = max(range(len(scores)), key=lambda restart: scores[restart])
    network.readout[best] = fitted_readout(variables[best], answers, network.vocabulary)
    scores[best] = score(torch.einsum("nisd,ndv->isv", variables[best], network.readout[best]), answers)
    exact = tuple(inputs / len(answers) for inputs, _ in scores)
    right = tuple(single / answers.numel() for _, single in scores)
    return Learned(task, to_program(network, best, task.vocabulary), network, best, exact, right, steps)
