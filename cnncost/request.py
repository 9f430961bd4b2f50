"""The question that every command asks: a `Model` (of what) and a `Run` (under which circumstances).

Both are plain frozen data. The help texts of the command line stand here, at the fields, and `cli/spread.py`
makes options of them. A `Request` is both, with the text form that locks, configurations and labels have:

    resnet50                                  a zoo name, or an importer's
    nets/edge.yaml:small                      a file's variant
    resnet50 --set classes=10 --batch 32      with what is not the default
    nets:Net --input 3x32x32 --allow-unknown  an import, an operator of which has no known cost

Nothing here loads a model, knows the zoo, or reads a file.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple, Optional, Union

from cnncost.errors import UsageError, known_word


class Option(NamedTuple):
    """How a command line writes a field: its help text, its short flag, its metavar, its name if another."""

    help: str
    short: str = ""
    metavar: str = ""
    written: str = ""


class Model(NamedTuple):
    """Which network: its name, and what is changed of it."""

    spec: Annotated[
        str,
        Option(
            "A zoo name, a spec file (my.yaml, my.yaml:small), or an import: torchvision:resnet50,"
            " timm:convnext_tiny, model.onnx, net.py:Net or package.module:factory, whose code is run."
        ),
    ]
    input: Annotated[
        Optional[tuple[Union[int, str], ...]],
        Option(
            "The input without the batch: 3x256x256, or 256x256, or 256 where the channels are known; of an"
            " import literally: 784, 1x16000. Repeated for several: image=3x224x224, ids=int64:128:0..30522.",
            "-i",
            "SIZES",
        ),
    ] = None
    set: Annotated[
        tuple[tuple[str, Any], ...], Option("Override a parameter of the spec.", "-s", "NAME=VALUE")
    ] = ()
    kwargs: Annotated[
        tuple[tuple[str, Any], ...],
        Option("Keyword arguments of what builds an imported network, as a JSON object.", metavar="JSON"),
    ] = ()
    allow_unknown: Annotated[
        bool,
        Option("Go on where an import meets an operator without a declaration; totals are lower bounds."),
    ] = False
    road: Annotated[
        Optional[str],
        Option(
            "How a module comes in: export, fx or run; else the first that leads through.", metavar="ROAD"
        ),
    ] = None
    batch_axis: Annotated[
        Optional[str], Option("Where an import's input has its batch: 0, 1, ... or none.", metavar="AXIS")
    ] = None
    dtype: Annotated[
        Optional[str], Option("Count an import's floating-point numbers as this type; else as its own.")
    ] = None
    fold_bn: Annotated[bool, Option("Fold batch norms into the layers before them, as for inference.")] = (
        False
    )

    bits: Annotated[
        tuple[str, ...],
        Option(
            "Bits of weights and activations: 4, w4a8, 'stem.*=w1'; later ones go before. Repeatable.",
            metavar="[NAME=]BITS",
        ),
    ] = ()

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """The only input of a spec. Raises UsageError for one that is named or has an element type."""
        if self.input is None:
            return None
        sizes = tuple([size for size in self.input if not isinstance(size, str)])
        if len(sizes) != len(self.input):
            raise UsageError(
                f"{self.spec}: the input of a spec is its sizes, not {' '.join(map(str, self.input))}\n"
                "  for example: --input 3x256x256"
            )
        return sizes

    @property
    def arguments(self) -> dict[str, Any]:
        """`set` and `kwargs` as one: to what builds an imported network they are the same."""
        return {**dict(self.kwargs), **dict(self.set)}

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        sizes = None if self.input is None else list(self.input)
        return {
            **self._asdict(), "input": sizes, "set": dict(self.set), "kwargs": dict(self.kwargs),
            "bits": list(self.bits),
        }  # fmt: skip


class Run(NamedTuple):
    """Under which circumstances a network is looked at."""

    batch: Annotated[int, Option("Images per batch.", "-b", "N")] = 1
    dtype: Annotated[
        str, Option("Element type: float32, float16, bfloat16, float64, int8; an import has its own.")
    ] = "float32"
    mode: Annotated[str, Option("eval, or train (with training-only heads).")] = "eval"
    convention: Annotated[str, Option("How to count: cnncost, deeprob, keras, fvcore, thop, ...", "-c")] = (
        "cnncost"
    )
    device: Annotated[Optional[str], Option("Where it runs: cpu, cuda, cuda:1.")] = None
    on: Annotated[
        Optional[str],
        Option(
            "Predict, without running anything, for a device: rtx-4090, or a file ./mine.yaml.",
            metavar="DEVICE",
        ),
    ] = None
    layout: Annotated[
        Optional[str],
        Option("With --on: nchw, or nhwc (channels last); else what the device is calibrated for."),
    ] = None
    launch: Annotated[
        Optional[str],
        Option("With --on: eager, graph (a CUDA graph) or compile (torch.compile); else as calibrated."),
    ] = None
    no_tf32: Annotated[
        bool,
        Option(
            "With --on: no TF32 for convolutions of float32 (torch.backends.cudnn.allow_tf32 = False).",
        ),
    ] = False
    stack: Annotated[
        Optional[str],
        Option(
            "With --on: which of a device's profiles, by words of its stack: 'PyTorch 2.1'; else the newest.",
            metavar="WORDS",
        ),
    ] = None
    runtime: Annotated[
        Optional[str],
        Option("The runtime that needs RAM and flash for it: tflm, tinyengine, executorch.", metavar="NAME"),
    ] = None
    precision: Annotated[
        Optional[str],
        Option("The dtype of a predicted time, if one was asked for; else as the device is calibrated."),
    ] = None

    @property
    def counting(self) -> dict[str, Any]:
        """What `analyze` takes of it: batch, dtype, mode and convention."""
        return {name: getattr(self, name) for name in ("batch", "dtype", "mode", "convention")}

    @property
    def predicting(self) -> dict[str, Any]:
        """What `predict` takes of it: batch, dtype, mode, layout, launch, stack, whether TF32 is allowed."""
        names = ("batch", "mode", "layout", "launch", "stack")
        words = {name: getattr(self, name) for name in names}
        return {**words, "dtype": self.precision, "tf32": not self.no_tf32}

    def check_predicting(self, *more: str) -> None:
        """Raise UsageError where it is said how a device runs, and no device is named.

        `more` are fields that are of nothing else in a command: `precision`, where all counts are of float32;
        beside a runtime it is of that, too.
        """
        usual, asked = Run._field_defaults, (*PREDICTED, *more)
        if self.runtime is not None:
            asked = tuple([name for name in asked if name != "precision"])
        said = [name for name in asked if getattr(self, name) != usual[name]] if self.on is None else []
        if said:
            option = "--dtype" if said[0] == "precision" else f"--{said[0].replace('_', '-')}"
            raise UsageError(
                f"{option} is of a predicted time, and no device is named\n  for example: --on rtx-4090"
            )


PREDICTED = ("layout", "launch", "no_tf32", "stack")
"""Fields of a Run that say how a device that is not at hand runs."""


class Training(NamedTuple):
    """How a network is trained, as far as the memory of a step depends on it."""

    optimizer: Annotated[str, Option("sgd, momentum, adam or adamw.")] = "sgd"
    together: Annotated[bool, Option("The optimizer updates all weights at once (torch's way on CUDA).")] = (
        False
    )
    fused: Annotated[bool, Option("The optimizer is one kernel, without temporaries.")] = False
    micro_batches: Annotated[int, Option("Gradients of so many passes are accumulated.", metavar="N")] = 1
    freeze: Annotated[
        tuple[str, ...],
        Option("Layers that are not trained: stage1, '*.bn'; repeatable.", metavar="PATTERN"),
    ] = ()
    held: Annotated[
        tuple[str, ...],
        Option(
            "Layers that stay in eval mode: batch norms, dropout; '*.bn'; repeatable.",
            metavar="PATTERN",
            written="--eval",
        ),
    ] = ()
    ddp: Annotated[
        str,
        Option("A process of DistributedDataParallel: gradients as copies or views of buckets."),
    ] = "none"
    loss: Annotated[str, Option("In the training step: none, or cross_entropy of every output.")] = "none"
    autocast: Annotated[
        Optional[str],
        Option(
            "Under torch.autocast: bfloat16 or float16, by the rules of --device (else CUDA); none: a"
            " --plan keeps to float32.",
            metavar="TYPE",
        ),
    ] = None


class Request(NamedTuple):
    """A model and how it is to be counted."""

    model: Model
    run: Run = Run()

    def text(self) -> str:
        """The request as `parse` reads it; what is the default is left out.

        Keyword arguments stand as --set. The convention and the devices are said once, of a whole lock.
        """
        model, run = self
        words = [shlex.quote(model.spec)]
        if model.input is not None:
            literal = all(isinstance(size, int) for size in model.input)
            for text in ["x".join(map(str, model.input))] if literal else map(str, model.input):
                words += ["--input", shlex.quote(text)]
        for name in ("road", "batch_axis"):
            if getattr(model, name) is not None:
                words += [f"--{name.replace('_', '-')}", shlex.quote(getattr(model, name))]
        for name, value in sorted(model.arguments.items()):
            words += ["--set", shlex.quote(f"{name}={value}")]
        for name in ("batch", "dtype", "mode"):
            if getattr(run, name) != Run._field_defaults[name] or (name == "dtype" and model.dtype):
                words += [f"--{name}", str(getattr(run, name))]
        words += [flag for flag, name in FLAGS.items() if getattr(model, name)]
        for text in model.bits:
            words += ["--bits", shlex.quote(text)]
        return " ".join(words)

    def check(self) -> None:
        """Raise UsageError for a model that cannot be run so."""
        if self.model.fold_bn and self.run.mode == "train":
            raise UsageError(
                "--fold-bn is for inference: training needs its batch norms\n  drop --mode train"
            )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"model": self.model.to_dict(), "run": self.run._asdict()}


FLAGS = {"--allow-unknown": "allow_unknown", "--fold-bn": "fold_bn"}
"""Options of a text form that have no value."""
OPTIONS = ("--input", "--road", "--batch-axis", "--set", "--batch", "--dtype", "--mode", "--bits", *FLAGS)


def parse(text: str) -> Request:
    """The request that a line of a lock or of a configuration writes. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} does not name a model: {str(error).lower()}") from None
    if not words or words[0].startswith("-"):
        raise UsageError(f"{text!r} does not name a model\n  for example: resnet50 --set classes=10")
    model, run = Model(words[0]), Run()
    options = iter(words[1:])
    for option in options:
        if option in FLAGS:
            flag: dict[str, Any] = {FLAGS[option]: True}
            model = model._replace(**flag)
            continue
        value = next(options, None)
        known_word(f"{text!r}: unknown option", option, OPTIONS, "options")
        if value is None:
            raise UsageError(f"{text!r}: {option} needs a value")
        if option == "--set":
            model = model._replace(set=(*model.set, _assignment(value, text)))
        elif option == "--bits":
            model = model._replace(bits=(*model.bits, value))
        elif option == "--input":
            model = model._replace(input=_input(value, text, model.input))
        elif option in ("--road", "--batch-axis"):
            asked_for: dict[str, Any] = {option[2:].replace("-", "_"): value}
            model = model._replace(**asked_for)
        elif option == "--batch":
            run = run._replace(batch=_batch(value, text))
        elif option == "--dtype":
            run, model = run._replace(dtype=value), model._replace(dtype=value)
        else:
            run = run._replace(mode=value)
    return Request(model, run)


