"""Do the numbers published with two benchmarks of causal reasoning come out of `aetia.scm.answers.exact`?

    python benchmarks/scm/published.py DATA

DATA holds `cladder/test-model-meta.json` (CLADDER's parametrised models; Jin et al., NeurIPS 2023) and `calm_lite`
(CaLM's light set; Chen et al. 2024). Neither is part of this repository.
"""

import argparse
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np

from aetia.scm.answers.exact import answer
from aetia.scm.graphs.adjustment import is_adjustment_set
from aetia.scm.graphs.graph import Graph
from aetia.scm.models.discrete import DiscreteModel, Mechanism

_CLOSE = 1e-9
_CALM = {
    "ATE": "intervention/average_treatment_effect/ATE-P_ATE",
    "CDE": "intervention/controlled_direct_effect/CDE-P_CDE",
    "ETT": "counterfactual/effect_of_the_treatment_on_the_treated/ETT-P_ETT",
    "NDE": "counterfactual/natural_direct_effect/NDE-P_NDE",
    "NIE": "counterfactual/natural_indirect_effect/NIE-P_NIE",
}
Given = frozenset[tuple[str, int]]
Numbers = Mapping[tuple[Given, Given], float]


def main() -> None:
    """Prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    cladder(json.loads((data / "cladder" / "test-model-meta.json").read_text(encoding="utf-8")))
    for effect, stem in _CALM.items():
        for level in ("basic", "hard"):
            calm(effect, level, _items(data / "calm_lite" / f"{stem}-{level}_EN.json"))


# -- CLADDER ------------------------------------------------------------------------------------


def cladder(records: list[dict]) -> None:
    """The numbers of CLADDER's models, by group of models and kind of question.

    Where a published number differs, it is compared with what comes out if a variable's parents are taken for
    independent of each other: the fault that all but a few of those numbers have.
    """
    counts = dict[tuple[str, str], Counter[str]]()
    worst = Counter[tuple[str, str]]()
    for record in records:
        model = _cladder_model(record["params"])
        for text, published in record["groundtruth"].items():
            kind = (
                "marginal"
                if re.fullmatch(r"P\(\w+=1\)", text)
                else "conditional"
                if text.startswith("P(")
                else text[:3]
            )
            place = (f"{record['graph_id']}, {record['equation_type']}", kind)
            found = float(answer(model, text.replace("(Y | X)", "(X, Y)")).value)
            here = counts.setdefault(place, Counter())
            here["all"] += 1
            if abs(found - published) < _CLOSE:
                here["agree"] += 1
                continue
            worst[place] = max(worst[place], abs(found - published))
            here["parents taken for independent"] += abs(_as_if_independent(model, text) - published) < _CLOSE
            here["other signs"] += found * published < 0
    whole = sum(counts.values(), Counter())
    print(f"CLADDER: of {whole['all']} numbers of {len(records)} models {whole['agree']} reproduce, and "
          f"{whole['parents taken for independent']} more if parents are taken for independent")  # fmt: skip
    for place, here in sorted(counts.items()):
        note = (
            f"   as if parents were independent {here['parents taken for independent']:3}, "
            f"largest difference {worst[place]:.3f}, other signs {here['other signs']}"
        )
        rest = note if here["agree"] < here["all"] else ""
        print(f"  {place[0]:26} {place[1]:12} {here['agree']:4} of {here['all']:4}{rest}")


def _as_if_independent(model: DiscreteModel, text: str) -> float:
    """A number of a model as it would be if the parents of every variable were independent of each other."""
    if text.startswith("P("):
        name, *known = re.findall(r"(\w+)=(\d)", text)
        return _chances(model, {one: float(value) for one, value in known})[name[0]]
    treated, control = (_chances(model, {"X": value}) for value in (1.0, 0.0))
    mixed = {
        "NDE": {**{name: control[name] for name in control if name not in {"X", "Y"}}, "X": 1.0},
        "NIE": {**{name: treated[name] for name in treated if name not in {"X", "Y"}}, "X": 0.0},
    }
    first = _chances(model, mixed[text[:3]]) if text[:3] in mixed else treated
    return first["Y"] - control["Y"]


def _chances(model: DiscreteModel, fixed: Mapping[str, float]) -> dict[str, float]:
    """The probability that each variable is one, passed on from parents as if these were independent."""
    found = dict[str, float]()
    for name in model.graph.order:
        mechanism = model.mechanisms[name]
        weights = mechanism.table[..., 1]
        for parent in reversed(mechanism.parents):
            weights = weights @ np.array([1 - found[parent], found[parent]])
        found[name] = fixed.get(name, float(weights))
    return found


def _cladder_model(params: Mapping[str, object]) -> DiscreteModel:
    laws = {}
    for text, numbers in params.items():
        name, *parents = re.findall(r"\w+", text)[1:]
        ones = np.array(numbers, dtype=float).reshape([2] * len(parents))
        laws[name] = (parents, np.stack([1 - ones, ones], axis=-1))
    return DiscreteModel.of(laws)


# -- CaLM ---------------------------------------------------------------------------------------


def _items(path: Path) -> list[dict]:
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if text.lstrip().startswith("[") else list(map(json.loads, text.splitlines()))


def calm(effect: str, level: str, items: list[dict]) -> None:
    """The numbers of CaLM's items: those that are zero by the graph, and those that are computed."""
    outcome = Counter[str]()
    for item in items:
        graph = _graph(item["Background"]["graph"])
        first, second = _pair(item)
        if item["gt_answer"] == 0:
            outcome["zero: " + ("agree" if _zero(effect, graph, first, second) else "differ")] += 1
            continue
        built = _question(effect, item, first, second)
        if built is None:
            outcome["computed: lacks numbers"] += 1
            continue
        model, text, adjusted, treated = built
        outcome[
            "computed: " + ("agree" if abs(float(answer(model, text).value) - item["gt_answer"]) < _CLOSE else "differ")
        ] += 1
        outcome[
            "adjustment set valid"
            if is_adjustment_set(graph, treated, second, adjusted)
            else "adjustment set not valid"
        ] += 1
    counts = ", ".join(f"{name} {count}" for name, count in sorted(outcome.items()))
    print(f"CaLM {effect} {level:5}: {len(items)} items; {counts}")


