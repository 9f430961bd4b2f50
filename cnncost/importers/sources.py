"""A name -> an nn.Module without weights: torchvision's, timm's, or a user's own.

While a network is built its parameters have no memory, so that initialising them costs nothing;
afterwards they are allocated, but never written or read.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest.mock import patch

from cnncost.errors import UnavailableError, UsageError, did_you_mean
from cnncost.importers import permission
from cnncost.importers.beside import imported


def build(
    name: str, input: Sequence[int | str] | None, arguments: Mapping[str, Any]
) -> tuple[Any, tuple[int | str, ...], Callable[[], Any]]:
    """The network that a name stands for; its input: what is given, else the usual shape; and the network
    again with its weights initialised, for a run whose values matter.

    Of torchvision and timm, whose networks take images of three channels, height x width is enough, or one
    number for both. Raises UsageError or UnavailableError.
    """
    library, _, model = name.partition(":")
    if importlib.util.find_spec("torch") is None:
        raise UnavailableError(f"{name}: an import needs PyTorch\n  pip install 'cnncost[torch]'")
    if library == "torchvision":
        factory, usual = of_torchvision(model)
    elif library == "timm":
        factory, usual = of_timm(model)
    else:
        factory, usual = of_module(library, model), None
        permission.check(name, factory)
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


def network_again(network: Any, factory: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
    """Makes the network once more, its weights initialised; what was made by the user is itself."""
    return lambda: network if network is factory else factory(**arguments)


def built(name: str, factory: Any, arguments: Mapping[str, Any]) -> Any:
    """What a factory (or class, or module) gives: an nn.Module. Its own code runs."""
    from torch import nn

    if isinstance(factory, nn.Module):
        return factory
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            warnings.simplefilter("ignore")
            network = made(factory, arguments)
    except UsageError:
        raise
    except TypeError as error:
        hint = """its arguments: --set num_classes=10, or --kwargs '{"num_classes": 10}'"""
        asked = arguments or not takes(factory, arguments)
        raise UsageError(f"{name} cannot be built: {error}", cure=hint if asked else None) from None
    except BaseException as error:  # its own code may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        cure = (
            "it asks for CUDA, which is not here: let it be built on the CPU"
            if "CUDA" in str(error)
            else None
        )
        raise UsageError(f"{name} cannot be built: {type(error).__name__}: {error}", cure=cure) from None
    if not isinstance(network, nn.Module):
        raise UsageError(f"{name} gives {type(network).__name__}, not an nn.Module", cure=instead(network))
    return allocated(network)


def instead(given: Any) -> str | None:
    """What to do about a factory that gives something else than a network; None if nobody knows."""
    from torch import nn

    if given is None:
        return "does it end in `return`?"
    if isinstance(given, Mapping):
        return "weights do not say what computes with them; name what makes the network"
    if isinstance(given, (tuple, list)) and any(isinstance(item, nn.Module) for item in given):
        return "name a function that gives the network alone"
    return None


def takes(factory: Any, arguments: Mapping[str, Any]) -> bool:
    """Whether a factory can be called with these keyword arguments and no others."""
    try:
        inspect.signature(factory).bind(**arguments)
    except (TypeError, ValueError):  # they do not fit; nobody knows what it takes
        return False
    return True


def made(factory: Any, arguments: Mapping[str, Any]) -> Any:
    """What a factory gives, without weights; with them if it computes with them while it builds."""
    try:
        with without_weights():
            network = factory(**arguments)
    except (RuntimeError, NotImplementedError):  # what is wrong with weights, too, is raised again
        return factory(**arguments)
    if hasattr(network, "buffers") and any(buffer.is_meta for buffer in network.buffers()):
        return factory(**arguments)
    return network


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """In here a parameter loses its memory when a module takes it, before it is initialised."""
    from torch import nn

    register = nn.Module.register_parameter

    def without_memory(module: Any, name: str, parameter: Any) -> None:
        register(module, name, parameter)
        kept = module._parameters[name]
        if kept is not None and not kept.is_meta:
            module._parameters[name] = nn.Parameter(kept.to("meta"), kept.requires_grad)

    with patch.object(nn.Module, "register_parameter", without_memory):
        yield


def allocated(network: Any) -> Any:
    """The network with memory for its parameters, which nobody writes; shared ones stay shared."""
    import torch
    from torch import nn

    known: dict[int, Any] = {}
    for module in network.modules():
        for key, value in module._parameters.items():
            if value is not None and value.is_meta:
                if id(value) not in known:
                    empty = torch.empty(value.shape, dtype=value.dtype)
                    known[id(value)] = (value, nn.Parameter(empty, value.requires_grad))
                module._parameters[key] = known[id(value)][1]
    return network


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
    """An attribute of a module, which is imported: its code runs."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found = imported(path)
    except ModuleNotFoundError as error:
        if error.name and (path == error.name or path.startswith(f"{error.name}.")):
            raise UsageError(
                f"{path}:{attribute}: there is no module {error.name!r}\n"
                "  it is looked for in the current directory and among what is installed"
            ) from None
        raise UsageError(f"{path}:{attribute}: {path} needs {error.name!r}, which is not installed") from None
    except BaseException as error:  # its own code may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UsageError(
            f"{path}:{attribute}: {path} cannot be imported: {type(error).__name__}: {error}"
        ) from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            named = [name for name in dir(found) if not name.startswith("_")]
            cure = did_you_mean(part, named)
            raise UsageError(f"{path} has no {attribute!r}" + (f": {cure}" if cure else ""))
        found = getattr(found, part)
    return found


def unknown(library: str, model: str, listed: Sequence[str]) -> str:
    """The message for a model that a library does not have."""
    cure = did_you_mean(model, listed)
    return f"{library} has no model {model!r}" + (f": {cure}" if cure else "")
