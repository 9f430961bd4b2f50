"""Every operator as Markdown: what it is, arguments, an example, and its formulas as `explain` has them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnncost.analysis.explain import explain
from cnncost.graph import Graph
from cnncost.language import words
from cnncost.language.instance import graph_of
from cnncost.language.zoo import parse_text
from cnncost.ops import REGISTRY, Operator

INPUT = "[64, 56, 56]"
"""The input of the examples, unless an operator needs another."""
TOKENS = "{shape: [16, 32], axes: LC}"
INPUTS = {
    **dict.fromkeys(("linear", "linear_given", "bilinear"), "[512]"), "rbf": "[84]",
    **dict.fromkeys(("rnn", "lstm", "gru", "matmul", "attention"), TOKENS),
    "embedding": "{shape: [12], dtype: int64}", "fold": "{shape: [576, 3136], axes: CW}",
}  # fmt: skip
BEFORE = {"max_unpool": "{maxpool: {kernel: 2, stride: 2}, as: label}"}
"""The step whose output an example calls `label`, if it is not the input itself."""


def kinds() -> dict[str, list[str]]:
    """The operators by kind, in the order in which they are declared."""
    found: dict[str, list[str]] = {}
    for name, operator in REGISTRY.items():
        found.setdefault(operator.kin, []).append(name)
    return found


def overview() -> str:
    """All operators by kind, a line each."""
    lines = ["# Operators", "", "`cnncost help conv` shows one with its arguments and formulas."]
    for kind, names in kinds().items():
        lines += ["", f"## {kind.capitalize()}", ""]
        lines += [f"- [`{name}`](#{name}): {_first_line(REGISTRY[name])}" for name in names]
    return "\n".join(lines) + "\n"


def operator(name: str) -> str:
    """One operator: its docstring, arguments, example and formulas."""
    kind = REGISTRY[name]
    lines = [f"## {name}", "", *_documentation(kind), ""]
    if kind.arguments:
        lines += ["| argument | default | what |", "|---|---|---|"]
        lines += [
            f"| `{each.name}` | {'needed' if each.required else f'`{each.default}`'} | {_told(each)} |"
            for each in kind.arguments.values()
        ]
        lines.append("")
    lines += ["```yaml", f"- {words.example(name)}", "```", ""]
    if kind.alone:
        lines += ["It reads the step before it, or branches: the sequence and its first state.", ""]
    elif kind.inputs is None:
        lines += ["Its inputs are its branches, in this order; their names are free.", ""]
    graph = example_graph(name)
    lines += [f"At an input of {'x'.join(map(str, graph.input_shape))}:", "", *_formulas(graph, name)]
    return "\n".join(lines).rstrip() + "\n"


def _told(argument: object) -> str:
    """An argument's help, and what it may be."""
    help, choices = getattr(argument, "help", ""), getattr(argument, "choices", ())
    return (help + (f" ({', '.join(choices)})" if choices else "")).replace("|", "\\|") or "."


def _documentation(kind: type[Operator]) -> list[str]:
    text = (kind.__doc__ or "").strip()
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _first_line(kind: type[Operator]) -> str:
    """The first sentence: its full stop is before a capital, not that of "et al."."""
    return re.split(r"\.(?: (?=[A-Z])|$)", _documentation(kind)[0], maxsplit=1)[0] + "."


def example_spec(name: str) -> str:
    """A whole spec of the example alone."""
    before = BEFORE.get(name, "{identity: , as: label}")
    return f"input: {INPUTS.get(name, INPUT)}\nbody:\n  - {before}\n  - {words.example(name)}\n"


def example_graph(name: str) -> Graph:
    """The network of the example alone."""
    return graph_of(parse_text(example_spec(name), f"{name}.yaml", name), None)


def _formulas(graph: Graph, name: str) -> Iterator[str]:
    """The working of the operator in its example, line by line."""
    place = [node.name for node in graph.nodes if node.op.name == name][-1]
    (explained,) = explain(graph, place)
    yield "| quantity | formula |"
    yield "|---|---|"
    for line in explained.lines:
        yield f"| {line.quantity} | `{line.working}` |"
