"""Reports -> tables -> text, Markdown, CSV, LaTeX, JSON.

    grid.py      a table as data: what every format draws
    layers.py    report -> the lecture's table
    zoo.py       the models there are
    tree.py      a graph as a tree of blocks
    facts.py     where a model comes from, and what is published of it
    reconcile.py the way from MACs to every convention's total
    working.py   how figures come about: a layer's working, a model's kins
    compare.py   models side by side
    memory.py    what is alive when; a training step part by part
    training_plan.py  a training step that fits, and its recipe
    deployment.py  what a runtime needs, tensor by tensor
    verify.py    the analysis against PyTorch, layer by layer
    measure.py   latency and memory as measured
    training_run.py  device-hours, energy and money of a training
    predict.py   latency as predicted, or bounded, for a device
    text.py markdown.py csv.py latex.py   one format each
    paper.py     what a paper asks of a table: columns, caption, label, width
    mathematics.py   a working as TeX mathematics
    fit.py wrap.py plain.py   a table, a text and its characters for the terminal that is there
    output_schema.py   the JSON Schema of what commands write
    unknown.py   how figures without an operator of unknown cost are marked
    answer.py    what a function gives back: tables and their document
    notebook.py  a table as HTML for a notebook
    output.py    the choice of a format, and of standard output or a file

Nothing here computes a cost.
"""
