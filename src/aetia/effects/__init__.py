"""What are the results of a study, and how sure are they? The table of effects and its statistics."""

from aetia.effects.equivalence import (
    detectable_effects,
    equivalence,
    equivalent_effects,
    minimum_detectable_effect,
)
from aetia.effects.intervals import bootstrap_interval, clopper_pearson_interval, wilson_interval
from aetia.effects.permutations import paired_interval, paired_test, permutation_test, sign_flip_test
from aetia.effects.summary import summarise
from aetia.effects.table import STATISTICS, Effects
from aetia.effects.tests import (
    Correction,
    benjamini_hochberg,
    check_draws,
    cluster_means,
    draws_needed,
    holm,
    max_t,
    mcnemar,
    passes,
    t_statistics,
)

__all__ = [
    "STATISTICS",
    "Correction",
    "Effects",
    "benjamini_hochberg",
    "bootstrap_interval",
    "check_draws",
    "clopper_pearson_interval",
    "cluster_means",
    "detectable_effects",
    "draws_needed",
    "equivalence",
    "equivalent_effects",
    "holm",
    "max_t",
    "mcnemar",
    "minimum_detectable_effect",
    "paired_interval",
    "paired_test",
    "passes",
    "permutation_test",
    "sign_flip_test",
    "summarise",
    "t_statistics",
    "wilson_interval",
]
