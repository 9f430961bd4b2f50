"""An nn.Module -> the PyTorch operators that it calls: three roads, taken in turn.

    export   torch.export, on tensors without memory
    fx       the same, of what torch.fx traces of the module
    run      one run on the CPU with random values, every call written down

A module is first run on tensors without memory, at batch 1, at the batch asked for and at a prime that
divides none of the sizes seen: if all are the same calls and every size is the same or grows with the
batch, it is exported at the prime, and is right for every batch. Else it is exported at the batch asked for.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import DynamicOutputShapeException, FakeTensor, FakeTensorMode

from cnncost.errors import known_word
from cnncost.importers.aten import failures
from cnncost.importers.aten.autograd import DataDetached, heard
from cnncost.importers.aten.lifetimes import Lifetime, Lifetimes
from cnncost.importers.aten.program import Program, agree
from cnncost.importers.aten.recording import Called, Calls, Recorder
from cnncost.importers.aten.unbatched import batched
from cnncost.importers.aten.untouched import as_it_was, in_mode
from cnncost.importers.aten.values import has_tensor
from cnncost.importers.aten.waiting import TooLong, Watch
from cnncost.importers.aten.written import telling_names
from cnncost.importers.draws import SEED, Generators
from cnncost.importers.inputs import Example
from cnncost.importers.shapes import prime_beside
from cnncost.importers.surroundings import asks_for_cuda, without_cuda


def program(
    module: nn.Module,
    example: Example,
    batch: int,
    watch: Watch,
    road: str | None = None,
    again: Callable[[], nn.Module] | None = None,
    mode: str = "eval",
    every_batch: bool = True,
) -> Program:
    """The program of a module in inference, or in training; the module is left as it was.

    It is right for every batch if there is such a one, unless `every_batch` says that it need not be.
    `again` makes the module with weights for a run, if it has none. Roads that are not asked for by name are
    left after a while. Code that asks for CUDA, of a module that is not there, has the CPU instead. Raises
    UsageError with the line where its code fails, or no road leads through it.
    """
    taken = [known_word("unknown road", road, ROADS)] if road else list(ROADS)
    failures.check(module, example, watch.title)
    if not example.has_batch:
        batch = 1  # who counts another is told so
    with in_mode(module, mode), quiet():
        found, seen = through(taken, module, example, batch, watch, road is None, again, every_batch)
        if found is None and any(map(asks_for_cuda, seen.values())) and on_cpu(module):
            with without_cuda():
                found, seen = through(taken, module, example, batch, watch, road is None, again, every_batch)
            found = found and found._replace(without_cuda=True)
        if found is not None:
            return found
        raise failures.failed(
            telling(seen), watch.title, module, example, lambda other: runs(module, other, batch)
        ) from None


def through(
    roads: Sequence[str],
    module: nn.Module,
    example: Example,
    batch: int,
    watch: Watch,
    limited: bool,
    again: Callable[[], nn.Module] | None,
    every_batch: bool,
) -> tuple[Program | None, Mapping[str, BaseException]]:
    """The program by the first road that leads through a module, and how those before it failed."""
    seen: dict[str, BaseException] = {}
    for name in roads:
        if name == "fx" and "export" in seen and needs_a_run(seen["export"]):
            continue  # it ends in an export, too
        try:
            watch.by(name, limited)
            if name == "run" and again is not None:
                training = module.training
                module = again()
                module.train(training)
            return batched(ROADS[name](module, example, batch, every_batch)), seen
        except BaseException as error:  # the module's own code may raise anything
            if isinstance(error, KeyboardInterrupt):
                raise
            seen[name] = error
        finally:
            watch.done()
    return None, seen


def on_cpu(module: nn.Module) -> bool:
    """Whether a module has nothing on CUDA itself."""
    return all(tensor.device.type != "cuda" for tensor in (*module.parameters(), *module.buffers()))


def runs(module: nn.Module, example: Example, batch: int) -> bool:
    """Whether a module's forward pass gets through a call, on tensors without memory."""
    try:
        record(module, example, batch)
    except BaseException as error:  # the module's own code
        if isinstance(error, KeyboardInterrupt):
            raise
        return False
    return True


def needs_a_run(error: BaseException) -> bool:
    """Whether sizes depend on values, or an export came to no end: only a run may lead through."""
    return isinstance(error, (DynamicOutputShapeException, TooLong))


def telling(seen: Mapping[str, BaseException]) -> BaseException:
    """The failure to tell of: the first, or the run's where the first one only says that it needs a run."""
    first = next(iter(seen.values()))
    return seen.get("run", first) if needs_a_run(first) or failures.by_values(first) else first


