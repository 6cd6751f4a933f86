"""What has been measured: in which population, and under which experiment?"""

from dataclasses import dataclass, field

__all__ = ["OBSERVATION", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """A distribution of all variables that is known.

    Args:
        population: Whose distribution it is; empty for the population that is asked about.
        do: The variables that were set, to each of their values.
        differs: The variables that may come about in another way there than in the population asked about: those that
            the selection nodes of a selection diagram point at.
    """

    population: str = ""
    do: frozenset[str] = field(default_factory=frozenset)
    differs: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        regime = f"the experiment on {', '.join(sorted(self.do))}" if self.do else "observation"
        where = f" in {self.population}" if self.population else ""
        return f"{regime}{where}"


OBSERVATION = (Evidence(),)
"""Nothing but the observational distribution."""
