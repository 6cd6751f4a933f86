"""Explicit causal models, exact: graphs, structural models, questions, formulas, bounds, causes of single cases.

`aetia.scm.actual` and `aetia.scm.diagrams` are rooms of their own: actual causes, and string diagrams.
"""

from aetia.scm.answers.exact import answer
from aetia.scm.bounding import Bounds, Experiment, Law, bounds
from aetia.scm.graphs.adjustment import (
    adjustment_sets,
    efficient_adjustment_set,
    is_adjustment_set,
    minimal_adjustment_sets,
)
from aetia.scm.graphs.equivalence import are_equivalent, cpdag_of, dags_of
from aetia.scm.graphs.front_door import front_door_sets, instruments
from aetia.scm.graphs.graph import Edge, Graph, Mark
from aetia.scm.graphs.interchange import (
    graph_from_dagitty,
    graph_from_dot,
    graph_from_json,
    graph_from_networkx,
    graph_to_dagitty,
    graph_to_dot,
    graph_to_json,
    graph_to_networkx,
)
from aetia.scm.graphs.notation import graph_from_text
from aetia.scm.graphs.pag import pag_of
from aetia.scm.graphs.projection import projected
from aetia.scm.graphs.separation import connecting_path, markov_blanket, separated
from aetia.scm.graphs.timeseries import TimeSeriesGraph, series_from_text
from aetia.scm.identification import Evidence, Identification, identify
from aetia.scm.identification.counterfactuals import CounterfactualFormula, identify_counterfactual
from aetia.scm.language.derivation import Answer, Step
from aetia.scm.language.printing import to_latex, to_text
from aetia.scm.models.discrete import DiscreteModel
from aetia.scm.models.equations import model_from_equations
from aetia.scm.models.evaluation import evaluate
from aetia.scm.models.fitting import fit_discrete, fit_linear
from aetia.scm.models.functional import FunctionalModel
from aetia.scm.models.linear import LinearModel
from aetia.scm.models.modelfile import read_model, write_model
from aetia.scm.models.sampling import estimate, sample
from aetia.scm.pictures.drawing import graph_svg
from aetia.scm.queries.grammar import parse_query

__all__ = [
    "Answer",
    "Bounds",
    "CounterfactualFormula",
    "DiscreteModel",
    "Edge",
    "Evidence",
    "Experiment",
    "FunctionalModel",
    "Graph",
    "Identification",
    "Law",
    "LinearModel",
    "Mark",
    "Step",
    "TimeSeriesGraph",
    "adjustment_sets",
    "answer",
    "are_equivalent",
    "bounds",
    "connecting_path",
    "cpdag_of",
    "dags_of",
    "efficient_adjustment_set",
    "estimate",
    "evaluate",
    "fit_discrete",
    "fit_linear",
    "front_door_sets",
    "graph_from_dagitty",
    "graph_from_dot",
    "graph_from_json",
    "graph_from_networkx",
    "graph_from_text",
    "graph_svg",
    "graph_to_dagitty",
    "graph_to_dot",
    "graph_to_json",
    "graph_to_networkx",
    "identify",
    "identify_counterfactual",
    "instruments",
    "is_adjustment_set",
    "markov_blanket",
    "minimal_adjustment_sets",
    "model_from_equations",
    "pag_of",
    "parse_query",
    "projected",
    "read_model",
    "sample",
    "separated",
    "series_from_text",
    "to_latex",
    "to_text",
    "write_model",
]
