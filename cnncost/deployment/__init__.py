"""What an inference runtime needs to run a network: an arena for its tensors, flash for its weights.

    runtime.py   what a runtime is: kernels, what it folds and fuses, how it plans
    runtimes/    one file per runtime, by its own documents
    lowering.py  a graph as a runtime's steps
    program.py   the steps, and the tensors that follow from an order of execution
    arena.py     addresses: greedy by size, shared objects, and what none can go below
    order.py     other orders of execution, which may need less
    patches.py   the first stages patch by patch
    largest.py   the largest input and width that fit
    deploy.py    all of it for one network

Neither TensorFlow nor PyTorch is asked: runtimes are described, not run.
"""
