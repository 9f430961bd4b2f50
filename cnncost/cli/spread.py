"""The options that a command line has for a `Model`, a `Run` and the like: one per field.

A command takes `model: Model` (SPEC), `models: list[Model]` (SPEC...), `run: Run`, `training: Training`,
`paper: Paper` and `limits: CostLimits`, and says with `asks` which fields of them it asks for. `spread` gives
typer a function with an option for each; their values become the objects again. The default of an option is
that of the command's own `Run`. Whatever is a number is read as people write it (`numbers.py`).
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, Optional, get_args, get_origin, get_type_hints

import typer

from cnncost.cli import completing, numbers, options
from cnncost.errors import UsageError
from cnncost.limits import CostLimits
from cnncost.request import Model, Option, Request, Run, Training
from cnncost.tables.paper import Paper

PAPER = ("columns", "caption", "label", "width")
NETWORK = ("input", "set", "kwargs", "road", "batch_axis")
"""What is changed of any network, for a command that runs it, or writes it as a spec."""
COUNTED = ("input", "set", "kwargs", "allow_unknown", "road", "batch_axis")
MODEL = ("spec", *COUNTED)
RUN = ("batch", "dtype", "mode", "convention")
KINDS: dict[type[Any], tuple[tuple[str, ...], str]] = {
    Model: (MODEL, "Model"),
    Run: (RUN, "Run"),
    Training: (Training._fields, "Training"),
    Paper: (PAPER, "Table"),
    CostLimits: (CostLimits._fields, "Limits"),
}
"""What is spread: a kind, the fields asked for if a command names none, and its panel in the help."""
WRITTEN = {
    "columns": Optional[str],
    "input": Optional[list[str]],
    "set": Optional[list[str]],
    "kwargs": Optional[str],
    "bits": Optional[list[str]],
    "freeze": Optional[list[str]],
    "held": Optional[list[str]],
}
"""Fields that a command line writes as another type than that of the field."""


class Asks(NamedTuple):
    """Which fields a command asks for, and what it says of them where that is more than the field says."""

    fields: tuple[str, ...]
    help: Mapping[str, str]


def asks(*fields: str, **help: str) -> Asks:
    """The annotation of a command's Model or Run: `Annotated[Run, asks("batch", device="cpu or cuda.")]`."""
    return Asks((*fields, *(name for name in help if name not in fields)), help)


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option per field instead of its Models and its Run."""
    signature = inspect.signature(command, eval_str=True)
    parts = {parameter.name: Parameter.of(parameter) for parameter in signature.parameters.values()}
    parameters = [option for part in parts.values() for option in part.options()]

    def called(**values: Any) -> None:
        given = {name: counted_as(part.value(values), values.get("dtype")) for name, part in parts.items()}
        run = next((value for value in given.values() if isinstance(value, Run)), Run())
        for value in given.values():
            for model in value if isinstance(value, list) else [value]:
                if isinstance(model, Model):
                    Request(model, run).check()
        command(**given)

    called.__doc__ = command.__doc__
    vars(called)["__signature__"] = signature.replace(parameters=parameters)
    called.__annotations__ = {option.name: option.annotation for option in parameters}
    return called


class Parameter(NamedTuple):
    """A parameter of a command: a Model, several, a Run, a Paper, limits, or what typer knows itself."""

    parameter: inspect.Parameter
    kind: type[Any] | None  #: of `KINDS`; None: as it is
    asks: Asks
    several: bool = False  #: a list of models
    optional: bool = False  #: None if no option is given

    @classmethod
    def of(cls, parameter: inspect.Parameter) -> Parameter:
        """The part that a parameter's annotation describes."""
        annotation, asked = parameter.annotation, None
        if get_origin(annotation) is Annotated:
            annotation, asked = get_args(annotation)[:2]
        plain = [each for each in get_args(annotation) if each is not type(None)]
        optional = get_origin(annotation) is not list and len(plain) == 1
        for kind, (usual, _) in KINDS.items():
            if annotation is kind or kind in plain:
                asked = asked if isinstance(asked, Asks) else Asks(usual, {})
                return cls(parameter, kind, asked, get_origin(annotation) is list, optional)
        return cls(parameter, None, Asks((), {}))

    def options(self) -> list[inspect.Parameter]:
        """What typer is shown of it."""
        if self.kind is None:
            for declared in get_args(self.parameter.annotation)[1:]:
                completing.complete(declared, self.parameter.name)
                numbers.parse(declared, get_args(self.parameter.annotation)[0], self.parameter.name)
            return [self.parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        hints = get_type_hints(self.kind, include_extras=True)
        return [self._option(name, *get_args(hints[name])) for name in self.asks.fields]

    def _option(self, name: str, kind: Any, declared: Option) -> inspect.Parameter:
        if name == "spec":
            specs = ("specs", options.Specs) if self.several else ("spec", options.Spec)
            return keyword(*specs)
        default = self.usual[name]
        shown: str | bool = str(default) if self.optional and self.kind is Run else True
        if name in WRITTEN:
            kind, default, shown = WRITTEN[name], None, False
        elif name == "dtype":  # left out, an import has its own
            of_time = "on" in self.asks.fields and name in self.asks.help  # else as the device is calibrated
            kind, default, shown = Optional[kind], None, False if of_time else str(default)
        elif self.optional:
            kind, default = Optional[kind], None
        written = declared.written or f"--{name.replace('_', '-')}"
        limit = numbers.LIMITS.get(name[len("max_") :], numbers.count) if self.kind is CostLimits else None
        option = typer.Option(
            *filter(None, (written, declared.short)),
            parser=limit(written) if limit else numbers.of(kind, written),
            metavar=declared.metavar or numbers.metavar(kind),
            help=self.asks.help.get(name, declared.help),
            show_default=shown,
            rich_help_panel=KINDS[self.kind][1] if self.kind else None,
            autocompletion=completing.of(name),
        )
        return keyword(name, Annotated[kind, option], default)

    @property
    def usual(self) -> dict[str, Any]:
        """The values of fields where nothing is given."""
        default = self.parameter.default
        if not isinstance(default, tuple(KINDS)):
            default = Model("") if self.kind is Model else self.kind() if self.kind else None
        return dict(default._asdict())

    def value(self, values: Mapping[str, Any]) -> Any:
        """What the command is given for it."""
        if self.kind is None:
            return values[self.parameter.name]
        asked = {name: values[name] for name in self.asks.fields if name != "spec"}
        given = {
            name: value for name, value in asked.items() if value not in ([], None) and value is not False
        }
        if self.optional and not given:
            return None
        if self.kind is Training:
            given = {name: tuple(each) if isinstance(each, list) else each for name, each in given.items()}
        if self.kind is Paper and "columns" in given:
            given["columns"] = columns(given["columns"])
        if self.kind is Run and "dtype" in asked:
            given["precision"] = asked["dtype"]
        if self.kind is not Model:
            return self.kind(**{**self.usual, **given})
        template = options.template(**given)
        if "spec" not in self.asks.fields:
            return template
        models = options.models(template, values["specs"] if self.several else [values["spec"]])
        return models if self.several else models[0]


def counted_as(given: Any, dtype: str | None) -> Any:
    """A command's models, imports counted as an element type if one was asked for; anything else as it is."""
    if dtype is None:
        return given
    if isinstance(given, list):
        return [counted_as(each, dtype) for each in given]
    return given._replace(dtype=dtype) if isinstance(given, Model) else given


def columns(text: str) -> tuple[str, ...]:
    """The keys that --columns lists; UsageError for one that is listed twice."""
    keys = tuple(key.strip() for key in text.split(","))
    for key, times in Counter(keys).items():
        if times > 1:
            raise UsageError(f"--columns lists {key!r} twice")
    return keys


def keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    """A parameter that typer reads."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
