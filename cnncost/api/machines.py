"""What needs this machine and torch: measuring, a machine's profile, an ONNX file; and what files may say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnncost.api.models import ModelLike
from cnncost.models import as_graph
from cnncost.tables.answer import Answer


def measured(
    *models: ModelLike,
    input_shape: Sequence[int] | None = None,
    device: str = "cpu",
    batch: int = 1,
    dtype: str = "float32",
    mode: str = "eval",
    layout: str = "nchw",
    layers: bool = False,
    threads: int | None = None,
    seconds: float = 10.0,
) -> Answer:
    """Latency of models on this machine, until the median is known to 1 % or `seconds` are over; memory too.

    `layers` adds the time of every layer. Raises UnavailableError without torch or the device.
    """
    from cnncost.errors import UsageError
    from cnncost.measure.device import device as of_name
    from cnncost.tables import measure as tables

    if not models:
        raise UsageError("measured needs a model\n  for example: cnncost.measured('resnet50')")
    target = of_name(device)
    from cnncost.execution.training import check_batch
    from cnncost.graph import at_batch
    from cnncost.measure.latency import measure
    from cnncost.measure.sampling import Stopping
    from cnncost.measure.setting import Setting, check

    if seconds <= 0:
        raise UsageError(f"--time-limit {seconds:g} is not a number of seconds above 0")
    setting = Setting(target, batch, dtype, layout, mode, False, False, layers, threads)
    check(setting)
    graphs = [as_graph(model, input_shape, batch) for model in models]
    for graph in graphs:  # before the first is measured
        check_batch(graph, at_batch(graph, batch), mode)
    found = [measure(graph, setting, Stopping(time_limit=seconds)) for graph in graphs]
    grids = (tables.model_grid(found), *(tables.layer_grid(one) for one in found if one.layers))
    names = ", ".join(graph.name for graph in graphs)
    return Answer(f"times of {names} on {device}", grids, tables.document(found))


def calibrated(
    path: str | Path,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    layout: str = "nchw",
    minutes: float = 4.0,
) -> dict[str, Any]:
    """Time kernels and networks on this machine and write its profile to a .yaml file, for `on=path`.

    Returns the profile as the file has it, `held_out` with its errors on networks that it did not see. Raises
    UsageError for what cannot be measured or written, and for a machine too noisy; UnavailableError without
    torch or the device.
    """
    from cnncost.calibrate.machine import calibrated as made

    return made(Path(path), device=device, dtype=dtype, layout=layout, minutes=minutes).profile


def schema(of: str = "spec") -> dict[str, Any]:
    """The JSON Schema of specs, or ("output") of what the commands write as JSON.

    Raises UsageError for another word.
    """
    from cnncost.errors import known_word

    if known_word("unknown schema", of, ("spec", "output")) == "spec":
        from cnncost.language.schema import schema as made
    else:
        from cnncost.tables.output_schema import schema as made
    return made()


def export(model: ModelLike, path: str | Path, *, batch: int | None = None) -> None:
    """Write a model's PyTorch twin, with random weights, as an ONNX file; for any batch, or one.

    Raises UnavailableError without torch and onnx.
    """
    from cnncost.border import MOST_RUN, whole_number
    from cnncost.measure.device import require_torch

    if batch is not None:
        whole_number("a batch", batch, most=MOST_RUN)
    require_torch()
    from cnncost.measure.onnx import export as written

    written(as_graph(model, None, batch or 1), Path(path), batch)


def spec(model: ModelLike, input_shape: Sequence[int] | None = None) -> str:
    """A network as the text of a spec: of an nn.Module, an ONNX file, torchvision:resnet50, a graph."""
    from cnncost.importers import write

    return write.text(as_graph(model, input_shape, 1))
