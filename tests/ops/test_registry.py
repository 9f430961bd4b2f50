"""The table of contents of the operators, and that it comes at once."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest

import cnncost.ops
from cnncost.analysis.rivals import ANSWERS, PROGRAMS
from cnncost.ops import REGISTRY, Operator, table
from cnncost.ops.base import Elementwise
from cnncost.ops.learned import Unknown
from cnncost.ops.norm import ChannelMeans


def missing_lines(modules: list[ModuleType]) -> list[str]:
    """The lines that the table of contents lacks for the operators of some modules."""
    listed = {*REGISTRY.values(), Unknown, ChannelMeans}  # undeclared, a part of another: in no spec
    return [
        f"    {module.__name__.rpartition('.')[2]}.{name},"
        for module in modules
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, Operator) and found.__module__ == module.__name__
        if "name" in vars(found) and found not in listed
    ]


def test_every_operator_is_listed() -> None:
    modules = [
        importlib.import_module(f"cnncost.ops.{module.name}")
        for module in pkgutil.iter_modules(cnncost.ops.__path__)
    ]
    assert modules
    assert missing_lines(modules) == []


def test_a_missing_line_is_named() -> None:
    module = ModuleType("cnncost.ops.swish")
    body = {"name": "swish", "__module__": module.__name__}
    module.Swish = type("Swish", (Elementwise,), body)  # type: ignore[attr-defined]
    assert missing_lines([module]) == ["    swish.Swish,"]


def test_two_operators_of_one_name_are_refused() -> None:
    conv = REGISTRY["conv"]
    with pytest.raises(ValueError, match=r"^two operators are called 'conv'$"):
        table(conv, REGISTRY["linear"], conv)


VOCABULARY = """
conv conv_transpose linear rbf subsample maxpool avgpool global_avgpool global_maxpool adaptive_avgpool
max_unpool roi_pool bn layer_norm instance_norm group_norm lrn layer_scale scale relu relu6 elu silu
hardswish hardsigmoid prelu tanh scaled_tanh sigmoid gelu softmax dropout drop_path add concat mul mean
flatten reshape channel_shuffle channel_split zero_pad crop interpolate identity
leaky_relu mish rms_norm matmul einsum attention conv_given linear_given elementwise combine reduce learned constant unused
view copy permute slice select expand roll pad gather
overwrite windows unfold fold adaptive_maxpool
rnn lstm gru embedding bilinear deform_conv grid_sample pixel_shuffle pixel_unshuffle log_softmax selu celu glu
custom flip lp_pool
"""


def test_the_vocabulary() -> None:
    """The names that specs may use: a change here breaks specs of users."""
    assert sorted(REGISTRY) == sorted(VOCABULARY.split())
    assert all(name == operator.name for name, operator in REGISTRY.items())


def test_every_operator_is_explained() -> None:
    for name, operator in REGISTRY.items():
        assert operator.__doc__ and operator.__doc__ != Operator.__doc__, name
        assert operator.kin, name
        for declared in operator.arguments.values():
            assert declared.help and declared.kind, (name, declared.name)
            assert all(
                choice in declared.choices
                for choice in [declared.default]
                if declared.choices and not declared.required
            )


def test_kins() -> None:
    assert {operator.kin for operator in REGISTRY.values()} == {
        "convolution",
        "linear",
        "pooling",
        "normalization",
        "activation",
        "join",
        "reshape",
        "regularization",
        "resampling",
        "arithmetic",
        "weights",
        "recurrent",
    }


def test_the_registry_loads_no_heavy_library() -> None:
    code = (
        "import sys; import cnncost.ops;"
        " print(sorted({'numpy', 'torch', 'pandas', 'fractions'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_operator_has_a_line_about_other_programs() -> None:
    """What every program makes of it, or that it was not tried: no operator counts a silent zero."""
    assert set(REGISTRY) - set(ANSWERS) == set(), "write their lines in cnncost/analysis/rivals.py"
    assert set(ANSWERS) <= set(REGISTRY)
    assert {program for line in ANSWERS.values() for program in line.rules} == set(PROGRAMS)
