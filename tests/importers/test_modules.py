"""An nn.Module as a graph: right, named, untouched; and what is refused, in whole messages."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import cnncost
from cnncost.importers import from_module


class Twice(nn.Module):
    """A convolution that is called twice, and a head that shares nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.head = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.conv(self.conv(x)).mean((2, 3)))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.second = nn.Linear(8, 8, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x.flatten(1)))


class Windows(nn.Module):
    """Swin's windows: images of their own for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        batch = x.shape[0]
        x = x.permute(0, 2, 3, 1).reshape(batch, 2, 4, 2, 4, 4).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 4)
        x = self.norm(x)
        return self.attention(x, x, x, need_weights=False)[0].reshape(batch, -1, 4).mean(1)


class Branches(nn.Module):
    """Control flow that depends on values."""

    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x * 2
        return x


class Decides(nn.Module):
    """An early exit, and a number of rows that values decide."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        if y.mean().item() > 1000:
            return y
        return self.second(y)


class Unnamed(nn.Module):
    """An operator that nobody has declared, between two that are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.exponential = Exponential()

    def forward(self, x: Tensor) -> Tensor:
        return self.exponential(self.conv(x))


class Exponential(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_exp(x).abs()


class Logged(nn.Module):
    """It reads a value for a log that nobody keeps, which export refuses and torch.fx passes over."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stage(x)
        y.cpu().numpy()
        y.add_(1)
        return y


class Remembers(nn.Module):
    """It keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.seen: list[Tensor] = []
        self.by_name: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.conv(x)
        self.seen.append(self.last)
        self.by_name["last"] = self.last
        return self.last


class Scripted(nn.Module):
    """A part of it is compiled, and its weights are lost to torch.fx."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.jit.script(nn.Conv2d(3, 4, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Moves(nn.Module):
    """What vision transformers do to tensors: repeat, interleave, unfold, fold, write into a part."""

    def forward(self, x: Tensor) -> Tensor:
        windows = nn.functional.unfold(x, 3, padding=1)
        folded = nn.functional.fold(windows, (8, 8), 3, padding=1)
        tiled = folded.repeat(1, 2, 1, 1).repeat_interleave(2, dim=3)
        tiled[:, 1:, :, 2:4] = tiled[:, 1:, :, 4:6] * 2
        overlapping = tiled.unfold(3, 4, 2).amax(-1)
        mirrored = nn.functional.pad(overlapping, (1, 1, 2, 0), mode="reflect")
        return nn.functional.interpolate(mirrored, (4, 4), mode="bilinear", antialias=True).max(1)[0]


class Writes(nn.Module):
    """Convolutions whose outputs become channels of another one's, a channel and a few at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.whole, self.few, self.one = nn.Conv2d(3, 6, 1), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.whole(x)
        y[:, 2:4] = self.few(x)
        y[:, 2:6][:, 3, 1:5] = self.one(x).squeeze(1)[:, 2:6]
        return y


class Adds(Writes):
    """The same with arithmetic and an activation in place."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.whole(x)
        y[:, 2:4] += self.few(x)
        y[:, 5].mul_(self.one(x).squeeze(1))
        y[:, :3].relu_()
        return y * 2


class ActsThroughAView(nn.Module):
    """An activation where the values lie in a row."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        y.view(y.shape[0], -1).relu_()
        return y + 1


class LooksBefore(nn.Module):
    """Part of a tensor that is overwritten afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        part = y[:, :1]
        y.relu_()
        return part + 1


class WritesThroughAView(nn.Module):
    """The channels are written where they lie in a row of all values."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        y.flatten(1)[:, :4] = x.flatten(1)[:, 4:8]
        return y


class TurnsAndWrites(nn.Module):
    """A part of a permuted part is written, and looked at in two other ways."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        row = y.flatten(2)
        turned = y[:, 1:].permute(0, 2, 3, 1)
        turned[..., :1].mul_(3)
        turned.transpose(1, 2)[:, 2:4] = 1 + x[:, 1:, :, 2:4].permute(0, 3, 2, 1)
        return row.unflatten(2, (8, 8)) + y + row[:, :1, None, :8]