def _graph(text: str) -> Graph:
    nodes = re.search(r"nodes ([A-Z, ]+), and", text)
    assert nodes, text
    return Graph.of(re.findall(r"([A-Z])->([A-Z])", text), nodes=nodes[1].split(", "))


def _pair(item: Mapping) -> tuple[str, str]:
    """Treatment and outcome."""
    first, second = re.findall(r"treatment \(([A-Z])\).*?outcome \(([A-Z])\)", item["Reason"]["Step 1"])[0]
    return first, second


def _zero(effect: str, graph: Graph, first: str, second: str) -> bool:
    """Whether the effect is exactly zero in models of the graph with random tables."""
    do = ", ".join(f"{name}=0" for name in graph.nodes if name not in {first, second})
    text = f"{effect}({first}, {second}" + (f" | do({do}))" if effect == "CDE" else ")")
    return all(answer(_random(graph, seed), text).value == 0 for seed in range(3))


def _random(graph: Graph, seed: int) -> DiscreteModel:
    draw = np.random.default_rng(seed)
    mechanisms = {}
    for name in graph.nodes:
        parents = tuple(sorted(graph.parents[name]))
        chances = draw.integers(1, 100, size=[2] * len(parents))
        table = np.stack(
            [
                np.vectorize(lambda one: Fraction(int(one), 100), otypes=[object])(part)
                for part in (100 - chances, chances)
            ],
            axis=-1,
        )
        mechanisms[name] = Mechanism(name, parents, table)
    return DiscreteModel(dict.fromkeys(graph.nodes, (0, 1)), mechanisms)


