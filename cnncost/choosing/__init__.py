"""Choosing: which networks keep a budget, and which of those nothing beats.

    front.py       the Pareto front of any number of objectives
    candidates.py  networks that can be picked: of the zoo, of files
    pretrained.py  networks that can be picked without building them: torchvision's and timm's, published
                   accuracies (accuracies.csv) beside our counts at the published crop (counts.csv)
    pick.py        the candidates that keep every limit, the front of them, the nearest misses
    grids.py       that as tables

    axes.py        what is varied: every parameter of a spec is an axis; the space of all settings
    straight.py    which steps of a spec stand alone
    counting.py    what such pieces cost, each counted once, all sizes of the input in one pass
    states.py      the tensors that settings are at
    parameters.py  what the axes make of a spec's parameters
    columns.py     many settings at once
    sampling.py    which settings are tried: a grid, a random choice, an evolution
    explore.py     those that keep the limits, and the front of the objectives among them
    journal.py     what a search has done already, so that it goes on
    results.py     what a search found, as tables, JSON, CSV and Parquet

An accuracy always stands beside the cost at the resolution at which it was published.
"""