class AfterAll(nn.Module):
    """A part is written behind an activation in place, and read as rows."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 0
        rows = y.view(y.shape[0], 3, -1)
        y[:, :2] = x[:, 1:]
        z = y.add_(1).relu_()
        z[:, 2] = x[:, 0]
        return rows.sum(2) + y.mean((2, 3))


class LooksAtParts(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        first, _ = y.chunk(2, 1)
        y.relu_()
        return first + 1


class Tempered(nn.Module):
    """A learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.temperature = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.temperature


NETWORKS: list[tuple[nn.Module, tuple[int, ...]]] = [
    (Twice(), (3, 8, 8)),
    (Tied(), (2, 2, 2)),
    (Windows(), (4, 8, 8)),
    (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 5)),
        (3, 8, 8),
    ),
    (nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 2, 2)), (3, 8, 8)),
    (Moves(), (3, 8, 8)),
    (Writes(), (3, 8, 8)),
    (Adds(), (3, 8, 8)),
    (Tempered(), (3, 8, 8)),
    (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))), (3, 8, 8)),
    (nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.PReLU(1)), (3, 4, 4)),
]


@pytest.mark.parametrize(("network", "shape"), NETWORKS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("batch", [1, 5])
def test_counts_and_shapes_are_pytorchs(network: nn.Module, shape: tuple[int, ...], batch: int) -> None:
    report = cnncost.analyze(network, shape, batch=batch, by="op")
    assert report.totals.params == sum(parameter.numel() for parameter in network.parameters())
    theirs = copy.deepcopy(network).eval().to("meta")  # the CPU's own attention is not counted
    with FlopCounterMode(display=False) as counter:
        output = theirs(torch.zeros(batch, *shape, device="meta"))
    assert 2 * report.totals.macs == counter.get_total_flops()
    assert report.rows[-1].output_shape == tuple(output.shape[1:])


WRITTEN = [
    Writes(), Adds(), ActsThroughAView(), LooksBefore(), WritesThroughAView(), TurnsAndWrites(), AfterAll(),
]  # fmt: skip


@pytest.mark.parametrize("network", WRITTEN, ids=lambda item: type(item).__name__)
def test_what_is_written_into_a_tensor_reaches_the_output(network: nn.Module) -> None:
    graph = from_module(network, (3, 8, 8))
    twin = cnncost.build(graph)
    twin.load_state_dict(network.state_dict())
    x = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        assert torch.equal(twin(x), network(x))


def test_what_is_written_through_parts_of_a_split_is_refused() -> None:
    with pytest.raises(cnncost.UsageError, match="it overwrites what is read again as another tensor"):
        from_module(LooksAtParts(), (4, 8, 8))


def test_what_is_called_twice_is_learned_once() -> None:
    graph = from_module(Twice(), (3, 8, 8))
    assert [(node.name, node.op.name) for node in graph.nodes[1:]] == [
        ("conv.weight", "learned"),
        ("conv.bias", "learned"),
        ("conv1", "conv_given"),
        ("conv2", "conv_given"),
        ("global_avgpool", "global_avgpool"),
        ("flatten", "flatten"),
        ("head", "linear"),
    ]


def test_names_are_paths_of_modules() -> None:
    block = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    network = nn.ModuleDict({"stage": nn.Sequential(block, nn.Sequential(nn.Conv2d(3, 3, 1)))})
    network.forward = network["stage"].forward  # type: ignore[assignment]
    graph = from_module(network["stage"], (3, 4, 4))
    assert [node.name for node in graph.nodes] == ["input", "net.0.0", "net.0.1", "net.1.0"]


def test_the_module_is_left_as_it_was() -> None:
    network = nn.Sequential(Windows(), nn.Dropout()).train()
    network[0].attention.eval()
    before = (
        list(network.state_dict()),
        [part.training for part in network.modules()],
        [hooks(part) for part in network.modules()],
        [sorted(vars(part)) for part in network.modules()],
        [parameter.clone() for parameter in network.parameters()],
    )
    cnncost.analyze(network, (4, 8, 8))
    after = (
        list(network.state_dict()),
        [part.training for part in network.modules()],
        [hooks(part) for part in network.modules()],
        [sorted(vars(part)) for part in network.modules()],
    )
    assert after == before[:4]
    for old, new in zip(before[4], network.parameters(), strict=True):
        assert torch.equal(old, new) and new.grad is None


def test_what_a_forward_pass_keeps_is_not_kept() -> None:
    network = Remembers()
    network.seen.append(torch.ones(2))
    before = sorted(vars(network))
    assert cnncost.analyze(network, (3, 8, 8)).totals.params == 112
    assert sorted(vars(network)) == before
    assert len(network.seen) == 1 and network.by_name == {}


def test_torch_fx_where_export_cannot() -> None:
    network = Logged().train()
    graph = from_module(network, (3, 8, 8))
    assert network.training
    assert cnncost.analyze(graph).totals.params == sum(item.numel() for item in network.parameters())
    assert [node.name for node in graph.nodes] == ["input", "stage.0", "stage.1", "elementwise"]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_scripted_part_comes_in_by_one_run() -> None:
    graph = from_module(Scripted(), (3, 8, 8))
    assert (graph.facts["road"], graph.batch) == ("one run", 1)
    totals = cnncost.analyze(graph).totals
    assert (totals.params, totals.macs) == (112, 4 * 27 * 36)
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(graph, batch=2)
    assert str(caught.value) == (
        "Scripted was imported at batch 1: what it computes may depend on the batch\n  import it at batch 2"
    )


def hooks(module: nn.Module) -> list[int]:
    """How many hooks of each kind a module has."""
    return [len(value) for name, value in sorted(vars(module).items()) if name.endswith("_hooks")]


def test_modes_come_back_after_a_failure() -> None:
    network = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout()).train()
    with pytest.raises(cnncost.UsageError):
        cnncost.analyze(network, (4, 8, 8))
    assert all(part.training for part in network.modules())


