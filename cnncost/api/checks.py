"""Networks held to another network, to PyTorch, to a lock and budgets, to what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnncost.api.models import ModelLike
from cnncost.models import as_graph
from cnncost.request import Run
from cnncost.tables.answer import Answer


def diff(
    before: ModelLike,
    after: ModelLike,
    input_shape: Sequence[int] | None = None,
    *,
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    convention: str = "cnncost",
) -> Answer:
    """What changed from one network to another: totals, and nodes added, removed, changed or rewired.

    `input_shape` is that of each that is an nn.Module. Raises UsageError for an unknown word.
    """
    from cnncost.analysis.conventions import convention as named
    from cnncost.regress.compare import compare
    from cnncost.regress.documents import difference_document
    from cnncost.regress.grids import difference_grids
    from cnncost.regress.names import in_mode
    from cnncost.regress.snapshot import snapshot

    run, rules = Run(batch, dtype, mode, convention), named(convention)
    graphs = [in_mode(as_graph(model, input_shape, batch), mode) for model in (before, after)]
    old, new = (snapshot(graph, rules, run) for graph in graphs)
    titles = (graphs[0].name, graphs[1].name)
    found = compare(old, new)
    document = difference_document(titles, old, new, found, run)
    return Answer(
        f"difference of {' and '.join(titles)}",
        tuple(difference_grids(titles, old, new, found, rules)),
        document,
    )


def verify(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    batch: int = 2,
    mode: str = "eval",
    convention: str = "cnncost",
    device: str = "meta",
) -> Answer:
    """Shapes, parameters, buffers, MACs and bytes of every node against PyTorch's; what differs says so.

    On the `device` meta nothing is computed. Raises UnavailableError without torch, UsageError for no model.
    """
    from cnncost.analysis.conventions import convention as named
    from cnncost.errors import UsageError
    from cnncost.measure.device import device as of_name
    from cnncost.measure.verify import verify as verified
    from cnncost.tables import verify as tables

    if not models:
        raise UsageError("verify needs a model\n  for example: cnncost.verify('resnet50')")
    target, rules = of_name(device), named(convention)
    graphs = [as_graph(model, input_shape, batch) for model in models]
    found = [verified(graph, target, mode, batch, convention=rules) for graph in graphs]
    names = ", ".join(graph.name for graph in graphs)
    return Answer(f"{names} against PyTorch", tuple(map(tables.layer_grid, found)), tables.document(found))


def lock(*models: str, path: str | Path = "cnncost.lock", convention: str = "cnncost") -> None:
    """Write down what models cost, node by node, in a file that `check` compares with: these and no others.

    Names are those of a command line: resnet50, nets/edge.yaml:small, "nets/*.yaml".
    """
    from cnncost.analysis.conventions import convention as named
    from cnncost.regress import lock as locks
    from cnncost.regress import names
    from cnncost.regress.check import count
    from cnncost.writing import write

    rules, base = named(convention), Path(path).parent
    requests = names.expand(names.named(list(models), base), base)
    counted = {each.text(): count(each, rules, base, ()) for each in requests}
    write(Path(path), locks.write(locks.Lock(rules.name, counted)))


def check(*models: str, folder: str | Path = ".", convention: str | None = None) -> Answer:
    """The models of a folder's lock and cnncost.toml, or the named ones of them, held to both.

    `answer.to_dict()["check"]["ok"]` says whether all holds; what does not has a row. Raises UsageError where
    there is nothing to hold to.
    """
    from cnncost.regress.documents import check_document
    from cnncost.regress.grids import check_grids
    from cnncost.regress.project import check_project, open_project

    checked = check_project(open_project(Path(folder)), list(models) or None, convention)
    return Answer(f"check of {folder}", tuple(check_grids(checked)), check_document(checked))


def audit(deck: str | None = None, architecture: str | None = None, verdict: str | None = None) -> Answer:
    """The figures that five lecture decks print, recomputed; a row per claim with its verdict and reason.

    Only those of a `deck`, on an `architecture` or with a `verdict`, if named. Raises UsageError for an
    unknown one.
    """
    from cnncost.figures.audit import audit as audited
    from cnncost.figures.grids import audit_grids, document

    results = audited(deck, architecture, verdict)
    return Answer("audit of lecture decks", tuple(audit_grids(results)), document(results))
