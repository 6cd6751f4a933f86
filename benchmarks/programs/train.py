"""Which programs does gradient descent find, how often are they right, and how long does it take?

    export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
    export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=20000000000
    python benchmarks/programs/train.py                    # every task, seeds 0 to 2: about ten minutes on one thread
    python benchmarks/programs/train.py --tasks reverse --seeds 0
    python benchmarks/programs/train.py --write            # the programs of the package, anew from the best seed

Every program is compared with its network, with its Python source, and with the GPT-2 that it is compiled into, on all
inputs of its task. Times are processor seconds of one thread: on a shared machine the clock measures the neighbours.
On another processor rounding may lead the same seed to another program.
"""

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch

from aetia.learning import Learned, LearnedProgram, Task, learn, task_names, write_program
from aetia.learning.comparison import differences_from_network, largest_logit_gap
from aetia.truth import Program, run, to_python

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SHIPPED = Path(__file__).parents[2] / "src/aetia/learning/data"


def main() -> None:
    """Trains what was asked for, and says how it went."""
    args = _arguments()
    torch.set_num_threads(1)
    for task in args.tasks:
        found: dict[int, Learned] = {}
        for seed in args.seeds:
            start = time.process_time()
            found[seed] = learn(task, seed=seed)
            print(json.dumps(_row(found[seed], seed, time.process_time() - start)), flush=True)
        if args.write:
            # Of equally good ones the shortest: it is the one that people read.
            seed = max(found, key=lambda seed: (found[seed].exact[found[seed].best], -_parts(found[seed])))
            learned = found[seed]
            kept = LearnedProgram(learned.task, learned.program, seed, learned.exact[learned.best])
            write_program(SHIPPED / f"{task}.json", kept)


def _row(learned: Learned, seed: int, seconds: float) -> dict[str, object]:
    task, program = learned.task, learned.program
    return {
        "task": task.name,
        "letters": len(task.letters),
        "size": task.size,
        "seed": seed,
        "inputs": len(task.inputs),
        "exact": round(learned.exact[learned.best], 4),
        "answers": round(learned.right[learned.best], 4),
        "restarts_exact": sum(share == 1 for share in learned.exact),
        "restarts": len(learned.exact),
        "steps": learned.steps,
        "processor_seconds": round(seconds, 1),
        "parts": _parts(learned),
        "unlike_network": differences_from_network(learned),
        "unlike_source": _differences_from_source(task, program),
        "largest_gap_to_gpt2": largest_logit_gap(task, program),
    }


def _differences_from_source(task: Task, program: Program) -> int:
    """On how many inputs the program and its Python source differ by over 1e-9 in a logit."""
    scope: dict[str, object] = {}
    exec(compile(to_python(program), f"<program of {task.name}>", "exec"), scope)  # noqa: S102 -- our own source
    function = cast("Callable[[Sequence[str]], list[dict[str, float]]]", scope["program"])
    differing = 0
    for letters in task.inputs:
        prompt = task.prompt(letters)
        logits = [[row.get(word, 0.0) for word in program.vocabulary] for row in function(prompt)]
        expected = run(program, program.token_ids(prompt)).logits
        differing += not np.allclose(logits, expected, rtol=0, atol=1e-9)
    return differing


def _parts(learned: Learned) -> int:
    return sum(len(layer.heads) + len(layer.lookups) for layer in learned.program.layers)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", nargs="+", choices=task_names(), default=list(task_names()))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="replace the programs of the package")
    return parser.parse_args()


if __name__ == "__main__":
    main()
