"""An ONNX file as a graph.

    reading.py      a file -> its model, without the weights
    inputs.py       what it is given: sizes, and which axis is the batch
    importing.py    its graph: for every batch, for one, or as the file is written
    tensors.py      the shape of every tensor, and the values of the small constant ones
    element_types.py  the types of tensors and of stored weights
    patterns.py     operators that exporters spell out: silu, gelu, mish, hardswish, lrn
    naming.py       what a node is called: the module it comes from
    reads.py        what nodes read, and which of them the outputs need
    convert.py      ONNX's operators -> Graph: what is constant, what is learned, what is called what
    translation.py  what a translation is, and a node's attributes
    running.py      shapes that one run of onnxruntime shows, where inference gives none
    loops.py        If, Loop and Scan, turn by turn
    given_shapes.py  shapes that ONNX's inference does not know
    quantisation.py  where quantised operators have their weights and scales
    table.py        what each operator is in ours, put together from layers, recurrent, quantised, windows,
                    sampling, activations, arithmetic, products, moves, contrib (onnxruntime's own), and
                    general, which knows the cost of those that have no name here

Shapes are those of the package `onnx`, inferred node by node with the import's batch. Weights are not
read, but for the few that shapes depend on. A new operator is one function in its kind's file, and one
entry in the table at its end. Nothing here imports torch.
"""
