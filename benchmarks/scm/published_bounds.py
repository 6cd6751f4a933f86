"""Do the published bounds of PN and PS come out: those of CaLM's 400 items?

    python benchmarks/scm/published_bounds.py FOLDER       the folder of CaLM-lite's data

Source: Chen et al., Causal evaluation of language models (arXiv 2405.00622); its items give the numbers that a bound
needs, and ask for one bound each.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from aetia.scm.bounding import Bounds, necessity_bounds

_TASKS = {"PN": "probability_of_necessity", "PS": "probability_of_sufficiency"}
_STATED = re.compile(r"P\(([^()|]*)(?:\|([^()]*))?\)=([0-9.]+)")
_EFFECT = re.compile(r"P\((\w)=(\d)\|do\((\w)=(\d)\)\)[^\n]*=([0-9.]+)\s*$", re.MULTILINE)


def items(folder: Path, task: str) -> Iterator[dict[str, object]]:
    """The English items of a task, basic and hard."""
    for path in sorted((folder / "counterfactual" / _TASKS[task]).glob("*_EN.json")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


def bound_of(item: dict[str, object], task: str) -> tuple[float, float]:
    """The bound that an item asks for, from its numbers, and the one it is keyed with."""
    reason, background = item["Reason"], item["Background"]
    assert isinstance(reason, dict)
    assert isinstance(background, dict)
    matched = _EFFECT.search(reason["Step 1"])
    assert matched is not None, reason["Step 1"]
    outcome, level, cause, setting, shown = matched.groups()
    stated = dict[frozenset[str], float]()
    for event, given, number in _STATED.findall(background["data_info_math"]):
        if not given:
            stated[frozenset(event.replace(" ", "").split(","))] = float(number)
    # PN asks what the cause's absence undoes; PS is PN of the outcome's absence, with the cause's absence for a cause.
    present = "1" if task == "PN" else "0"
    assert setting != present, reason
    absent = setting
    both = stated[frozenset({f"{cause}={present}", f"{outcome}={present}"})]
    happened = float(shown) if level == present else 1 - float(shown)
    neither = stated.get(frozenset({f"{cause}={absent}", f"{outcome}={absent}"}))
    total = stated.get(frozenset({f"{outcome}={present}"}))
    keyed = item["gt_answer"]
    assert isinstance(keyed, int | float)
    # An item states what its one bound needs; what the other bound needs is set to what contradicts nothing.
    is_upper = "upper bound" in str(item["Question"])
    found: Bounds = necessity_bounds(
        both=both,
        neither=neither if is_upper and neither is not None else 0.0,
        outcome=both if is_upper or total is None else total,
        without=happened,
    )
    return (found.high if is_upper else found.low), float(keyed)


def main() -> None:
    """Print how many items come out to the four decimals that they are printed with."""
    folder, matching, count = Path(sys.argv[1]), 0, 0
    for task in _TASKS:
        pairs = [bound_of(item, task) for item in items(folder, task)]
        # The inputs are rounded to four decimals, and are divided by a probability.
        right = sum(abs(found - keyed) <= 1e-4 for found, keyed in pairs)
        widest = max(abs(found - keyed) for found, keyed in pairs)
        print(f"{task}: {right} of {len(pairs)} items equal the Tian-Pearl bound; largest gap {widest:.1e}")
        matching, count = matching + right, count + len(pairs)
    print(f"PN and PS: {matching} of {count}")


if __name__ == "__main__":
    main()
