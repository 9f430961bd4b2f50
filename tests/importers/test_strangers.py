"""Networks as people write them, of kinds that no other file has: counts, trained values, peaks, and specs.

Right values are PyTorch's own: numel, FlopCounterMode, the output of a run, a trace of live storages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as fn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module, from_onnx, write
from cnncost.importers.inputs import call
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.measure.original import module_figures
from cnncost.measure.verify import verify


class Spline(nn.Module):
    """As in Kolmogorov-Arnold networks: learned values that are read through a view, and a fixed grid."""

    def __init__(self) -> None:
        super().__init__()
        self.grid = nn.Parameter(torch.linspace(-1, 1, 9).repeat(5, 1), requires_grad=False)
        self.weight = nn.Parameter(torch.randn(7, 5, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = x.unsqueeze(-1)
        bases = ((x >= self.grid[:, :-1]) & (x < self.grid[:, 1:])).to(x.dtype)
        return fn.linear(bases.flatten(1), self.weight.view(7, -1))


class PerImage(nn.Module):
    """A kernel for every image, mixed of learned ones that are read through a view."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(3, 4)
        self.weight = nn.Parameter(torch.randn(4, 8, 3, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        kernels = self.mix(x.mean((2, 3))).softmax(-1) @ self.weight.view(4, -1)
        maps = x.reshape(1, batch * channels, height, width)
        made = fn.conv2d(maps, kernels.view(batch * 8, channels, 3, 3), padding=1, groups=batch)
        return made.view(batch, 8, height, width)


class Reservoir(nn.Module):
    """Products of what does not depend on the input, made anew in every run; nothing learns."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("into", torch.randn(6, 4))
        self.register_buffer("again", torch.randn(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(x.shape[0], 6)
        for step in range(3):
            state = (x[:, step] @ self.into.T + state @ self.again.T).tanh()
        return state


class Sparse(nn.Module):
    def __init__(self, by_name: bool) -> None:
        super().__init__()
        self.by_name = by_name
        self.register_buffer("a", torch.eye(8).to_sparse())
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.sparse.mm(self.a, x) if self.by_name else self.a @ x)


class Polar(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.view_as_real(torch.polar(x.abs(), x.sin()))


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y += 1
        y.mul_(2).clamp_(min=0)
        return y.sub_(y.mean((2, 3), keepdim=True))


class Unpools(nn.Module):
    """Positions are kept by name to the end, as in SegNet's usual code."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.undo = nn.MaxPool2d(2, 2, return_indices=True), nn.MaxUnpool2d(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, positions = self.pool(x)
        z = self.undo(y, positions)
        return fn.avg_pool2d(z.exp(), 2)


class FakeQuantised(nn.Module):
    """Quantisation-aware training's rounding, of weights per channel and of outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        zeros = torch.zeros(8, dtype=torch.int32)
        weight = torch.fake_quantize_per_channel_affine(self.conv.weight, torch.ones(8), zeros, 0, -128, 127)
        return torch.fake_quantize_per_tensor_affine(fn.conv2d(x, weight, self.conv.bias), 0.1, 0, -128, 127)


class Judged(nn.Module):
    """A network that gives its losses."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(6, 5)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        z = self.out(x)
        one_hot = fn.one_hot(y, 5).float()
        return (
            fn.cross_entropy(z, y), fn.mse_loss(z, one_hot), fn.smooth_l1_loss(z, one_hot),
            fn.binary_cross_entropy_with_logits(z, one_hot), fn.huber_loss(z, one_hot),
        )  # fmt: skip


class Tokens(nn.Module):
    """Layers that read the last axis, not directly of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(6, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.cat([x, x.sin()], -1))


class Lone(nn.Module):
    """Maps without a batch, as PyTorch takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.up = nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = fn.avg_pool2d(fn.max_pool2d(self.conv(x), 2), 2)
        return fn.adaptive_avg_pool2d(
            self.up(y) + fn.conv_transpose2d(y, self.up.weight * 2, None, 2), (2, 3)
        )


class Normalises(nn.Module):
    """It writes into the image that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x /= 255
        x.sub_(0.5).div_(0.2)
        return self.conv(x)


class Repeated(nn.Module):
    """As in capsule networks: the weights again for every image, so that what is right for one batch is not
    for another.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, 6, 5, 4))

    def forward(self, x: Tensor) -> Tensor:
        weight = torch.cat([self.weight] * x.size(0), 0)
        return (weight @ x.unsqueeze(-1)).squeeze(-1).softmax(-1)


