"""Every kind of bad spec gives one message: place, quoted source, expectation, cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import cnncost
from cnncost.errors import SpecError, UsageError

CASES: list[dict[str, str]] = yaml.safe_load((Path(__file__).parent / "errors.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_whole_message(case: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(case["spec"])
    with pytest.raises(SpecError) as error:
        cnncost.load(str(path))
    assert str(error.value).replace(str(path), "{file}") == case["error"].rstrip("\n")


def refusal(path: Path, **options: Any) -> str:
    with pytest.raises((SpecError, UsageError)) as error:
        cnncost.load(str(path), **options)
    return str(error.value).replace(str(path), "{file}")


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.yaml") == "{file}: no such file"


def test_directory(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "{file}: is a directory, not a spec\n  name one YAML file"


def test_binary(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes(b"body: [relu]\0\n")
    assert refusal(path) == "{file}: a binary file, not YAML text"


def test_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("family: réseau\n".encode("latin-1"))
    assert refusal(path) == "{file}: not UTF-8 text (byte 9: 0xe9)"


def test_fifty_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    assert refusal(path) == "{file}: larger than 1,000,000 bytes; no spec is"


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_ten_thousand_deep(tmp_path: Path, opening: str, closing: str) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("body: " + opening * 10_000 + closing * 10_000)
    column = 7 + 99 * len(opening)
    start = column - 61
    quoted = path.read_text()[start : start + 100].strip()
    mark = " " * (60 - len(path.read_text()[start]) + len(path.read_text()[start].strip()))
    assert refusal(path) == f"{{file}}:1:{column}: nested more than 100 deep\n    {quoted}\n    {mark}^"


def test_nesting_by_indentation(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("\n".join(" " * depth + "a:" for depth in range(1_000)))
    assert refusal(path) == "{file}:101:101: nested more than 100 deep\n    a:\n    ^"


def test_alias_bomb(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    lines = ["a0: &a0 [relu, relu, relu, relu, relu, relu, relu, relu, relu]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    path.write_text("\n".join(lines))
    assert refusal(path) == (
        "{file}:6:10: more than 100,000 values (aliases written out)\n"
        "    a5: &a5 [*a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4, *a4]\n"
        "             ^  repeat with times or for"
    )


def test_unknown_variant(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "input: [3, 8, 8]\nparams: {n: 1}\nvariants: {small: {n: 1}, large: {n: 2}}\nbody: [relu]\n"
    )
    with pytest.raises(UsageError) as error:
        cnncost.load(f"{path}:smal")
    assert str(error.value) == (
        f"{path} has no variant 'smal': did you mean 'small'?\n  variants: small, large"
    )


def test_unknown_model() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.load("resnet51")
    assert str(error.value) == (
        "unknown model 'resnet51': did you mean 'resnet50'?\n"
        "  `cnncost list` shows the zoo; a file ends in .yaml or .yml; of libraries: torchvision:NAME, timm:NAME"
    )


def test_unknown_parameter() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.load("densenet121", set={"growht": 3})
    assert str(error.value) == (
        "densenet has no parameter 'growht': did you mean 'growth'?\n  parameters: classes, growth, layers"
    )


def test_override_that_is_no_expression() -> None:
    with pytest.raises(UsageError) as error:
        cnncost.load("densenet121", set={"growth": "3 +"})
    assert str(error.value) == (
        "--set growth:1:1: not an arithmetic expression\n"
        "    3 +\n"
        "    ^  write numbers, names and + - * / // % **"
    )


@pytest.mark.parametrize("size", [(0, 8, 8), (3, -1, 8), (3, 8, 2_000_000), (3, 8.5, 8)])
def test_impossible_input(size: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError, match=r"input sizes must be whole numbers from 1 to 1,000,000, not"):
        cnncost.load("alexnet", input=size)