def by_export(module: nn.Module, example: Example, batch: int, every_batch: bool = True) -> Program:
    """The program of a module by torch.export. Raises what the module's code raises."""
    prime = any_batch(module, example, batch) if every_batch else None
    with as_it_was(module), torch.enable_grad(), telling_names():
        with FakeTensorMode(allow_non_fake_inputs=True):
            args, kwargs = inputs(module, example, prime or batch)
        before = Generators()
        with heard() as said, DataDetached():
            exported = torch.export.export(module, args, kwargs, strict=False)
        drawn = before.drawn_from()
    if any(isinstance(value, FakeTensor) for value in exported.constants.values()):
        raise ValueError("torch.export lost track of a tensor")
    if any("_functorch" in getattr(node.target, "__module__", "") for node in exported.graph.nodes):
        raise ValueError("it maps a function over an axis")  # torch.vmap: a run shows what that calls
    given_back = next(node for node in exported.graph.nodes if node.op == "output").all_input_nodes
    if not any(has_tensor(node.meta["val"]) for node in given_back if "val" in node.meta):
        raise ValueError("it gives back no tensor")  # but an array, say: a run shows what that is made of
    signature = exported.graph_signature
    names = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    given = [node for node in exported.graph.nodes if node.op == "placeholder"]
    inner = {
        name: part.graph for name, part in exported.graph_module.named_modules() if name and is_graph(part)
    }
    found = Program(
        exported.graph,
        inner,
        [node for node in given if node.name in signature.user_inputs],
        {node: names[node.name] for node in given if node.name in names},
        module,
        "torch.export",
        None if prime else batch,
        example,
        as_run=drawn if prime else [*drawn, *changing(module, example, batch)],
    ).mark(prime)
    lived = lifetimes(module, example, found)
    return found._replace(lifetimes=lived, training=module.training, doubts=tuple(said.doubts))


def lifetimes(module: nn.Module, example: Example, program: Program) -> dict[Any, Lifetime] | None:
    """How long the values of a program's calls live in the module's own code, seen in one run of it."""
    try:
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        with as_it_was(module), torch.inference_mode(), fake, spelled_out(), heard():
            args, kwargs = inputs(module, example, program.prime or program.batch or 1)
            seen = Lifetimes((tensor for _, tensor in example.named(args, kwargs)), program.prime)
            with seen:
                output = module(*args, **kwargs)
            found = seen.aligned(program)
            del output
            return found
    except Exception:  # the module's own code: it ran before, or its failure is told there
        return None


def by_symbols(module: nn.Module, example: Example, batch: int, every_batch: bool = True) -> Program:
    """The program of what torch.fx traces of a module.

    No tensor is there while it traces, so code that export stumbles over may pass: what is read from a
    tensor for nobody (a value to log) is left out before the export. What the code itself refuses is refused:
    a traced unpacking has as many sizes as it asks for.
    """
    try:
        recorder = record(module, example, batch)
        if module.training and recorder.speaks_to_autograd():
            raise ValueError("torch.fx sees no checkpoint, and nothing of where gradients are off")
    except Exception as error:
        if "DataDependent" not in type(error).__name__:
            raise
        if module.training:  # what its code does after that is not seen
            raise ValueError("torch.fx sees no checkpoint, and whether there is one is not known") from error
    before = Generators()
    traced = fx.symbolic_trace(module)
    drawn = before.drawn_from()
    traced.graph.eliminate_dead_code(is_impure_node=may_matter)
    traced.recompile()
    traced.training = module.training
    if {id(item) for item in traced.parameters()} != {id(item) for item in module.parameters()}:
        raise ValueError("torch.fx lost parameters")  # those of a scripted part, say
    found = by_export(traced, example, batch, every_batch)
    return found._replace(road="torch.fx", module=module, lifetimes=None, as_run=[*drawn, *found.as_run])


def by_run(module: nn.Module, example: Example, batch: int, every_batch: bool = False) -> Program:
    """The program of one run, with random values; only right for this batch and, maybe, these values."""
    recorder = record(module, example, batch, real=True)
    found = Program(recorder.graph, {}, recorder.inputs, recorder.tensors, module, "one run", batch, example)
    found = found._replace(as_run=recorder.as_run(), doubts=tuple(recorder.heard.doubts))
    return found._replace(training=module.training).mark(None)


ROADS = {"export": by_export, "fx": by_symbols, "run": by_run}
"""The roads, in the order in which they are tried."""


