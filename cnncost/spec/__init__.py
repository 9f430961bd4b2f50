"""From YAML text to a graph.

    document.py    text -> nodes with places, errors that quote them
    expression.py  arithmetic by a whitelist
    grammar.py     nodes -> families, blocks, steps
    expand.py      a family and parameters -> Graph
    zoo.py         names, files, variants, overrides
    schema.py      the JSON Schema of a spec

Costs, formats and PyTorch do not enter this room.
"""

from cnncost.spec.zoo import load

__all__ = ["load"]