def _assignment(value: str, text: str) -> tuple[str, str]:
    name, equals, given = value.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r}: --set {value!r} is not name=value\n  for example: --set classes=10")
    return name, given


def _input(value: str, text: str, before: tuple[int | str, ...] | None) -> tuple[int | str, ...]:
    sizes = value.split("x")
    if before is None and all(size.isdecimal() and len(size) < 10 for size in sizes):
        return tuple(map(int, sizes))
    if before is None and not re.search(r"[=:]", value):
        raise UsageError(f"{text!r}: --input {value!r} is not a size\n  for example: --input 3x256x256")
    if before and isinstance(before[0], int):
        before = ("x".join(map(str, before)),)
    return (*(before or ()), value)


def _batch(value: str, text: str) -> int:
    if not value.isdecimal() or len(value) > 31 or int(value) < 1:
        raise UsageError(f"{text!r}: --batch {value!r} is not a whole number, at least 1")
    return int(value)


def asked(models: Iterable[Model | None] = (), run: Run | None = None) -> dict[str, Any]:
    """What a JSON document says was asked: {"models": [...], "run": {...}}, as far as it was named."""
    named = [model.to_dict() for model in models if model is not None]
    return {
        **({"models": named} if named else {}),
        **({"run": run._asdict()} if run is not None else {}),
    }
