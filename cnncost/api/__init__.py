"""What the command line does, as functions: a question in Python, an `Answer` (or a Figure) back.

    cnncost.compare("vgg16", "resnet50")       cnncost.explain("alexnet", "conv1")
    cnncost.memory("resnet50", train=True)     cnncost.reconcile("resnet50")
    cnncost.zoo(family="resnet")               cnncost.plot("layers", "alexnet")
    cnncost.pick("zoo", "timm", max_macs=3e8, min_top1=70)
    cnncost.latency("resnet50", on="rtx-4090")
    cnncost.search("mobilenet_v2", ["width=0.5..1.5:0.25", "input=128..256:32"], max_macs=3e8)

A model is a name (as `cnncost.load` takes it), a graph, or an nn.Module with its `input_shape`. The commands
of the same names print these answers; nothing is computed here.

    models.py     what is taken for a model
    costs.py      tables, comparisons, workings, times, pictures
    memories.py   of a forward pass, a training step, an inference runtime
    budgets.py    the networks and the settings that keep a budget
"""

from cnncost.api.budgets import choice, pick, picked, search, searched
from cnncost.api.costs import compare, explain, latency, plot, reconcile, table, zoo
from cnncost.api.memories import memory

__all__ = [
    "choice",
    "compare",
    "explain",
    "latency",
    "memory",
    "pick",
    "picked",
    "plot",
    "reconcile",
    "search",
    "searched",
    "table",
    "zoo",
]