def _question(
    effect: str, item: Mapping, first: str, second: str
) -> tuple[DiscreteModel, str, list[str], list[str]] | None:
    """A model with the item's numbers, the question in its words, the adjustment set and what is set."""
    reason = " ".join(item["Reason"].values())
    numbers = _numbers(f"{item['Background']['data_info_math']} {reason}")
    formula = next(line for line in item["Reason"].values() if line.startswith(f"{effect}="))
    adjusted = _set(reason, "backdoor adjustment")
    event = re.search(rf"P\({second}=([01])\|", formula)
    values = re.findall(rf"\b{first}=([01])", formula)
    treated = values[0] if effect != "NIE" else str(1 - int(values[0]))
    contrast = f"{first}={treated} vs {1 - int(treated)}"
    do, mediators = "", _set(reason, "mediator")
    if effect == "CDE":
        held = [part for part in re.findall(r"do\(([^)]*)\)", formula)[0].split(",") if not part.startswith(first)]
        do, mediators = (f" | do({', '.join(held)})" if held else ""), [part.split("=")[0] for part in held]
    assert event, formula
    names = "; " + ", ".join(mediators) if mediators and effect in {"NDE", "NIE"} else ""
    kind = "ATE" if effect == "CDE" and not do else effect
    model = _calm_model(numbers, adjusted, first, mediators, second)
    text = f"{kind}({contrast}, {second}={event[1]}{names}{do})"
    return None if model is None else (model, text, adjusted, [first, *(mediators if effect == "CDE" else [])])


def _set(reason: str, kind: str) -> list[str]:
    found = re.search(rf"valid {kind} set: \{{([A-Z, ]+)\}}", reason)
    return re.findall("[A-Z]", found[1]) if found else []


def _numbers(text: str) -> Numbers:
    """Every probability that the item states, by what it is of and what it is given."""
    found = {}
    for event, given, number in re.findall(r"P\(([A-Z0-9=, ]+)(?:\|([A-Z0-9=, ]+))?\)\s*=\s*([0-9.]+)", text):
        found[_values(event), _values(given)] = float(number.rstrip("."))
    return found


def _values(text: str) -> Given:
    return frozenset((name, int(value)) for name, value in re.findall(r"([A-Z])=([01])", text))


def _calm_model(
    numbers: Numbers, adjusted: list[str], first: str, mediators: list[str], second: str
) -> DiscreteModel | None:
    """The joint distribution over the variables that the item speaks of, in the order that its formula takes them.

    What the item does not say (how many are treated, for one) does not matter to its answer; it is one half here.
    """
    laws = dict[str, tuple[list[str], np.ndarray]]()
    by_treatment = any(_values_of(given) == {first} and _values_of(event) & set(adjusted) for event, given in numbers)
    order = [first, *adjusted] if by_treatment else [*adjusted, first]
    for place, name in enumerate([*order, *mediators, second]):
        parents = [*order, *mediators][:place]
        table = np.full([2] * len(parents) + [2], 0.5)
        for values in itertools.product((0, 1), repeat=len(parents)):
            chance = _chance(numbers, name, dict(zip(parents, values, strict=True)))
            if chance is None and name == second:
                chance = 0.5
            if chance is not None:
                table[values] = 1 - chance, chance
        laws[name] = (parents, table)
    if by_treatment:
        laws = _turned(laws, first, adjusted)
    return DiscreteModel.of(laws)


def _values_of(given: Given) -> set[str]:
    return {name for name, _ in given}


def _chance(numbers: Numbers, name: str, parents: Mapping[str, int]) -> float | None:
    """The probability that a variable is one, from the statement that names the most of its parents."""
    for given in _parts(parents):
        for value in (1, 0):
            number = numbers.get((frozenset({(name, value)}), given))
            if number is not None:
                return number if value else 1 - number
    return None


def _parts(parents: Mapping[str, int]) -> Iterator[Given]:
    for count in range(len(parents), -1, -1):
        yield from map(frozenset, itertools.combinations(parents.items(), count))


def _turned(laws: dict[str, tuple[list[str], np.ndarray]], first: str, adjusted: list[str]) -> dict:
    """The same joint distribution with the treatment after what is adjusted for, which is what causes it."""
    model = DiscreteModel.of({name: laws[name] for name in [first, *adjusted]})
    joint = model.joint([*adjusted, first]).values
    for place, name in enumerate([*adjusted, first]):
        known = joint.sum(axis=tuple(range(place + 1, joint.ndim)))
        laws[name] = ([*adjusted, first][:place], known / known.sum(axis=-1, keepdims=True))
    return laws


if __name__ == "__main__":
    main()
