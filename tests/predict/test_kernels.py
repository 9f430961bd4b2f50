"""What a run launches, followed by hand: element types under autocast, and what a compiler fuses."""

from __future__ import annotations

from math import prod

import pytest

import cnncost
from cnncost.calibrate.pieces import Trial
from cnncost.execution.plan import plan
from cnncost.graph import Graph
from cnncost.predict.kernels import KernelRules, Work, works
from cnncost.predict.model import host_seconds
from cnncost.predict.profile import LAUNCHED

NAMES = (
    "alexnet",
    "se_resnet50",
    "densenet121",
    "mobilenet_v3_large",
    "convnext_tiny",
    "unet",
    "shufflenet_v2_x1_0",
)
AUTOCAST = KernelRules(autocast=True)


def of(graph: Graph, rules: KernelRules, *, fused: bool = False) -> list[Work]:
    """The kernels of a graph in float16."""
    return works(plan(graph, dtype="float16"), rules, fused=fused)


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_one_that_a_profile_has_numbers_for(name: str) -> None:
    graph = cnncost.load(name)
    for fused in (False, True):
        for rules in (KernelRules(), AUTOCAST):
            assert {work.kind for work in of(graph, rules, fused=fused)} <= set(LAUNCHED)


@pytest.mark.parametrize("name", NAMES)
def test_fusing_keeps_the_arithmetic_and_moves_no_more(name: str) -> None:
    graph = cnncost.load(name)
    plain, fused = of(graph, KernelRules()), of(graph, KernelRules(), fused=True)
    assert sum(work.flops for work in plain) == sum(work.flops for work in fused)
    assert sum(work.moved for work in fused) < sum(work.moved for work in plain)
    assert {at for work in plain for at in work.nodes} == {at for work in fused for at in work.nodes}


def test_autocast_converts_what_a_product_reads_and_its_weights() -> None:
    """AlexNet's first convolution: the image and the filters are float32 and go in as float16."""
    graph = cnncost.load("alexnet")
    first, conv = of(graph, AUTOCAST)[:2]
    values = prod(graph.input_shape)
    weights = graph.nodes[1].op.params(*graph.input_shapes(graph.nodes[1]))
    assert (first.kind, first.launches) == ("move", 2)
    assert (first.read, first.written) == (4 * (values + weights), 2 * (values + weights))
    assert (conv.kind, conv.read, conv.weights) == ("stem", 2 * values, 2 * weights)


def test_norms_are_wide_under_autocast_unless_they_are_made_narrow() -> None:
    """ConvNeXt's layer norms read and write 4 bytes a value, or 2."""
    graph = cnncost.load("convnext_tiny")
    wide = [work for work in of(graph, AUTOCAST) if work.kind == "reduction"]
    narrow = [work for work in of(graph, KernelRules(True, wide_norms=False)) if work.kind == "reduction"]
    assert [work.written for work in wide][1] == 2 * [work.written for work in narrow][1]


def test_a_norm_with_its_activation_is_one_loop() -> None:
    """ResNet's bn, relu of a block's first convolutions; bn, add, relu of its last."""
    found = [work for work in of(cnncost.load("resnet18"), KernelRules(), fused=True) if len(work.nodes) > 1]
    assert {len(work.nodes) for work in found} >= {2, 3}


def test_an_expanded_view_is_read_once() -> None:
    """The gate of a squeeze-and-excitation has a value per channel, however large the map it scales."""
    gates = [work for work in of(cnncost.load("se_resnet50"), KernelRules()) if work.name.endswith(".mul")]
    assert gates
    for gate in gates:
        assert gate.read < 1.03 * gate.written


def test_a_bias_is_a_kernel_of_its_own_where_the_library_does_not_add_it() -> None:
    """AlexNet's five convolutions have biases; their outputs are read and written once more."""
    graph = cnncost.load("alexnet")
    plain, apart = of(graph, KernelRules()), of(graph, KernelRules(bias_kernel=True))
    assert len(apart) == len(plain) + 5
    outputs = sum(work.written for work in plain if work.kind in ("stem", "kxk", "grouped"))
    assert sum(work.moved for work in apart) == sum(work.moved for work in plain) + 2 * outputs
    once = {"launch.dispatch_us": 1.0}  # the host asks for a convolution, and launches both
    assert host_seconds(apart, once, "eager") == host_seconds(plain, once, "eager")


