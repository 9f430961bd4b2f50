"""What a framework does with a graph when it runs: kernels, buffers, strides, what is saved for backward.

    call.py       one call of an operator, and the words in which rules answer
    strides.py    how tensors lie in memory
    eager/        eager PyTorch: a rule for every operator
    plan.py       the plan of a run: kernels in order, the storages that they read and write
    lowering.py   the graph as PyTorch runs it: copies and kernels of composites as nodes of their own
    kinds.py      what class of kernel an operator runs as, and the sizes of its matrices
    memory.py     liveness: what is alive when, the peak, the largest batch
    fits.py       the largest batches that fit into so many bytes
    autocast.py   mixed precision: which operators run in two bytes
    casts.py      what autocast casts of a step's weights
    freezing.py   layers that are not trained
    quantising.py bits of tensors, by patterns of names
    training.py   memory of a training step: weights, gradients, optimizer, peak
    step.py       the step itself, tensor by tensor: forward and backward
    gradients.py  gradients that are summed or cast before they arrive
    parts.py      parts that one call cuts a tensor into: their gradients wait for each other
    parallel.py   buckets of gradients where several processes train
    reach.py      kernels whose gradients are never made
    rerun.py      checkpoints of a step: what they keep, and their second run
    loss.py       what a loss makes and keeps
    checkpoint.py stretches that run again in the backward pass
    chain.py      the cheapest checkpoints of a chain of pieces, by dynamic programming
    budget.py     a training step that keeps a limit: checkpoints, micro-batches
    ledger.py     which tensors are alive, and the most there ever were
    storages.py   in which storage a value lives while a network is trained

No formula of a paper, no convention, no text; no PyTorch either: it is described, not run.
"""
