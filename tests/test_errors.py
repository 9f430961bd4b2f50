"""Errors have parts, and nobody reads a part out of a drawn message."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import cnncost
from cnncost.errors import CnncostError, OperatorError, Place, Source, SpecError, UsageError
from cnncost.ops import REGISTRY
from cnncost.regress import settings

PACKAGE = Path(cnncost.__file__).parent
FOREIGN = {
    "importers/beside.py": "torch tells by its text alone that a library's operators have no kernels",
    "importers/aten/exported.py": "torch.export tells by its text alone that control flow depends on data",
    "importers/files.py": "Python tells by its text alone that a relative import lacks the packages around it",
    "importers/sources.py": "Python tells by its text alone that a module was named without the packages around it",
    "importers/surroundings.py": "torch tells by its text alone that it was built without CUDA, or sees no device",
    "language/document.py": "libyaml tells by its text alone that it was its own bound of nesting",
    "measure/runner.py": "CUDA's libraries tell by their texts alone that memory ran out",
}
"""Where a message is read that is not ours, and why."""


def test_a_spec_error_has_parts(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("input: [3, 8, 8]\nbody:\n  - conv: {out: 2, strid: 2}\n")
    with pytest.raises(SpecError) as caught:
        cnncost.load(str(path))
    error = caught.value
    assert error.message == "conv has no argument 'strid'"
    assert error.place == Place(str(path), 3, 20)
    assert error.source == Source("  - conv: {out: 2, strid: 2}", 19, 5)
    assert error.cure == "did you mean 'stride'?"
    assert error.more is not None and error.more.startswith("conv takes: out, kernel, ")
    assert str(error) == (
        f"{path}:3:20: conv has no argument 'strid'\n"
        "    - conv: {out: 2, strid: 2}\n"
        "                     ^~~~~  did you mean 'stride'?\n"
        f"  {error.more}"
    )


def test_a_configuration_error_has_parts(tmp_path: Path) -> None:
    path = tmp_path / "cnncost.toml"
    path.write_text('\nconvention = "cnncots"\n')
    with pytest.raises(UsageError) as caught:
        settings.read(path)
    error = caught.value
    assert (error.message, error.place, error.source, error.cure) == (
        "unknown convention 'cnncots'",
        Place(str(path), 2, 1),
        Source('convention = "cnncots"'),
        "did you mean 'cnncost'?",
    )


def test_an_overriding_value_keeps_the_parts() -> None:
    with pytest.raises(UsageError) as caught:
        cnncost.load("alexnet", set={"classes": "1 +"})
    assert caught.value.place is not None and caught.value.place.file == "--set classes"
    assert caught.value.source == Source("1 +", 2, 1) or caught.value.source is not None


def test_what_an_error_draws() -> None:
    assert str(CnncostError("a")) == "a"
    assert str(CnncostError("a", cure="b", more="c")) == "a\n  b\n  c"
    place = Place("x.yaml", 1, 5)
    assert str(CnncostError("a", place=place)) == "x.yaml:1:5: a"
    assert (
        str(CnncostError("a", place=place, source=Source("line"), cure="b")) == "x.yaml:1:5: a\n    line\n  b"
    )
    marked = CnncostError("a", place=place, source=Source("abc: def", 5, 3), cure="b")
    assert str(marked) == "x.yaml:1:5: a\n    abc: def\n         ^~~  b"
    again = UsageError(marked.message, **marked.parts)
    assert str(again) == str(marked)


def test_an_operator_says_which_argument_is_missing() -> None:
    for operator in REGISTRY.values():
        required = [name for name in operator.arguments if name not in operator.defaults]
        if required:
            with pytest.raises(OperatorError) as caught:
                operator()
            assert caught.value.missing == required[0] == caught.value.argument, operator.name


def readers(tree: ast.AST) -> Iterator[int]:
    """Lines where the text of a caught exception is looked into: a part of it, a pattern, its end."""
    for handler in ast.walk(tree):
        if not isinstance(handler, ast.ExceptHandler) or handler.name is None:
            continue
        for node in ast.walk(handler):
            parts: list[ast.AST] = []
            if isinstance(node, ast.Compare) and any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
                parts = list(node.comparators)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                module = node.func.value
                if isinstance(module, ast.Name) and module.id == "re":
                    parts = list(node.args)
                elif node.func.attr in ("startswith", "endswith", "find", "index"):
                    parts = [module]
            for part in parts:
                texts = {
                    ast.unparse(each)
                    for each in ast.walk(part)
                    if isinstance(each, (ast.Call, ast.Attribute))
                }
                if texts & {f"str({handler.name})", f"{handler.name}.message", f"{handler.name}.args"}:
                    yield node.lineno


@pytest.mark.parametrize(
    "code",
    [
        "'x' in str(e)",
        "e.message.endswith('x')",
        "re.match('x', str(e))",
        "re.search('x', e.message)",
        "str(e).startswith('x')",
    ],
)
def test_the_readers_are_found(code: str) -> None:
    assert list(readers(ast.parse(f"try:\n  f()\nexcept E as e:\n  {code}"))) == [4]


def test_nobody_parses_messages() -> None:
    found = {
        str(path.relative_to(PACKAGE)): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if (lines := list(readers(ast.parse(path.read_text()))))
    }
    assert {path: lines for path, lines in found.items() if path not in FOREIGN} == {}


def test_a_message_has_no_lines_but_its_own_and_no_word_without_end() -> None:
    """A tensor's name with a line break in it writes no line of ours; 5,000 digits are not read by anybody."""
    forged = UsageError("x.onnx: its input 'a\nerror: forged' is not whole\n  pass it: --input 3x8x8")
    assert str(forged) == "x.onnx: its input 'a\\nerror: forged' is not whole\n  pass it: --input 3x8x8"
    assert str(UsageError(f"--batch '{'9' * 5000}' is not a count")) == (
        f"--batch '{'9' * 119}... (5,002 characters) is not a count"
    )