class Sound(nn.Module):
    """A sound is taken apart, changed, and put together again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.register_buffer("window", torch.hann_window(32))

    def forward(self, x: Tensor) -> Tensor:
        bins = torch.stft(x, 32, 8, window=self.window, return_complex=True)
        changed = self.conv(torch.view_as_real(bins).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
        return torch.istft(torch.view_as_complex(changed), 32, 8, window=self.window, length=x.shape[-1])


def of(module: nn.Module, *given: str, axis: Any = 0) -> tuple[nn.Module, Any]:
    return module.eval(), call(given, axis)


NETWORKS = {
    "learned values through a view": of(Spline(), "5"),
    "kernels per image": of(PerImage(), "3x8x8"),
    "products of constants": of(Reservoir(), "3x4"),
    "polar": of(Polar(), "4x3"),
    "in place": of(InPlace(), "3x12x12"),
    "an unpooling": of(Unpools(), "3x8x8"),
    "rounding for quantisation": of(FakeQuantised(), "3x8x8"),
    "losses": of(Judged(), "x=6", "y=int64:0..5"),
    "tokens": of(Tokens(), "4x3"),
    "norms of tokens": of(nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 5)), "4x6"),
    "no batch": of(Lone(), "3x16x16", axis=None),
    "a sparse matrix": of(Sparse(False), "8x4", axis=None),
    "gates of a cell": of(nn.GRUCell(4, 5), "4"),
    "writes into its input": of(Normalises(), "3x8x8"),
    "weights for every image": of(Repeated(), "6x4"),
    "a sound put together": of(Sound(), "256"),
    "a frozen bilinear": of(nn.Bilinear(3, 4, 5, bias=False).requires_grad_(False), "3", "4"),
}


NO_SPEC = {"no batch", "a sparse matrix", "losses", "weights for every image"}
"""A spec has a batch, and an input of no number per image is none."""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network(name: str) -> None:
    module, example = NETWORKS[name]
    batches = (1, 3) if example.has_batch else (1,)
    for batch in batches:
        args, kwargs = example.arguments(batch, torch.float32, "cpu", True)
        with FlopCounterMode(display=False) as counter:
            output = module(*args, **kwargs)
        shapes = [tuple(item.shape) for item in (output if isinstance(output, tuple) else [output])]
        graph = from_module(module, example, name="net", batch=batch)
        found = cnncost.analyze(graph, batch=batch).totals
        unseen = 5 * (3 * 4 + 4) * batch if "bilinear" in name else 0
        assert found.macs == counter.get_total_flops() // 2 + unseen
        assert found.params == sum(item.numel() for item in module.parameters())
        assert found.trainable == sum(item.numel() for item in module.parameters() if item.requires_grad)
        assert found.buffers == sum(item.numel() for item in module.buffers() if not item.is_sparse) + (
            64 if "sparse" in name else 0
        )
        checks = [*module_figures(graph, batch, "eval"), *verify(graph, batch=batch, fvcore=False).checks]
        wrong = [each for each in checks if not each[-1] and each[-3] != each[-2] and not unseen]
        assert not wrong
        given = {graph.nodes[index].shape if batch == 1 else None for index in graph.outputs} - {None}
        assert given <= set(shapes)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name not in NO_SPEC])
def test_its_spec_reads_back(name: str) -> None:
    module, example = NETWORKS[name]
    graph = from_module(module, example, name="net")
    read = graph_of(zoo.parse_text(write.text(graph), "read back", "net"), None)
    for batch in (1, 3):
        before, after = (cnncost.analyze(each, batch=batch).totals for each in (graph, read))
        assert (before.params, before.macs, before.flops) == (after.params, after.macs, after.flops)


def test_a_product_with_a_sparse_matrix_is_said_to_be_a_whole_one() -> None:
    for by_name in (True, False):
        graph = from_module(*of(Sparse(by_name), "8x4", axis=None), name="net")
        assert graph.facts["taken"] == (
            "net: a product with a sparse matrix is counted as one with all its zeros",
        )
        assert cnncost.analyze(graph).totals.macs == 8 * 8 * 4 + 8 * 4 * 2


class Boxes(nn.Module):
    """As in SSD: priors in a plain attribute, which stand before the module is called and are read in parts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.priors = torch.rand(36, 4)

    def forward(self, x: Tensor) -> Tensor:
        found = self.conv(x).flatten(2).transpose(1, 2)
        return torch.cat((self.priors[:, :2] + found[..., :2], self.priors[:, 2:] * found[..., 2:].exp()), 2)


