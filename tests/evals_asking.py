"""What does a task's engine say of an item?"""

from aetia.evals.item import Item
from aetia.evals.task import Task


def answered(task: Task, item: Item) -> str:
    """The engine's answer, for tasks that have one."""
    assert task.engine is not None
    return task.engine(item)
