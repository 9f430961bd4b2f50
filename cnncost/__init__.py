"""What a convolutional network costs: shapes, parameters, MACs, FLOPs, memory, measured too.

    import cnncost

    report = cnncost.analyze(cnncost.load("resnet50"), batch=8)
    report.totals.macs, report.rows[0].output_shape
    report.to_dataframe(), report.to_dict()

The public names are those of `__all__`. Importing this package loads neither torch nor pandas.
"""

from cnncost.errors import CheckFailed, CnncostError, SpecError, UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.measure import build
from cnncost.models import analyze, load
from cnncost.report import Report
from cnncost.version import __version__ as __version__

__all__ = [
    "CheckFailed",
    "CnncostError",
    "Graph",
    "Report",
    "SpecError",
    "UnavailableError",
    "UsageError",
    "analyze",
    "build",
    "load",
]