def test_attention_is_one_kernel_in_inference() -> None:
    """Two images of 196 tokens of 64 features attend to themselves: two products, the weights unwritten."""
    graph = Trial("attention", "NLC", (196, 64), 2, "attention", reads=3).graph()
    for fused in (False, True):
        whole = works(plan(graph, batch=2), KernelRules(), fused=fused)[-1]
        assert (whole.kind, whole.launches) == ("attention", 1)
        assert whole.flops == 2 * 2 * (2 * 196 * 196 * 64)
        assert (whole.products, whole.m, whole.n, whole.k) == (2, 196, 196, 64)
        assert whole.read == whole.written == 4 * 2 * 196 * 64
    step = [each.kind for each in works(plan(graph, batch=2, training=True))]
    assert "attention" not in step[:-1] or step.count("attention") > 1  # the plain kernels


@pytest.mark.parametrize(("axes", "kind"), [("NCW", "1-D"), ("NCHW", "kxk"), ("NCDHW", "3-D")])
def test_a_convolution_over_one_or_three_axes_is_a_class_of_its_own(axes: str, kind: str) -> None:
    graph = Trial("kxk", axes, (8, *[16] * (len(axes) - 2)), 1, "conv", (("out", 8), ("kernel", 3))).graph()
    assert [each.kind for each in works(plan(graph))] == [kind]
    pointwise = Trial("1x1", axes, (8, *[16] * (len(axes) - 2)), 1, "conv", (("out", 8), ("kernel", 1)))
    assert [each.kind for each in works(plan(pointwise.graph()))] == ["1x1"]


def test_weights_that_are_computed_are_weights() -> None:
    """A convolution with given filters: the map is read, the filters are packed as weights are."""
    from cnncost.graph import InputNode, Node
    from cnncost.ops import REGISTRY
    from cnncost.ops.sizes import shaped

    x = Node(0, "x", InputNode(), (), shaped("NCHW", (1, 8, 14, 14)))
    held = REGISTRY["learned"](shape=(16, 8, 3, 3))
    filters = Node(1, "filters", held, (0,), held.output_shape(x.shape))
    op = REGISTRY["conv_given"](pad=1)
    conv = Node(2, "conv", op, (0, 1), op.output_shape(x.shape, filters.shape))
    (work,) = works(plan(Graph("given", (x, filters, conv), (2,), "test"), batch=4))
    assert (work.read, work.weights) == (4 * 4 * 8 * 14 * 14, 4 * 16 * 8 * 3 * 3)


def test_one_tensor_on_both_sides_is_read_once_but_copied_twice() -> None:
    """Of 4 x 8 x 8 values in float16: x + x reads 512 bytes and writes as many; x beside x reads 1,024."""
    for op, read, written in (("add", 512, 512), ("concat", 1024, 1024)):
        found = of(Trial("join", "NCHW", (4, 8, 8), 1, op, reads=2).graph(), KernelRules())[-1]
        assert (found.read, found.written) == (read, written)
    assert found.kind == "concat"


def test_local_response_normalisation_is_as_many_kernels_as_pytorch_runs() -> None:
    """What PyTorch dispatches for it but views; padding is two kernels: it fills, then it copies."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    called: list[str] = []

    class Listening(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            called.append(func.overloadpacket.__name__)
            return func(*args, **kwargs or {})

    with Listening():
        torch.nn.functional.local_response_norm(torch.rand(1, 4, 8, 8), 3)
    views = {"rand", "view", "unsqueeze", "squeeze", "detach"}
    kernels = sum([2 if name == "constant_pad_nd" else 1 for name in called if name not in views])
    found = of(Trial("norm", "NCHW", (4, 8, 8), 1, "lrn", (("size", 3),)).graph(), KernelRules())[-1]
    assert found.launches == kernels, called
    assert (found.kind, found.read, found.written) == ("lrn", 8 * 512, 8 * 512)
