"""Guarding counts: what is locked, what is budgeted, what is published, against what is counted now.

    names.py       how a lock or a configuration names models: patterns, paths
    snapshot.py    a model's totals, and digest and cost of every node
    lock.py        snapshots <-> the lock file
    match.py       the nodes of two snapshots, paired by structure
    compare.py     what differs between two snapshots
    settings.py    cnncost.toml or [tool.cnncost]: models, budgets
    limits.py      a budget's numbers and units; a snapshot held to them
    measured.py    the latency among the measurements of a file
    predicted.py   the latency on a device that is not at hand
    revision.py    a spec as it was at a git revision
    check.py       all of it for some models, as plain data
    project.py     which models, lock and configuration a directory has
    repeats.py     repeated blocks written once
    grids.py documents.py    results as tables; as JSON, annotations, JUnit's XML

Nothing here prints or writes a file; torch does not enter.
"""
