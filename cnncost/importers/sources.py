"""A name -> an nn.Module without weights: torchvision's, timm's, or a user's own."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnncost.errors import CnncostError, UnavailableError, UsageError, did_you_mean
from cnncost.importers import permission
from cnncost.importers.arguments import settings
from cnncost.importers.beside import imported
from cnncost.importers.files import no_command_line, of_file
from cnncost.importers.making import built, network_again


def build(
    name: str, input: Sequence[int | str] | None, arguments: Mapping[str, Any]
) -> tuple[Any, tuple[int | str, ...], Callable[[], Any]]:
    """The network that a name stands for; its input: what is given, else the usual shape; and the network
    again with its weights initialised, for a run whose values matter.

    Of torchvision and timm, whose networks take images of three channels, height x width is enough, or one
    number for both. Raises UsageError or UnavailableError.
    """
    library, _, model = name.rpartition(":")
    if importlib.util.find_spec("torch") is None:
        raise UnavailableError(f"{name}: an import needs PyTorch\n  pip install 'cnncost[torch]'")
    if library == "torchvision":
        factory, usual = of_torchvision(model)
    elif library == "timm":
        factory, usual = of_timm(model)
    else:
        factory, usual = of_module(library, model), None
        permission.check(name, factory)
    arguments = settings(arguments)
    network = built(name, factory, arguments)
    given = tuple(input) if input else usual(network) if usual else None
    if given is None:
        raise UsageError(
            f"{name}: the input shape is not known\n"
            "  pass it without the batch: --input 3x224x224 (an image), --input 784, --input ids=int64:128"
        )
    if usual and len(given) <= 2 and all(isinstance(size, int) for size in given):
        given = (3, *given, *given)[:3]
    return network, tuple(given), network_again(network, factory, arguments)


def library(name: str) -> Any:
    """torchvision or timm; UnavailableError if it is missing or does not fit this torch."""
    try:
        return imported(f"{name}.models" if name == "torchvision" else name)
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] != name:
            raise UnavailableError(
                f"{name} needs the package {error.name!r}, which is not installed\n  pip install {error.name}"
            ) from None
        raise UnavailableError(f"{name} is not installed\n  pip install {name}") from None
    except Exception as error:
        for loaded in [key for key in sys.modules if key.partition(".")[0] == name]:
            del sys.modules[loaded]
        raise UnavailableError(
            f"{name} cannot be imported beside this torch: {error}\n"
            "  install both from the same index: https://pytorch.org/get-started/locally"
        ) from None


def of_torchvision(model: str) -> tuple[Any, Any]:
    """torchvision's factory of a model, without weights, and its usual input."""
    models = library("torchvision")
    listed = models.list_models()
    if model not in listed:
        raise UsageError(unknown("torchvision", model, listed))

    def factory(**arguments: Any) -> Any:
        known = inspect.signature(models.get_model_builder(model)).parameters
        forced = {key: None for key in ("weights", "weights_backbone") if key in known}
        return models.get_model(model, **{**arguments, **forced})

    def usual(network: Any) -> tuple[int, int, int] | None:
        found = [entry.transforms() for entry in models.get_model_weights(model)]
        sizes = [getattr(made, "crop_size", None) or getattr(made, "resize_size", None) for made in found]
        side = min((size[0] for size in sizes if size), default=None)
        return (3, side, side) if side else None

    return factory, usual


def of_timm(model: str) -> tuple[Any, Any]:
    """timm's factory of a model, without weights, and its usual input."""
    timm = library("timm")
    if not timm.is_model(model):
        raise UsageError(unknown("timm", model, timm.list_models()))

    def usual(network: Any) -> tuple[int, ...] | None:
        settings = getattr(network, "pretrained_cfg", None) or {}
        size = settings.get("input_size")
        return tuple(size) if size else None

    def factory(**arguments: Any) -> Any:
        return timm.create_model(model, **{**arguments, "pretrained": False})

    return factory, usual


def of_module(path: str, attribute: str) -> Any:
    """An attribute of a module, or of a file of Python, which is imported: its code runs."""
    from cnncost.importers.surroundings import without_cuda

    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    title = f"{path}:{attribute}"
    try:
        with contextlib.redirect_stdout(sys.stderr), without_cuda(), no_command_line(path):
            found = of_file(path) if path.endswith(".py") else imported(path)
    except UsageError:
        raise
    except BaseException as error:  # its own code may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        raise not_imported(title, path, error) from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            named = [name for name in dir(found) if not name.startswith("_")]
            cure = did_you_mean(part, named)
            raise UsageError(f"{path} has no {attribute!r}" + (f": {cure}" if cure else ""))
        found = getattr(found, part)
    return found


def not_imported(title: str, path: str, error: BaseException) -> CnncostError:
    """The message for a module whose import fails."""
    from cnncost.importers.aten.failures import user_line

    if isinstance(error, ModuleNotFoundError) and error.name:
        if path == error.name or path.startswith(f"{error.name}."):
            return UsageError(
                f"{title}: there is no module {error.name!r}",
                cure="it is looked for in the current directory and among what is installed;"
                f" of a file elsewhere: FOLDER/{path.rpartition('.')[2]}.py:{title.rpartition(':')[2]}",
            )
        return UnavailableError(
            f"{title}: {path} needs {error.name!r}, which is not installed{user_line(error)}",
            cure="install it where cnncost is, or run in the folder that it lies in",
        )
    made = title.rpartition(":")[2]
    where = f"{path} cannot be imported: {type(error).__name__}: {error}{user_line(error)}"
    if isinstance(error, SystemExit):
        cure = "it ends when it is imported: put what is a program under if __name__ == '__main__':"
    elif "attempted relative import" in str(error):
        cure = f"name its file, and its packages are found: {path.replace('.', '/')}.py:{made}"
    elif isinstance(error, (SyntaxError, ImportError)):
        cure = None
    else:
        cure = "what it does beside defining the network belongs under if __name__ == '__main__':"
    return UsageError(f"{title}: {where}", cure=cure)


def unknown(library: str, model: str, listed: Sequence[str]) -> str:
    """The message for a model that a library does not have."""
    cure = did_you_mean(model, listed)
    return f"{library} has no model {model!r}" + (f": {cure}" if cure else "")
