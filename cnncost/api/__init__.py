"""What the command line does, as functions: a question in Python, an `Answer` (or a Figure) back.

    cnncost.compare("vgg16", "resnet50")       cnncost.explain("alexnet", "conv1")
    cnncost.memory("resnet50", train=True)     cnncost.reconcile("resnet50")
    cnncost.zoo(family="resnet")               cnncost.plot("layers", "alexnet")
    print(cnncost.show("squeezenet1_1"))       cnncost.table("alexnet")
    cnncost.pick("zoo", "timm", max_macs=3e8, min_top1=70)
    cnncost.latency("resnet50", on="rtx-4090", dtype="float16")
    cnncost.training_run("resnet50", on="rtx-3090", images=1281167, epochs=90)
    cnncost.diff("resnet18", "resnet34")       cnncost.verify("resnet18")     cnncost.check()
    cnncost.draw("resnet50").save("net.svg")   cnncost.exercise("alexnet")    cnncost.measured("lenet5")
    cnncost.search("mobilenet_v2", ["width=0.5..1.5:0.25", "input=128..256:32"], max_macs=3e8)

A model is a name (as `cnncost.load` takes it), a graph, or an nn.Module with its `input_shape`. The commands
of the same names print these answers; nothing is computed here.

    models.py     what is taken for a model
    costs.py      tables, comparisons, workings, times, pictures
    memories.py   of a forward pass, a training step, an inference runtime
    budgets.py    the networks and the settings that keep a budget
    checks.py     held to another network, to PyTorch, to a lock, to what was published
    pictures.py   the drawn graph, the page
    lessons.py    exercises and their marking
    machines.py   measuring, ONNX files, specs of imports
"""

from cnncost.api.budgets import choice, pick, picked, search, searched
from cnncost.api.checks import audit, check, diff, lock, verify
from cnncost.api.costs import compare, explain, latency, plot, reconcile, show, table, training_run, zoo
from cnncost.api.lessons import exercise, grade
from cnncost.api.machines import calibrated, export, measured, schema, spec
from cnncost.api.memories import memory
from cnncost.api.pictures import draw, page

__all__ = [
    "audit",
    "calibrated",
    "check",
    "choice",
    "compare",
    "diff",
    "draw",
    "exercise",
    "explain",
    "export",
    "grade",
    "latency",
    "lock",
    "measured",
    "memory",
    "page",
    "pick",
    "picked",
    "plot",
    "reconcile",
    "schema",
    "search",
    "searched",
    "show",
    "spec",
    "table",
    "training_run",
    "verify",
    "zoo",
]
