"""PyTorch operators that no table names: by what PyTorch says of them.

Pointwise ones and reductions are tagged, views are declared in the schema; what PyTorch composes of other
operators is translated as those, and becomes one node of their summed cost.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

from cnncost.importers import formulas
from cnncost.importers.aten.convert import OTHERS, Conversion
from cnncost.importers.aten.translation import Translation, named
from cnncost.importers.aten.values import (
    arguments,
    first_shape,
    is_tensor,
    operator_name,
    part_shape,
    shape_of,
)
from cnncost.importers.building import Building, Unsupported
from cnncost.importers.shapes import axes, axis
from cnncost.importers.stated import CostFormula, StatedCost, at, custom, free, of, per_input, per_output
from cnncost.ops.base import POINTWISE
from cnncost.ops.sizes import Shape, elements


def general(t: Conversion, node: Any) -> Any:
    """A call of an operator that no table names. Raises Unsupported if it may multiply and add unknown."""
    import torch

    operator = node.target
    tags = getattr(operator, "tags", ())
    if torch.Tag.pointwise in tags:
        return several(t, node, per_output(), pointwise=True)
    if getattr(torch.Tag, "reduction", None) in tags:
        return several(t, node, per_input())
    inside = decomposed(t, node)
    if inside is not None:
        return composed(t, node, inside)
    if is_view(operator):
        return several(t, node, free)
    raise Unsupported("nobody has declared it")


def is_view(operator: Any) -> bool:
    """Whether an operator's results are views of its inputs."""
    returns = getattr(operator._schema, "returns", ())
    return bool(returns) and all(item.alias_info and not item.alias_info.is_write for item in returns)


def several(
    t: Conversion, node: Any, formula: CostFormula, *, pointwise: bool = False, what: str = ""
) -> Any:
    """A node of stated cost for the first tensor that a call gives; the others are free, made when taken."""
    sources = [t.node(item) for item in node.all_input_nodes if is_tensor(item)]
    made = partial(custom, t, node, what or name_of(node), sources, pointwise=pointwise)
    if not isinstance(node.meta["val"], (tuple, list)):
        return made(first_shape(node), formula)
    rest = range(1, len(node.meta["val"]))
    return [made(first_shape(node), formula), *(partial(made, part_shape(node, at), free) for at in rest)]


def name_of(node: Any) -> str:
    """An operator's name without its overload: aten.lgamma."""
    return str(node.target).rpartition(".")[0] or str(node.target)


def stated(formula: Callable[[Any], CostFormula]) -> Translation:
    """A translation whose cost is a formula of the call's arguments."""
    return lambda t, node: several(t, node, formula(node))


def along(node: Any) -> int:
    """The axis that a call works along."""
    a = arguments(node)
    return axis(-1 if a.get("dim") is None else a["dim"], len(shape_of(node.args[0])))


def transforms(node: Any) -> CostFormula:
    """The cost of a Fourier transform."""
    over = arguments(node)["dim"]
    return formulas.fft(axes(over, len(shape_of(node.args[0]))), operator_name(node) != "_fft_c2c")


def decomposed(t: Conversion, node: Any) -> Any:
    """The graph of what PyTorch composes a call of, its tensors the call's; None if it composes nothing."""
    import torch
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    operator = node.target
    if not isinstance(operator, torch._ops.OpOverload):
        return None
    function = operator.decompose if operator._can_decompose() else core_aten_decompositions().get(operator)
    if function is None:
        return None
    tensors = [item for item in node.all_input_nodes if is_tensor(item)]

    def call(*values: Any) -> Any:
        given = dict(zip(tensors, values, strict=True))
        args, kwargs = torch.fx.node.map_arg((node.args, node.kwargs), given.get)
        return function(*args, **kwargs)

    values = [item.meta["val"] for item in tensors]
    mode = next((value.fake_mode for value in values if hasattr(value, "fake_mode")), nullcontext())
    try:
        with mode, torch.enable_grad():
            program = make_fx(call, tracing_mode="real")(*values)
    except Exception:
        return None
    targets = {item.target for item in program.graph.nodes if item.op == "call_function"}
    return None if operator in targets else program.graph


def composed(t: Conversion, node: Any, inside: Any) -> Any:
    """What a call is composed of, translated: as it is if nothing in it computes, else as one node."""
    tensors = [item for item in node.all_input_nodes if is_tensor(item)]
    sources = [t.node(item) for item in tensors if not t.own(item)]
    begin = len(t.building.nodes)
    t.composing += 1
    try:
        results = t.within(inside, tensors, node)
    except Unsupported:
        t.take_back(begin)
        raise
    finally:
        t.composing -= 1
    several = isinstance(node.meta["val"], (tuple, list))
    costly = [n for n in t.building.nodes[begin:] if n.op.flops(n.shape, *t.building.input_shapes(n))]
    if len(t.building.nodes) - begin == 1 or not costly:
        return results if several else results[0]
    whole = Whole(t.building, begin)
    t.take_back(begin)
    shapes = [part_shape(node, place) for place in range(len(results))] if several else [first_shape(node)]
    made = partial(custom, t, node, name_of(node), pointwise=whole.pointwise)
    first = made(
        sources,
        shapes[0],
        whole.cost,
        whole=True,
        parameters=whole.parameters,
        frozen=whole.frozen,
        buffers=whole.buffers,
    )
    return [first, *(partial(made, [first], shape, free) for shape in shapes[1:])] if several else first


