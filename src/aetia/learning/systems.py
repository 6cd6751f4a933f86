"""Which learned programs are systems whose causes are known?

A program that gradient descent has found is as exact as one that was written by hand: compiled, it is a network whose
circuit is the program's, including whatever the program does in a roundabout way.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np

from aetia.errors import StudyError
from aetia.learning.files import LearnedProgram, shipped_program
from aetia.learning.tasks import Task, task_names
from aetia.truth.compile import compile_program
from aetia.truth.program import Program, run
from aetia.truth.systems import TruthSystem
from aetia.truth.tasks import Pair
from aetia.truth.tasks import Task as TruthTask

__all__ = ["answers_of", "learned_system", "learned_systems"]

_HEADS = 4  # a layer, in all truth systems; one of them at least is a distractor


def learned_systems() -> tuple[str, ...]:
    """The tasks for which a learned program comes with the package."""
    return task_names()


def learned_system(learned: str | LearnedProgram, seed: int = 0, *, slot: int | None = None) -> TruthSystem:
    """The learned program of a task as a network whose causes are known.

    A contrast is two prompts that differ in one letter of the input, so that the program's own answers at the slot
    differ; they are answer and foil, right or wrong. True causes and effects come from the program.

    Args:
        learned: A task, for the program that comes with the package; or a program of yours.
        seed: Of the head slots and of the distractors.
        slot: Which answer is asked for, 0 to n - 1; by default the last one.

    Raises:
        StudyError: AE-1801 if there is no such task; AE-1805 if a layer of the program has more than three heads, if
            there is no such slot, or if the program's answer at it is the same for all inputs.
    """
    learned = shipped_program(learned) if isinstance(learned, str) else learned
    task = learned.task
    slot = task.size - 1 if slot is None else slot
    random = np.random.default_rng([seed, *task.name.encode()])
    program = _scattered(learned.program, random)
    draw = _drawing(task, program, slot)
    asked = TruthTask(f"{task.question}: answer {slot + 1} of {task.size}", lambda _: program, draw)
    compiled = compile_program(program, heads=_HEADS, seed=int(random.integers(2**31)))
    return TruthSystem(f"learned-{task.name}", asked, compiled)


@cache
def answers_of(task: Task, program: Program) -> dict[tuple[str, ...], tuple[str, ...]]:
    """The program's n answers to every input of the task."""
    found = {}
    for letters in task.inputs:
        logits = run(program, program.token_ids(task.prompt(letters))).logits[-task.size :]
        found[letters] = tuple(program.vocabulary[token] for token in logits.argmax(1))
    return found


def _drawing(task: Task, program: Program, slot: int) -> Callable[[np.random.Generator], Pair]:
    """How to draw two inputs that differ in one letter and in the program's answer at `slot`."""
    if not 0 <= slot < task.size:
        raise _unusable(f"asks for answer {slot} of {task.size}", f"ask for one of 0 to {task.size - 1}")
    answers = {letters: given[slot] for letters, given in answers_of(task, program).items()}
    pairs = [
        (letters, other, place)
        for letters in task.inputs
        for place in range(task.size)
        for other in ((*letters[:place], letter, *letters[place + 1 :]) for letter in task.letters)
        if answers[other] != answers[letters]
    ]
    if not pairs:
        raise _unusable(f"gives the same answer {slot} to all inputs", "train it for longer, or ask for another answer")

    def draw(random: np.random.Generator) -> Pair:
        clean, corrupted, place = pairs[int(random.integers(len(pairs)))]
        words = (task.prompt(clean, slot + 1)[1:], task.prompt(corrupted, slot + 1)[1:])
        return Pair(*words, answers[clean], answers[corrupted], {"changed": place + 1})

    return draw


def _scattered(program: Program, random: np.random.Generator) -> Program:
    """The same program with the heads of each layer in slots drawn at random, so that a slot says nothing."""
    layers = []
    for layer in program.layers:
        if len(layer.heads) >= _HEADS:
            raise _unusable(f"has {len(layer.heads)} heads in a layer", f"train one with at most {_HEADS - 1}")
        slots = [*layer.heads, *[None] * (_HEADS - len(layer.heads))]
        layers.append(replace(layer, heads=tuple(slots[number] for number in random.permutation(_HEADS))))
    return replace(program, layers=tuple(layers))


def _unusable(found: str, mend: str) -> StudyError:
    return StudyError("AE-1805", f"The learned system {found}.", mend=f"{mend}.")
