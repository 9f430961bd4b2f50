"""From YAML text to a graph.

    document.py    text -> nodes with places, errors that quote them
    expression.py  arithmetic by a whitelist
    family.py      what a spec says, as data: families, blocks, steps, values
    facts.py       the paper, and what is published: figures of a spec
    rows.py        parameters that are lists of mappings: a row per repetition
    grammar.py     nodes -> a family
    scope.py       what names and labels stand for where a step is run
    numbering.py   what nodes of one list of steps are called
    quantised.py   the bits of a step, and which of them a node has
    batches.py     that a graph holds for any batch
    expand.py      a family and its parameters' values -> Graph
    instance.py    a family, a variant and overrides -> parameters, input, Graph
    words.py       what PyTorch and Keras call it: the cures of errors
    zoo.py         names and files -> families
    schema.py      the JSON Schema of a spec

Costs, formats and PyTorch do not enter this room.
"""

from cnncost.language.zoo import load

__all__ = ["load"]
