"""The published figures of five lecture decks, recomputed from the zoo's specs.

    claims/*.yaml  one deck each: what is printed, where, what recomputes it, the recorded verdict
    models.yaml    nets that a claim speaks of and the zoo has under no name
    claims.py      the data, read and checked
    models.py      a claim's model -> graph
    measures.py    what can be read off a graph: counts, sizes, layer sequences
    audit.py       claims -> verdicts
    grids.py       verdicts -> tables

Decks are quoted by figure. No value is copied: what is right is computed when the audit runs.
"""
