"""The Tuebingen pairs: of two measured quantities, which is the cause?"""

from collections.abc import Iterator
from pathlib import Path

from aetia.evals.item import Item
from aetia.evals.published._folder import csv_rows
from aetia.evals.published._items import placed
from aetia.evals.task import Published, Tags, Target, Task

_LICENCE = "MIT"
_HOME = "https://github.com/py-why/pywhy-llm (docs/notebooks/tuebingen_causality_pairs)"
_FILE = "tuebingen_pairs.csv"
_DIGESTS = {
    "tuebingen_pairs.csv": "40937e91641f999209f22c72b5453260571f9c194b971459c840e99d8073f7a6",
}
_FORWARD, _BACKWARD = "R", "L"


def _read(folder: Path) -> Iterator[Item]:
    for row in csv_rows(folder / _FILE):
        first, second = row.text("var1").strip(), row.text("var2").strip()
        told = (f"{name}: {row.text(field).strip()}" for name, field in ((first, "var1_desc"), (second, "var2_desc")))
        item = Item(
            task="tuebingen/pairs",
            context="\n".join(told),
            question="Which cause-and-effect relationship is more likely?",
            form="choice",
            label=row.one_of({" R": "1", " L": "2", "R": "1", "L": "2"}, "ground_truth"),
            options=(f"{first} causes {second}", f"{second} causes {first}"),
            facts={
                "pair": row.text(""),
                "variables": [first, second],
                "forward": row.integer("truth_ab"),
                "backward": row.integer("truth_ba"),
            },
            cluster=f"tuebingen:{' '.join(row.text('context').split()[3:15])}",
        )
        yield placed(item, row, folder, _LICENCE)


def direction_faults(item: Item) -> tuple[str, ...]:
    """What is wrong with a pair: its three statements of the direction disagree, or both variables have one name."""
    faults: list[str] = []
    if (item.facts["forward"], item.facts["backward"]) != ((1, 0) if item.label == "1" else (0, 1)):
        faults.append("truth_ab and truth_ba do not say what ground_truth says")
    variables = item.facts["variables"]
    if isinstance(variables, list) and variables[0] == variables[1]:
        faults.append(f"both variables are called {variables[0]}, so the options cannot be told apart")
    return tuple(faults)


TASKS = (
    Task(
        name="tuebingen/pairs",
        asks="Of two measured quantities, which is the cause?",
        target=Target("discovery", "PCD", "choice"),
        source=Published("tuebingen", _DIGESTS, _read, _HOME, _LICENCE, direction_faults),
        chance=0.5,
        tags=Tags(("world knowledge",), "knowledge"),
        seeds=("056",),
        citation="Mooij et al., Distinguishing Cause from Effect Using Observational Data, JMLR 2016; pywhy-llm",
    ),
)
