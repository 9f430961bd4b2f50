"""Whatever is fed to the loader, a graph or a SpecError comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cnncost.errors import SpecError, UsageError
from cnncost.language import expression, zoo
from cnncost.language.document import Document
from cnncost.language.grammar import Grammar
from cnncost.language.instance import graph_of

SPECS = [path.read_text() for path in sorted(zoo.specs_directory().glob("*.yaml"))]
SPECS += 5 * [
    (Path(__file__).parent.parent / "choosing" / "stages.yaml").read_text()
]  # with a list of mappings
PIECES = ["- ", ": ", "{", "}", "[", "]", "&a ", "*a", "$", "'", '"', "#", "\n", "  ", "-1", "0", "10**9", "conv", "add",
          "body", "blocks", "if", "from", "as", "for", "times", "1e400", "~", "\t", "é", "\x00", "|", ">", "!!set"]  # fmt: skip

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A spec of the zoo with some spans removed, doubled or overwritten."""
    text = draw(st.sampled_from(SPECS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        piece = draw(st.one_of(st.sampled_from(PIECES), st.just(text[start:end] * 2), st.text(max_size=8)))
        text = text[:start] + piece + text[end:]
    return text


@QUICK
@given(mutated())
def test_mutated_specs_only_raise_spec_errors(text: str) -> None:
    try:
        family = Grammar(Document("mutated.yaml", text)).family("mutated")
        for variant in [None, *family.variants.values()][:3]:
            graph_of(family, variant)
    except SpecError as error:
        assert str(error).startswith("mutated.yaml")
    except UsageError:
        pass


@QUICK
@given(st.text(alphabet="0123456789abx+-*/%().,<>=![]{}'\" andornotifelse", max_size=40))
def test_expressions_only_raise_expression_errors(text: str) -> None:
    try:
        expression.compile_expression(text).evaluate({"a": 3, "b": 2.5, "x": "word"})
    except expression.ExpressionError as error:
        assert error.message


@QUICK
@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 50))
def test_expressions_mean_what_python_means(a: int, b: int, c: int) -> None:
    scope = {"a": a, "b": b, "c": c}
    for text in (
        "a + b * c",
        "(a - b) // c",
        "a % c",
        "-a // c + 2 ** 3",
        "a if a > b else c",
        "not a or b >= c and a != b",
    ):
        assert expression.compile_expression(text).evaluate(scope) == eval(text, {}, scope)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "().__class__",
        "[x for x in ()]",
        "f'{a}'",
        "a.b + 1",
        "a.b[0]",
        "lambda: 0",
        "(a := 1)",
    ],
)
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(expression.ExpressionError):
        expression.compile_expression(text)
