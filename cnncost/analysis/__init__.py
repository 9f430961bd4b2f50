"""From a graph to a report.

    cost.py        analyze: every node's and the whole's quantities
    conventions.py what counts as a parameter, an operation, memory: data, not code
    features.py    whole numbers of a node that conventions count with
    reconcile.py   from the MACs to every convention's total, term by term
    fold.py        batch norms folded into the layers before them
    quantities.py  what every node costs
    grouping.py    which nodes make a row: op, layer, block, stage
    rows.py        costs of nodes -> rows
    receptive.py   receptive field and jump on any DAG
    sweep.py       totals over arrays of batch and resolution
    published.py   published figures against what is counted
    roofline.py    what a device's peak and bandwidth allow
    layout.py      how values lie in memory, and the copies that follow from it
    memory.py      liveness: what is alive when, the peak, the largest batch
    training.py    memory of a training step: weights, gradients, optimizer, peak
    step.py        the step itself, tensor by tensor: forward and backward
    ledger.py      which tensors are alive, and the most there ever were
    storages.py    whose memory a value lives in while a network is trained
    explain.py     the working of every figure of a layer
    traced.py      numbers that remember how they came about

No file, no text layout, no PyTorch.
"""

from cnncost.analysis.cost import analyze

__all__ = ["analyze"]