def any_batch(module: nn.Module, example: Example, batch: int) -> int | None:
    """A prime at which the module makes the calls that it makes at 1 and at `batch`; None if there is none.

    The prime divides no size that was seen, and every size is the same at all of them, or grows with them.
    """
    given = example.given
    if not given or given[0].batch_axis != 0 or any(item.batch_axis not in (0, None) for item in given):
        return None
    try:
        least = 2 if module.training else 1  # one value has no variance
        fake = FakeTensorMode(allow_non_fake_inputs=True)  # it keeps what parameters are on it
        one = calls(module, example, least, fake)
        sizes = [size for _, shapes in one for shape in shapes for size in shape]
        sizes += [size for tensor in (*module.parameters(), *module.buffers()) for size in tensor.shape]
        prime = prime_beside([*sizes, *example.sizes, batch])
        others = {size: calls(module, example, size, fake) for size in sorted({prime, batch} - {least})}
    except DynamicOutputShapeException:
        raise  # nor does an export know sizes that depend on values, and it looks for them for long
    except Exception:  # the module's own code: what it raises is told by the road that is taken
        return None
    alike = [agree(one, least, other, size) for size, other in others.items()]
    return prime if all(alike) else None


def calls(module: nn.Module, example: Example, batch: int, fake: FakeTensorMode) -> Sequence[Called]:
    """What a module calls in a run on tensors without memory, and the shapes of what that gives."""
    with as_it_was(module), torch.inference_mode(), torch.enable_grad(), fake, spelled_out():
        args, kwargs = inputs(module, example, batch)
        seen = Calls()
        with seen:
            module(*args, **kwargs)
    return seen.made


def changing(module: nn.Module, example: Example, batch: int) -> list[str]:
    """What is to be said if two runs of a module, alike in all that is known, are not the same calls."""
    try:
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        one, other = (calls(module, example, batch, fake) for _ in range(2))
    except Exception:  # the module's own code, and sizes that values decide
        return []
    return [] if one == other else ["what differs from one run of its code to the next"]


def record(module: nn.Module, example: Example, batch: int, real: bool = False) -> Recorder:
    """A run of a module, written down: on tensors without memory, or on random values on the CPU."""
    if real:
        around: Any = torch.random.fork_rng(devices=[])
    else:
        around = FakeTensorMode(allow_non_fake_inputs=True)
    # Nothing is recorded in inference mode; with gradients on it shows where the module turns them off.
    with (
        as_it_was(module),
        torch.inference_mode(),
        torch.enable_grad(),
        around,
        spelled_out(),
        heard() as said,
    ):
        recorder = Recorder(module, said, real)
        if real:
            torch.manual_seed(SEED)
        args, kwargs = inputs(module, example, batch, real)
        for name, tensor in example.named(args, kwargs):
            recorder.begin(tensor, name)
        before = Generators() if real else None  # a state without memory cannot be compared
        try:
            with recorder, recorder.watching():
                output = module(*args, **kwargs)
        finally:
            recorder.restore()
        if before is not None:
            recorder.drawn = [line for line in before.drawn_from() if not line.endswith("torch")]
        recorder.finish(output)
    return recorder


def inputs(module: nn.Module, example: Example, batch: int, real: bool = False) -> tuple[Any, Any]:
    """The arguments of a forward pass, on the device of the module, in its element type."""
    tensors = [*module.parameters(), *module.buffers()]
    device = tensors[0].device if tensors else torch.device("cpu")
    return example.arguments(batch, dtype_of(module), device, real)


@contextlib.contextmanager
def spelled_out() -> Iterator[None]:
    """In here attention is not replaced by the fused layer that PyTorch takes where nothing learns."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def dtype_of(module: nn.Module) -> torch.dtype:
    """The element type of a module: that of its first floating-point parameter, or buffer."""
    tensors = (*module.parameters(), *module.buffers())
    return next((tensor.dtype for tensor in tensors if tensor.is_floating_point()), torch.float32)


def is_graph(part: Any) -> bool:
    """Whether a part of an exported program is a program within the program."""
    return isinstance(part, fx.GraphModule)


def may_matter(node: Any) -> bool:
    """Whether a call whose result nobody reads has to stay: anything but a method that changes nothing."""
    return bool(node.op != "call_method" or node.target.endswith("_"))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """In here neither export nor the module says anything: what concerns the user is in the error.

    A module may print as often as it is run; what it prints would stand among the results.
    """
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        said = io.StringIO()
        with warnings.catch_warnings(), contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