class Whole:
    """The nodes of a building from one on, as one."""

    def __init__(self, building: Building, begin: int):
        self.nodes = [
            (node.op, building.at_batch[node.index], [building.at_batch[index] for index in node.inputs])
            for node in building.nodes[begin:]
        ]
        self.parameters = sum(op.params(*(at(shape, 1) for shape in inputs)) for op, _, inputs in self.nodes)
        self.frozen = self.parameters > 0 and not any(
            op.trainable(*(at(shape, 1) for shape in inputs)) for op, _, inputs in self.nodes
        )
        self.buffers = sum(op.buffers(*(at(shape, 1) for shape in inputs)) for op, _, inputs in self.nodes)
        self.pointwise = all(
            op.receptive(*(at(shape, 1) for shape in inputs)) == POINTWISE and op.kin != "reshape"
            for op, _, inputs in self.nodes
        )

    def cost(self, batch: int) -> StatedCost:
        """The sum of the costs at a batch."""
        found = [
            of(op)(at(shape, batch), *(at(each, batch) for each in inputs))
            for op, shape, inputs in self.nodes
        ]
        return StatedCost(sum(each.macs for each in found), sum(each.operations for each in found))


def affine(output: Shape, *inputs: Shape) -> StatedCost:
    """Every position times a matrix of an image: (x, y, 1) by 3 x 2, or one axis more."""
    return StatedCost(macs=elements(output) * inputs[0][-1])


MOVES = """
    gather take take_along_dim scatter scatter_reduce index_copy index_put index_fill
    diagonal diag_embed diag tril triu rot90 one_hot masked_select nonzero unfold_copy block_diag index
    view_as_real view_as_complex complex real imag select_scatter slice_scatter diagonal_scatter
    _pad_circular as_strided embedding_renorm _pack_padded_sequence _pad_packed_sequence masked_scatter
"""
"""Operators that move values, or set some to a number, and compute nothing."""

PER_VALUE = """
    polar isin
    fake_quantize_per_tensor_affine fake_quantize_per_channel_affine fake_quantize_per_tensor_affine_cachemask
    fake_quantize_per_channel_affine_cachemask _fake_quantize_per_tensor_affine_cachemask_tensor_qparams
    _fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine
"""
"""Operators of every value by itself, which PyTorch does not say of them."""

LOSSES = """
    nll_loss nll_loss_nd nll_loss2d nll_loss_forward nll_loss2d_forward binary_cross_entropy mse_loss
    binary_cross_entropy_with_logits smooth_l1_loss huber_loss soft_margin_loss multi_margin_loss
    multilabel_margin_loss_forward
"""
"""Losses, which read every value of what they judge."""

TRANSLATIONS: dict[str, Translation] = {
    OTHERS: general,
    **named(MOVES, stated(lambda node: free)),
    **named(
        "cumsum cumprod cummax cummin logcumsumexp scatter_add index_add unfold_backward",
        stated(lambda node: per_input()),
    ),
    **named(PER_VALUE, lambda t, node: several(t, node, per_output(), pointwise=True)),
    **named(LOSSES, stated(lambda node: per_input())),
    **named(
        "argmax argmin any all _is_all_true _is_any_true prod aminmax count_nonzero",
        stated(lambda node: per_input()),
    ),
    **named(
        "sort argsort topk kthvalue median nanmedian msort unique _unique2 unique_dim unique_consecutive",
        stated(lambda node: formulas.sorting(along(node))),
    ),
    **named("fractional_max_pool2d fractional_max_pool3d", stated(lambda node: per_input())),
    **named("searchsorted bucketize histc bincount", stated(lambda node: per_input())),
    **named("_fft_c2c _fft_r2c _fft_c2r", stated(transforms)),
    **named("inverse linalg_inv linalg_inv_ex", stated(lambda node: formulas.inverse)),
    **named("linalg_cholesky linalg_cholesky_ex cholesky", stated(lambda node: formulas.cholesky)),
    **named("linalg_solve linalg_solve_ex _linalg_solve_ex", stated(lambda node: formulas.solution)),
    **named(
        "det linalg_det _linalg_det slogdet linalg_slogdet _linalg_slogdet",
        stated(lambda node: formulas.determinant),
    ),
    "affine_grid_generator": stated(lambda node: affine),
    **named("_cdist_forward cdist _pdist_forward _euclidean_dist", stated(lambda node: formulas.distances)),
}