class Frames(nn.Module):
    """Frames of a video one by one: what is left of the axes are maps."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.conv(x[:, at]) for at in range(x.size(1))], 1)


def test_tensors_in_plain_attributes_are_no_memory_of_a_pass() -> None:
    graph = from_module(Boxes(), (3, 8, 8))
    assert all(ours == theirs for _, ours, theirs, _ in module_figures(graph, 2, "eval"))


def test_a_spec_that_would_not_be_read_is_not_written() -> None:
    graph = from_module(Frames(), (2, 3, 8, 8), name="net")
    assert cnncost.analyze(graph).totals.macs == 2 * 4 * 27 * 36
    with pytest.raises(cnncost.UsageError, match="net: no spec says it: conv_given needs a map"):
        write.text(graph)


ALGEBRA: dict[str, tuple[Any, list[str], int]] = {
    "inverse": (lambda x: torch.inverse(x), ["6x6"], 2 * 6**3),
    "inv": (lambda x: torch.linalg.inv(x), ["6x6"], 2 * 6**3),
    "cholesky": (lambda x: torch.linalg.cholesky(x), ["6x6"], 6**3 // 3),
    "solve": (lambda x, y: torch.linalg.solve(x, y), ["6x6", "6x2"], 2 * 6**3 // 3 + 2 * 6 * 6 * 2),
    "det": (lambda x: torch.det(x), ["6x6"], 2 * 6**3 // 3),
    "slogdet": (lambda x: torch.linalg.slogdet(x)[1], ["6x6"], 2 * 6**3 // 3),
}


class Calls(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *given: Tensor) -> Any:
        return self.function(*given)


@pytest.mark.parametrize("name", ALGEBRA)
def test_algebra_of_matrices(name: str) -> None:
    """Counts by hand, from the orders that the textbook gives; shapes are PyTorch's."""
    function, given, operations = ALGEBRA[name]
    graph = from_module(*of(Calls(function), *given), name="net")
    for batch in (1, 3):
        found = cnncost.analyze(graph, batch=batch).totals
        assert (found.params, found.macs, found.flops) == (0, 0, batch * operations)
    eye = [torch.eye(6).repeat(1, 1, 1), torch.ones(1, 6, 2)][: len(given)]
    assert tuple(graph.nodes[graph.outputs[0]].shape) == tuple(function(*eye).shape)


