"""Does every generated task keep what all of them promise?"""

import pytest

from aetia.evals.conformance import faults_of
from aetia.evals.task import task_named, tasks

GENERATED = [task.name for task in tasks() if task.is_generated]


@pytest.mark.parametrize("name", GENERATED)
def test_a_task_is_readable_repeatable_balanced_and_not_to_be_guessed(name):
    assert faults_of(task_named(name), items=24, blind_items=400) == ()
