"""Batch norms folded in a twin: fewer layers, the same outputs in inference.

Imports torch at the top: import this module only where a twin is really folded.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnncost.analysis.fold import fold_batch_norms, foldable
from cnncost.measure.twin import Twin

Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
Layer = nn.Conv1d | nn.Conv2d | nn.Conv3d | Transposed | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


@torch.no_grad()
def fold_twin(twin: Twin) -> Twin:
    """The twin of the folded graph with the weights of `twin`, which stays as it is.

    With a = scale / sqrt(variance + eps) per output channel the weights become a * weights and the
    bias a * (bias - mean) + shift.
    """
    graph = twin.graph
    folded = Twin.of(fold_batch_norms(graph)).to(next(twin.parameters()))
    kept = folded.state_dict().keys()
    weights = {name: tensor for name, tensor in twin.state_dict().items() if name in kept}
    folded.load_state_dict(weights, strict=False)  # the new biases are missing
    norms: dict[int, list[Norm]] = {}
    for norm, layer in foldable(graph).items():
        module = twin.get_submodule(graph.nodes[norm].name)
        assert isinstance(module, Norm)
        norms.setdefault(layer, []).append(module)
    for index, modules in norms.items():
        name = graph.nodes[index].name
        target, source = _layer(folded.get_submodule(name)), _layer(twin.get_submodule(name))
        weight, bias = source.weight.detach(), source.bias
        for module in modules:
            weight, bias = _folded(source, weight, bias, module)
        assert bias is not None
        target.load_state_dict({"weight": weight, "bias": bias})
    return folded


def _layer(module: nn.Module) -> Layer:
    """The module with the weights: itself, or the one beside a padding."""
    return next(part for part in module.modules() if isinstance(part, Layer))


def _folded(layer: Layer, weight: Tensor, bias: Tensor | None, norm: Norm) -> tuple[Tensor, Tensor]:
    """Weights and bias of a layer that has taken a batch norm in."""
    mean, variance = norm.running_mean, norm.running_var
    assert mean is not None and variance is not None
    factor = (variance + norm.eps).rsqrt()
    if norm.weight is not None:
        factor = factor * norm.weight
    shift = (-mean if bias is None else bias - mean) * factor
    if norm.bias is not None:
        shift = shift + norm.bias
    return weight * _per_output(layer, weight, factor), shift


def _per_output(layer: Layer, weight: Tensor, factor: Tensor) -> Tensor:
    """A factor per output channel, laid out as the weights: (out, in, ...), transposed (in, out, ...)."""
    if not isinstance(layer, Transposed):
        return factor.reshape(-1, *(1,) * (weight.dim() - 1))
    # Input channel i belongs to group i // (in / groups), whose maps are a part of the output.
    inputs, outputs = weight.shape[:2]
    return (
        factor.reshape(layer.groups, 1, outputs)
        .expand(-1, inputs // layer.groups, -1)
        .reshape(inputs, outputs, *(1,) * (weight.dim() - 2))
    )
