"""From a graph to a report.

    cost.py        analyze: every node's and the whole's quantities
    conventions.py what counts as a parameter, an operation, memory: data, not code
    rivals.py      what other programs make of every operator, a line each
    bops.py        bit operations of MACs by the bits of what they multiply
    features.py    whole numbers of a node that conventions count with
    reconcile.py   from the MACs to every convention's total, term by term
    fold.py        batch norms folded into the layers before them
    quantities.py  what every node costs
    grouping.py    which nodes make a row: op, layer, block, stage
    backward.py   what the backward pass multiplies
    rows.py        costs of nodes -> rows
    receptive.py   receptive field and jump on any DAG
    positions.py   which positions of the input the axes of a tensor stand for, through views and moves
    sweep.py       totals over arrays of batch and resolution
    published.py   published figures against what is counted
    roofline.py    what a device's peak and bandwidth allow
    explain.py     the working of every figure of a layer
    letters.py     operators and shapes whose sizes are traced under their letters
    traced.py      numbers that remember how they came about

No file, no text layout, no PyTorch.
"""

from cnncost.analysis.cost import analyze

__all__ = ["analyze"]