def test_wrong_input() -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(nn.Conv2d(3, 3, 1), (4, 8, 8))
    assert str(caught.value) == (
        "Conv2d: its forward pass fails at input 4x8x8: RuntimeError: Given groups=1, weight of size"
        " [3, 3, 1, 1], expected input[1, 4, 8, 8] to have 3 channels, but got 4 channels instead\n"
        "  is that its input? it is given without the batch: input_shape=(3, 224, 224)"
    )


def test_control_flow_on_values_shows_its_line() -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        from_module(Branches(), (3, 8, 8), road="export")
    line = 1 + Path(__file__).read_text().splitlines().index("        if x.sum() > 0:")
    assert str(caught.value) == (
        "Branches: its control flow depends on the values of tensors, so there is not one graph\n"
        f"  {__file__}:{line}\n"
        "      if x.sum() > 0:\n"
        "  compute it from shapes, or take that part out of what is imported"
    )


def test_control_flow_on_values_comes_in_as_it_ran() -> None:
    network = Decides()
    graph = from_module(network, (3, 8, 8))
    assert graph.facts["road"] == "one run"
    assert graph.facts["as_run"] == ["if y.mean().item() > 1000:"]
    assert cnncost.analyze(graph).totals.macs == 4 * 27 * 36 + 4 * 36 * 16
    again = from_module(network, (3, 8, 8), road="run")
    assert [node.op for node in again.nodes] == [node.op for node in graph.nodes]


def test_an_unknown_operator_is_named_with_its_place() -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(Unnamed(), (3, 8, 8))
    source = "return torch.linalg.matrix_exp(x).abs()"
    line = 1 + Path(__file__).read_text().splitlines().index(f"        {source}")
    assert str(caught.value) == (
        "Unnamed: aten.linalg_matrix_exp.default is not an operator of cnncost: nobody has declared it\n"
        "  module exponential\n"
        f"  {__file__}:{line}\n"
        f"      {source}\n"
        "  go on without its cost, totals being lower bounds: allow_unknown=True\n"
        "  or declare it: a class in cnncost/ops, a function in cnncost/importers/aten (CONTRIBUTING.md)"
    )


