"""What happens in one concrete case, and what would have happened had some variables been set otherwise?

Worlds are evaluated in batches: a row of integers a world, a column a variable, -1 where a variable is left to its
equation. A search over contingencies is then a few lookups in tables for all contingencies at once.

    W worlds, V variables
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aetia.errors import CausalModelError
from aetia.scm.language.query import Value
from aetia.scm.models.discrete import DiscreteModel, Mechanism
from aetia.scm.models.equations import formula_of

__all__ = ["Event", "Setting"]

Event = Mapping[str, Value] | str
"""What is to be explained: values that hold together, or an expression that is true (`FF == 1 or Smoke == 1`)."""


@dataclass(frozen=True)
class Setting:
    """A functional model in a context: all that is so, and all that would be under an intervention.

    The roots of the model are set by the context. They can be causes like every other variable: a context says what
    they are, not that they could not have been otherwise.

    Args:
        model: The model; every variable with parents is determined by them.
        context: A value for every root.

    Raises:
        CausalModelError: AE-7611 the model leaves chance to a variable with parents; AE-7612 a root has no value, or
            a name or value is unknown.
    """

    model: DiscreteModel
    context: Mapping[str, Value]

    def __post_init__(self) -> None:
        chancy = [name for name, one in self.model.mechanisms.items() if one.parents and not one.is_deterministic]
        if chancy:
            mend = "give the variable an equation, and its chance to a root of its own."
            raise CausalModelError("AE-7611", f"{chancy[0]} is not determined by its parents.", mend=mend)
        roots = [name for name, one in self.model.mechanisms.items() if not one.parents]
        missing = [name for name in roots if name not in self.context]
        if missing:
            found = f"The context does not say what {', '.join(missing)} was."
            raise CausalModelError("AE-7612", found, mend=f"give every root a value: {', '.join(roots)}.")
        self.codes(self.context)
        wrong = [name for name, value in self.context.items() if self.actual[name] != value]
        if wrong:
            found = f"{wrong[0]} would be {self.actual[wrong[0]]} in this context, not {self.context[wrong[0]]}."
            raise CausalModelError("AE-7612", found, mend="say what the roots were; the rest follows from them.")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables, causes before effects: the columns of a batch of worlds."""
        return self.model.graph.order

    @cached_property
    def column(self) -> Mapping[str, int]:
        """The column of each variable."""
        return {name: place for place, name in enumerate(self.variables)}

    @cached_property
    def _tables(self) -> tuple[tuple[tuple[int, ...], np.ndarray], ...]:
        """Of each variable its parents' columns and its value's index for each combination of theirs."""
        found = []
        for name in self.variables:
            mechanism = self.model.mechanisms[name]
            if mechanism.parents:
                table = np.asarray(mechanism.table == 1).argmax(axis=-1)
            else:
                table = np.array(self.model.values[name].index(self.context[name]))
            found.append((tuple(self.column[parent] for parent in mechanism.parents), table))
        return tuple(found)

    @cached_property
    def actual_codes(self) -> np.ndarray:
        """The index of the value of every variable as it was, [V]."""
        return self.worlds(np.full((1, len(self.variables)), -1))[0]

    @cached_property
    def actual(self) -> Mapping[str, Value]:
        """Every variable as it was."""
        return self.world(self.actual_codes)

    def world(self, codes: np.ndarray) -> dict[str, Value]:
        """The values of one world, [V] indices."""
        return {name: self.model.values[name][codes[place]] for place, name in enumerate(self.variables)}

    def worlds(self, forced: np.ndarray) -> np.ndarray:
        """All variables' value indices in each world, [W, V].

        Args:
            forced: The index of the value that a variable is set to, [W, V]; -1 leaves it to its equation.
        """
        found = np.empty_like(forced)
        for place, (parents, table) in enumerate(self._tables):
            natural = table[tuple(found[:, parent] for parent in parents)]
            found[:, place] = np.where(forced[:, place] < 0, natural, forced[:, place])
        return found

    def under(self, intervention: Mapping[str, Value]) -> dict[str, Value]:
        """Every variable, had these been set to these values."""
        forced = np.full((1, len(self.variables)), -1)
        for name, code in self.codes(intervention).items():
            forced[0, self.column[name]] = code
        return self.world(self.worlds(forced)[0])

    def doing(self, action: Mapping[str, Value]) -> "Setting":
        """The case in which these variables are set to these values, whatever would have set them."""
        codes = self.codes(action)
        tables = {name: Mechanism(name, (), np.eye(len(self.model.values[name]))[code]) for name, code in codes.items()}
        model = DiscreteModel(self.model.values, {**self.model.mechanisms, **tables}, self.model.latent)
        return Setting(model, {**self.context, **action})

    def codes(self, assignment: Mapping[str, Value]) -> dict[str, int]:
        """The indices of these values.

        Raises:
            CausalModelError: AE-7612 a variable or value is unknown.
        """
        for name, value in assignment.items():
            if name not in self.model.values:
                mend = f"use one of {', '.join(self.model.values)}."
                raise CausalModelError("AE-7612", f"There is no variable {name} in the model.", mend=mend)
            if value not in self.model.values[name]:
                mend = f"use one of {', '.join(map(str, self.model.values[name]))}."
                raise CausalModelError("AE-7612", f"{name} cannot be {value}.", mend=mend)
        return {name: self.model.values[name].index(value) for name, value in assignment.items()}

    def reader(self, event: Event) -> tuple[tuple[str, ...], Callable[[np.ndarray], np.ndarray]]:
        """The variables that an event is about, and whether it holds in each of these worlds: [W, V] -> [W] bool.

        Raises:
            CausalModelError: AE-7612 a variable or value is unknown.
            QueryError: AE-7601 the expression cannot be read.
        """
        if isinstance(event, str):
            return self._expression_reader(event)
        codes = self.codes(event)
        columns = [self.column[name] for name in codes]

        def holds(worlds: np.ndarray) -> np.ndarray:
            """Whether all the values are as said."""
            return (worlds[:, columns] == list(codes.values())).all(axis=1)

        return tuple(codes), holds

    def _expression_reader(self, text: str) -> tuple[tuple[str, ...], Callable[[np.ndarray], np.ndarray]]:
        formula = formula_of(text)
        names: Sequence[str] = formula.variables
        unknown = [name for name in names if name not in self.column]
        if unknown:
            mend = f"use some of {', '.join(self.model.values)}."
            raise CausalModelError("AE-7612", f"There is no variable {unknown[0]} in the model.", mend=mend)
        columns = [self.column[name] for name in names]

        def holds(worlds: np.ndarray) -> np.ndarray:
            """Whether the expression is true; evaluated once for every combination of values that occurs."""
            rows, which = np.unique(worlds[:, columns], axis=0, return_inverse=True)
            said = [
                bool(formula({name: self.model.values[name][code] for name, code in zip(names, row, strict=True)}))
                for row in rows
            ]
            return np.array(said, dtype=bool)[which.reshape(-1)]

        return tuple(names), holds
