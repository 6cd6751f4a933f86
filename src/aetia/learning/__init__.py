"""Programs that are learned: a discrete transformer trained by gradient descent and turned into readable source.

Names are imported when they are first used: tasks and shipped programs need no torch.
"""

from typing import TYPE_CHECKING

from aetia.lazy import names_from

if TYPE_CHECKING:
    from aetia.learning.files import LearnedProgram, read_program, shipped_program, write_program
    from aetia.learning.recipe import RECIPES, Progress, Recipe
    from aetia.learning.systems import learned_system, learned_systems
    from aetia.learning.tasks import Task, get_task, task_names
    from aetia.learning.training import Learned, learn, train_program

__all__ = [
    "RECIPES",
    "Learned",
    "LearnedProgram",
    "Progress",
    "Recipe",
    "Task",
    "get_task",
    "learn",
    "learned_system",
    "learned_systems",
    "read_program",
    "shipped_program",
    "task_names",
    "train_program",
    "write_program",
]

_HOMES = {
    "files": ("LearnedProgram", "read_program", "shipped_program", "write_program"),
    "recipe": ("RECIPES", "Progress", "Recipe"),
    "systems": ("learned_system", "learned_systems"),
    "tasks": ("Task", "get_task", "task_names"),
    "training": ("Learned", "learn", "train_program"),
}

__getattr__ = names_from(__name__, _HOMES)