class Listed(nn.Module):
    """Layers in plain lists: one is a part of the module by another name, the others are none."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.known = [self.first]
        self.rest = {"a": [nn.Linear(4, 3), nn.ReLU()]}

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.known, *self.rest["a"]):
            x = layer(x)
        return x


def test_layers_in_a_plain_list_are_said_to_be_no_part() -> None:
    module = Listed()
    found = cnncost.analyze(module, (4,))
    assert found.taken == (
        "Layers in the list rest are no part of the module: their parameters do not count (nn.ModuleList).",
    )
    assert found.totals.params == sum(item.numel() for item in module.parameters()) == 20
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, 4))
    assert 2 * found.totals.macs == counter.get_total_flops()


class Merging(nn.Linear):
    """A linear layer with an update of low rank (Hu et al. 2021), which it adds to its weights for inference."""

    def __init__(self) -> None:
        super().__init__(4, 4)
        self.down, self.up = nn.Parameter(torch.randn(2, 4)), nn.Parameter(torch.randn(4, 2))
        self.merged = False

    def train(self, mode: bool = True) -> Merging:
        super().train(mode)
        if mode == self.merged:
            self.weight.data += (-1 if mode else 1) * self.up @ self.down
            self.merged = not mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        y = fn.linear(x, self.weight, self.bias)
        return y if self.merged else y + x @ self.down.T @ self.up.T


def test_weights_that_are_merged_for_inference_are_as_they_were() -> None:
    module = Merging().train()
    before = module.weight.detach().clone()
    from_module(module, (4,))
    assert torch.equal(module.weight, before)
    assert (module.merged, module.training) == (False, True)
    module.eval()
    assert torch.allclose(module.weight, before + module.up @ module.down)


def test_an_exported_program_comes_in() -> None:
    """It refuses to change its mode."""
    inner = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).eval()
    batch = torch.export.Dim("batch")
    exported = torch.export.export(inner, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=({0: batch},)).module()
    found, wanted = (cnncost.analyze(from_module(each, (3, 8, 8))).totals for each in (exported, inner))
    assert (found.macs, found.params) == (wanted.macs, wanted.params)


@pytest.mark.filterwarnings("ignore")
def test_a_module_of_quantised_layers_is_called_one() -> None:
    import torch.ao.quantization as quantization

    module: Any = quantization.QuantWrapper(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())).eval()
    module.qconfig = quantization.get_default_qconfig("x86")
    quantization.prepare(module, inplace=True)
    module(torch.randn(1, 3, 8, 8))
    with pytest.raises(cnncost.UsageError) as caught:
        from_module(quantization.convert(module), (3, 8, 8), name="net")
    assert str(caught.value) == (
        "net: Conv2dPackedParamsBase is of a quantised module, its weights packed for one machine\n"
        "  module module.0\n"
        "  give the module before it is quantised; --dtype int8 counts its bytes so"
    )


def test_files_of_tensorflow_and_of_recurrent_layers_are_written(tmp_path: Path) -> None:
    """Channels last, turned after a subtraction; time first behind a table of words."""
    from onnx import TensorProto, helper, numpy_helper

    def file(nodes: list[Any], given: tuple[int, list[Any]], weights: dict[str, tuple[int, ...]]) -> str:
        stored = [numpy_helper.from_array(np.ones(sizes, "f"), name) for name, sizes in weights.items()]
        ends = [
            helper.make_tensor_value_info("x", *given),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, None),
        ]
        whole = helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)
        path = tmp_path / f"net{len(list(tmp_path.iterdir()))}.onnx"
        path.write_bytes(
            helper.make_model(whole, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
        )
        return str(path)

    images = file(
        [
            helper.make_node("Sub", ["x", "mean"], ["a"]),
            helper.make_node("Transpose", ["a"], ["b"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["b", "w"], ["y"]),
        ],
        (TensorProto.FLOAT, ["N", 9, 9, 3]),
        {"mean": (3,), "w": (4, 3, 3, 3)},
    )
    words = file(
        [
            helper.make_node("Gather", ["table", "x"], ["a"]),
            helper.make_node("Transpose", ["a"], ["b"], perm=[1, 0, 2]),
            helper.make_node("GRU", ["b", "w", "r"], ["", "y"], hidden_size=4, linear_before_reset=1),
        ],
        (TensorProto.INT64, ["N", 7]),
        {"table": (20, 5), "w": (1, 12, 5), "r": (1, 12, 4)},
    )
    factors = file(
        [helper.make_node("Einsum", ["x", "a", "b"], ["y"], equation="nij, jk, kl -> nil")],
        (TensorProto.FLOAT, ["N", 2, 3]),
        {"a": (3, 4), "b": (4, 5)},
    )
    for path, macs in ((images, 4 * 27 * 49), (words, 7 * 12 * 9), (factors, 2 * 3 * 4 + 2 * 4 * 5)):
        graph = from_onnx(path)
        read = graph_of(zoo.parse_text(write.text(graph), "read back", "net"), None)
        assert cnncost.analyze(graph).totals.macs == cnncost.analyze(read).totals.macs == macs
        assert cnncost.analyze(graph).totals.params == cnncost.analyze(read).totals.params


class Mixed(nn.Module):
    """Experts, each of the tokens that chose it: rows of all images, as many as values say."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.first, self.second = nn.Linear(4, 2), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.reshape(-1, 4)
        chosen = self.gate(rows).argmax(-1)
        out = torch.zeros_like(rows)
        for number, expert in enumerate((self.first, self.second)):
            mine = torch.where(chosen == number)[0]
            out = out.index_add(0, mine, expert(rows[mine]))
        return out.view(x.shape)


@pytest.mark.parametrize(
    ("bias", "reason"),
    [
        (0.0, "at batch 2, view: 40 values cannot become 5x4"),
        (99.0, "custom2 has no values, as of an expert that no value chose"),
    ],
)
def test_what_holds_for_one_batch_has_no_spec(bias: float, reason: str) -> None:
    """Experts that some tokens chose, and one that none chose."""
    net = Mixed().eval()
    net.gate.bias.data = torch.tensor([0.0, bias])
    graph = from_module(net, (5, 4), name="net")
    with pytest.raises(cnncost.UsageError) as caught:
        write.text(graph)
    assert str(caught.value) == f"net: no spec says it: {reason}\n  count the network itself: cnncost table"


def test_a_view_that_forgets_the_batch_is_found_where_it_stands() -> None:
    text = "input: [12]\nbody:\n  - view: {shape: [3, 4]}\n  - linear: {out: 2}\n"
    with pytest.raises(cnncost.SpecError) as caught:
        graph_of(zoo.parse_text(text, "net.yaml", "net"), None)
    assert str(caught.value) == (
        "net.yaml:3:5: at batch 2, view: 24 values cannot become 3x4\n"
        "    - view: {shape: [3, 4]}\n"
        "      ^~~~  one size may be -1: that is where the batch enters"
    )