def test_an_allowed_unknown_makes_every_total_a_lower_bound() -> None:
    from cnncost.tables.layers import layer_grid
    from cnncost.tables.output import rendered

    graph = from_module(Unnamed(), (3, 8, 8), allow_unknown=True)
    report = cnncost.analyze(graph)
    assert [row.op for row in report.rows] == ["conv", "unknown", "elementwise"]
    assert report.unknown == 1
    assert report.totals.params == 224
    assert cnncost.Report.from_dict(report.to_dict()) == report._replace(facts={})
    grid = layer_grid(report)
    for format in ("text", "markdown", "latex"):
        assert "total (lower bound)" in rendered([grid], None, format), format
    plain = cnncost.analyze(from_module(Twice(), (3, 8, 8))).to_dict()
    assert "unknown" not in plain


def test_unknown_operators_are_in_no_spec() -> None:
    from cnncost.importers import write

    with pytest.raises(
        cnncost.UsageError, match=r"^Unnamed: exponential\.unknown is unknown, which no spec can name$"
    ):
        write.text(from_module(Unnamed(), (3, 8, 8), allow_unknown=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (nn.ReLU(),),
            "ReLU: a module needs an input shape, without the batch\n  cnncost.analyze(module, (3, 224, 224))",
        ),
        (
            (nn.ReLU, (3, 8, 8)),
            "ReLU is a class, not a module\n  make one: cnncost.analyze(ReLU(), (3, 224, 224))",
        ),
    ],
)
def test_what_analyze_refuses(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(*arguments)
    assert str(caught.value) == message


def test_a_graph_has_its_input_shape() -> None:
    with pytest.raises(cnncost.UsageError) as caught:
        cnncost.analyze(cnncost.load("lenet5"), (1, 32, 32))
    assert str(caught.value) == (
        "a graph has its input shape already\n  give it to load: load(name, input=...)"
    )


class Packed(nn.Module):
    """A recurrent layer over sentences of several lengths."""

    def __init__(self, kind: type[nn.RNNBase], **given: Any) -> None:
        super().__init__()
        self.layer = kind(6, 5, batch_first=True, **given)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return nn.utils.rnn.pad_packed_sequence(self.layer(packed)[0], batch_first=True)[0]


@pytest.mark.parametrize(
    ("kind", "gates", "given"),
    [(nn.LSTM, 4, {}), (nn.GRU, 3, {"bidirectional": True}), (nn.RNN, 1, {"num_layers": 2})],
)
def test_of_sequences_of_several_lengths_every_step_counts(
    kind: type[nn.RNNBase], gates: int, given: dict[str, Any]
) -> None:
    module = Packed(kind, **given)
    x, lengths = torch.randn(3, 7, 6), torch.tensor([7, 7, 7])
    report = cnncost.analyze(module, example_inputs=(x, lengths))
    assert report.totals.params == sum(parameter.numel() for parameter in module.parameters())
    ways, layers = 1 + given.get("bidirectional", False), given.get("num_layers", 1)
    steps = 3 * 7 * gates * 5
    assert report.totals.macs == ways * steps * (6 + 5) + (layers - 1) * steps * (5 + 5)
    assert report.road == "one run"


def test_a_window_larger_than_the_map_is_cut_off() -> None:
    """transformers' EfficientNet ends so; PyTorch takes the mean of all."""
    module = nn.Sequential(nn.AvgPool2d(64, ceil_mode=True), nn.Conv2d(3, 4, 1))
    assert torch.allclose(module[0](x := torch.randn(2, 3, 7, 5)), x.mean((2, 3), keepdim=True), atol=1e-6)
    assert cnncost.analyze(module, (3, 7, 5)).rows[-1].output_shape == (4, 1, 1)
