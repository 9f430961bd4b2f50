"""Specs as people write them who know PyTorch, Keras or another tool: each refusal shows the right form."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import cnncost
from cnncost.errors import SpecError, SpecWarning

BODY = "body: [{conv: {out: 8, kernel: 3}}]\n"
INPUT = "input: [3, 32, 32]\n"

REFUSED = {
    f"input: 3x32x32\n{BODY}": "1:8: input must be a list, not '3x32x32'\n    input: 3x32x32\n           ^~~~~~~  write [3, 32, 32]",
    f"input: (3, 32, 32)\n{BODY}": "1:8: input must be a list, not '(3, 32, 32)'\n    input: (3, 32, 32)\n           ^~~~~~~~~~~  write [3, 32, 32]",
    f"input: 32\n{BODY}": "1:8: input must be a list, not '32'\n    input: 32\n           ^~  write [channels, height, width]",
    f"input: {{channels: 3, height: 32, width: 32}}\n{BODY}": "1:8: input is a list of sizes, not a mapping of them\n    input: {channels: 3, height: 32, width: 32}\n           ^  write [3, 32, 32]",
    f"{INPUT}layers: [relu]\n": "2:1: unknown key 'layers'\n    layers: [relu]\n    ^~~~~~  here it is 'body'\n  known: family, description",
    f"INPUT: [3, 32, 32]\n{BODY}": "1:1: unknown key 'INPUT'\n    INPUT: [3, 32, 32]\n    ^~~~~  did you mean 'input'?\n  known: ",
    f"name: mine\n{INPUT}{BODY}": "1:1: unknown key 'name'\n    name: mine\n    ^~~~  here it is 'family'\n  known: ",
    "- relu\n": "1:1: a spec must be a mapping, not a list\n    - relu\n    ^  input: [3, 224, 224], then body: and the steps under it",
    f"{INPUT}body: {{conv1: relu}}\n": "2:7: body must be a list of steps, not a mapping\n    body: {conv1: relu}\n          ^  each step begins with a hyphen: - relu",
    f"{INPUT}body:\n\t- relu\n": "3:1: not valid YAML: found character that cannot start any token\n    - relu\n    ^  a tab; YAML is indented by spaces",
    f"{INPUT}body: [{{conv: {{out: 8, kernel: 3}}, repeat: 3}}]\n": "2:36: a step has one operator or block, 'conv' and 'repeat' are two\n    body: [{conv: {out: 8, kernel: 3}, repeat: 3}]\n                                       ^~~~~~  here it is 'times'",
    f"{INPUT}body: [{{name: a, relu: }}]\n": "2:9: a step has one operator or block, 'name' and 'relu' are two\n    body: [{name: a, relu: }]\n            ^~~~  here it is 'as'",
    f"{INPUT}body: [{{type: Conv2d, filters: 8}}]\n": "2:9: a step has one operator or block, 'type' and 'filters' are two\n    body: [{type: Conv2d, filters: 8}]\n            ^~~~  the operator is the key: conv: {out: 64, kernel: 3, pad: 1}",
    f"{INPUT}body: [{{relu: , bn: }}]\n": "2:17: a step has one operator or block, 'relu' and 'bn' are two\n    body: [{relu: , bn: }]\n                    ^~  begin a new step: a hyphen before each",
    f"{INPUT}body:\n  - Conv2d(3, 8, kernel_size=3)\n": "3:5: unknown operator or block 'Conv2d(3, 8, kernel_size=3)'\n    - Conv2d(3, 8, kernel_size=3)\n      ^~~~~~~~~~~~~~~~~~~~~~~~~~~  write it as YAML: conv: {out: 64, kernel: 3, pad: 1}",
    f"{INPUT}body:\n  - nn.ReLU()\n": "3:5: unknown operator or block 'nn.ReLU()'\n    - nn.ReLU()\n      ^~~~~~~~~  write it as YAML: relu",
    f"{INPUT}body:\n  - nn.BatchNorm2d\n": "3:5: unknown operator or block 'nn.BatchNorm2d'\n    - nn.BatchNorm2d\n      ^~~~~~~~~~~~~~  here it is 'bn'",
    f"{INPUT}body: [{{conv: {{out: 8, kernel: 3, activation: relu}}}}]\n": "2:35: conv has no argument 'activation'\n    body: [{conv: {out: 8, kernel: 3, activation: relu}}]\n                                      ^~~~~~~~~~  a step of its own, after this one: - relu",
    f"{INPUT}body: [{{conv: {{out: 8, kernel: 3, repeat: 3}}}}]\n": "2:35: conv has no argument 'repeat'\n    body: [{conv: {out: 8, kernel: 3, repeat: 3}}]\n                                      ^~~~~~  here it stands beside the operator: {conv: {out: 64, kernel: 3, pad: 1}, times: 3}",
    f"{INPUT}body: [{{conv: {{OUT: 8, kernel: 3}}}}]\n": "2:16: conv has no argument 'OUT'\n    body: [{conv: {OUT: 8, kernel: 3}}]\n                   ^~~  did you mean 'out'?",
    f"{INPUT}body:\n  - conv: {{out: 8, kernel: (3, 3)}}\n": "3:28: not an arithmetic expression\n    - conv: {out: 8, kernel: (3, 3)}\n                             ^  a list has brackets: [3, 3]",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_the_right_form_is_shown(text: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as error:
        cnncost.load(str(path))
    assert str(error.value).startswith(f"{path}:{REFUSED[text]}")


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ("[1, 3, 32, 32]", "input [1, 3, 32, 32] is taken for 1 channel of 3x32x32: an input is without the batch\n  was [3, 32, 32] meant? if not: input: {shape: [1, 3, 32, 32], axes: CDHW}"),
        ("[64, 1, 28, 28]", "input [64, 1, 28, 28] is taken for 64 channels of 1x28x28: an input is without the batch\n  was [1, 28, 28] meant? if not: input: {shape: [64, 1, 28, 28], axes: CDHW}"),
        ("[32, 32, 3]", "input [32, 32, 3] is taken for 32 channels of 32x3: channels come first\n  was [3, 32, 32] meant? if not: input: {shape: [32, 32, 3], axes: CHW}"),
    ],
)  # fmt: skip
def test_a_batch_or_channels_at_the_end_are_asked_after(shape: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"input: {shape}\nbody: [relu]\n")
    with pytest.warns(SpecWarning) as told:
        cnncost.load(str(path))
    assert [str(each.message) for each in told] == [f"{path}:1:8: warning: {message}"]
    cure = message.rpartition("if not: ")[2]
    path.write_text(f"{cure}\nbody: [relu]\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cnncost.load(str(path))


def test_sizes_given_with_channels_at_the_end_are_asked_after() -> None:
    with pytest.warns(SpecWarning, match="input 224x224x3 is taken for 224 channels of 224x3: channels come first\n  was 3x224x224 meant"):  # fmt: skip
        cnncost.load("resnet50", input=(224, 224, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for sizes in [(3, 224, 224), (3, 512, 64), (64, 64), (224,)]:
            cnncost.load("resnet18", input=sizes)


def test_sizes_with_a_batch() -> None:
    with pytest.raises(cnncost.UsageError) as error:
        cnncost.load("resnet50", input=(1, 3, 224, 224))
    assert str(error.value) == (
        "an input of 1x3x224x224 has 4 sizes; this network takes channels x height x width, or height x width\n"
        "  without the batch: 3x224x224"
    )


def test_a_file_that_is_nearly_called_so(tmp_path: Path) -> None:
    (tmp_path / "edge_net.yaml").write_text("input: [3, 8, 8]\nbody: [relu]\n")
    with pytest.raises(SpecError) as error:
        cnncost.load(str(tmp_path / "egde_net.yaml"))
    assert str(error.value) == (
        f"{tmp_path}/egde_net.yaml: no such file\n  did you mean '{tmp_path}/edge_net.yaml'?"
    )
