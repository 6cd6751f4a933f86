"""Which exact methods does `aetia scm` have, and whom does one cite for each?"""

from aetia.catalogue import Method

__all__ = ["METHODS"]

METHODS = (
    Method(
        "scm query",
        "scm",
        question="What would happen, or would have happened, in an explicit causal model?",
        seeds=(),
        citation="Pearl 2009; Balke and Pearl 1994",
        inputs="a discrete, linear or functional model and a query",
        cost="a table over the variables of the graph's treewidth",
    ),
    Method(
        "scm identify",
        "scm",
        question="Which formula in what can be observed is the effect equal to, or why is there none?",
        seeds=(),
        citation="Shpitser and Pearl 2006, 2007; Bareinboim and Pearl 2012, 2014",
        inputs="a causal graph and a query; for transport, the experiments and where populations differ",
        cost="below a millisecond for graphs of thirty variables",
    ),
    Method(
        "scm bounds",
        "scm",
        question="Between which limits must the answer lie if the model leaves it open?",
        seeds=(),
        citation="Tian and Pearl 2000; Balke and Pearl 1997",
        inputs="a discrete model or the probabilities of a graph's variables, and a query",
        cost="a linear program over the response types of what is confounded",
    ),
    Method(
        "scm why",
        "scm",
        question="Which events were the actual causes of an outcome, and how responsible is each?",
        seeds=("063",),
        citation="Halpern 2016; Chockler and Halpern 2004",
        inputs="equations, what happened, and the outcome",
        cost="grows with the contingencies of the outcome's ancestors",
    ),
    Method(
        "string diagrams",
        "scm",
        question="What is left of a causal process when a box is cut out of its string diagram?",
        seeds=("030",),
        citation="Jacobs, Kissinger and Zanasi 2021",
        inputs="a discrete model, or a diagram of channels",
        cost="products of the channels' tables",
    ),
)
