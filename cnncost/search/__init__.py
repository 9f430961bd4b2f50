"""Choosing: which networks keep a budget, and which of those nothing beats.

    front.py       the Pareto front of any number of objectives
    candidates.py  networks that can be picked: of the zoo, of files
    pretrained.py  networks that can be picked without building them: torchvision's and timm's, published
                   accuracies (accuracies.csv) beside our counts at the published crop (counts.csv)
    pick.py        the candidates that keep every limit, the front of them, the nearest misses
    grids.py       that as tables

An accuracy always stands beside the cost at the resolution at which it was published.
"""
