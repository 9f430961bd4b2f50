"""What makes a network, called: an nn.Module without weights, whatever its code asks for beside them.

While a network is built its parameters have no memory, so that initialising them costs nothing;
afterwards they are allocated, but never written or read.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest.mock import patch

from cnncost import escape
from cnncost.errors import UsageError
from cnncost.importers.arguments import how_to_set, otherwise, takes
from cnncost.importers.draws import seeded


def network_again(network: Any, factory: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
    """Makes the network once more, its weights initialised; what was made by the user is itself."""

    def again() -> Any:
        from cnncost.importers.surroundings import without_cuda, without_loading

        with without_cuda(), without_loading([]), seeded():
            return network if network is factory else factory(**arguments)

    return again


def built(name: str, factory: Any, arguments: Mapping[str, Any]) -> Any:
    """What a factory (or class, or module) gives: an nn.Module. Its own code runs."""
    from torch import nn

    from cnncost.importers.aten.failures import user_line

    if isinstance(factory, nn.Module):
        return factory
    try:
        to_stderr = contextlib.redirect_stdout(sys.stderr)  # stdout is for results
        with warnings.catch_warnings(), to_stderr, seeded():
            warnings.simplefilter("ignore")
            network = made(factory, arguments)
    except UsageError:
        raise
    except BaseException as error:  # its own code may raise anything
        if isinstance(error, KeyboardInterrupt):
            raise
        lacks = isinstance(error, TypeError) and not takes(factory, arguments)
        kind = "" if lacks else f"{type(error).__name__}: "
        cure = how_to_set(factory, arguments) if lacks else otherwise(error, factory, arguments)
        line = "" if lacks else user_line(error)
        raise UsageError(f"{name} cannot be built: {kind}{error}{line}", cure=cure) from None
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


def made(factory: Any, arguments: Mapping[str, Any]) -> Any:
    """What a factory gives, without weights; files of weights that it asks for and lacks are named."""
    from cnncost.importers.surroundings import without_cuda, without_loading

    lacking: list[str] = []
    with without_cuda():
        try:
            with without_loading(lacking):
                network = lean(factory, arguments)
        except Exception:
            if not lacking:
                raise
            return factory(**arguments)  # which tells of the file that it lacks
    if lacking:
        files = ", ".join(dict.fromkeys(escape.line(os.path.basename(file)) for file in lacking))
        print(f"note: weights that are not here, and that no count needs: {files}", file=sys.stderr)
    return network


def lean(factory: Any, arguments: Mapping[str, Any]) -> Any:
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
