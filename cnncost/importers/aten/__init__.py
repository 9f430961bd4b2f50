"""An nn.Module as a graph.

    exported.py     an nn.Module -> the operators that it calls: torch.export, torch.fx, one run, in turn
    waiting.py      progress while an import works, and how long a road may take
    failures.py     what is said where a module does not come in
    autograd.py     what its code says to autograd: checkpoints, functions and hooks of its own
    recording.py    one run, every call written down with its module and its line
    program.py      such calls, whichever road they came by: what a conversion reads
    unbatched.py    windows over one map, its batch of one written in
    lifetimes.py    how long values live in the module's own code
    untouched.py    that the module is left as it was
    convert.py      PyTorch's operators -> Graph: what is constant, what is called what
    weights.py      every parameter and buffer once: which calls read it, what no node has stands by itself
    unregistered.py layers in a plain list, whose parameters PyTorch does not know
    element_types.py  the types of tensors and of weights
    values.py       what stands at a call: its arguments, its tensors and their shapes
    written.py      how the code writes a call: as a layer, a function, by name, by an operator
    writes.py       what is written in place, and who reads it later
    translation.py  what a translation is
    patterns.py     layers that PyTorch writes as several calls: the local response norm
    general.py      operators that no table names: by what PyTorch says of them
    table.py        what each operator is in ours, put together from layers, recurrent, sampling,
                    windows, activations, arithmetic, products and moves

A new operator is one function in its kind's file, and one entry in the table at its end.
"""
