"""The published figures of five lecture decks, recomputed from the zoo's specs.

    claims/*.yaml  one deck each: what is printed, where, what recomputes it, the recorded verdict
    models.yaml    nets that a claim speaks of and the zoo has under no name
    claims.py      the data, read and checked
    models.py      a claim's model -> graph
    layers.py      the layers that a claim speaks of, and what lectures read off them
    numbers.py     measures that are numbers: counts, sizes, depths
    texts.py       measures that are texts: sequences of layers, windows, stages
    measures.py    all measures by their names in the claims
    audit.py       claims -> verdicts
    grids.py       verdicts -> tables

Decks are quoted by figure. No value is copied: what is right is computed when the audit runs.
"""
