"""Every operator as Markdown: what it is, arguments, an example, and its formulas as `explain` has them."""

from __future__ import annotations

from collections.abc import Iterator

from cnncost.analysis.explain import explain
from cnncost.errors import CnncostError
from cnncost.graph import Graph
from cnncost.language import words
from cnncost.language.instance import graph_of
from cnncost.language.zoo import parse_text
from cnncost.ops import REGISTRY, Operator

INPUT = (64, 56, 56)
"""The input of the examples, unless an operator needs another."""
INPUTS = {
    "linear": (512,), "bilinear": (512,), "rbf": (84,), "rnn": (16, 32), "lstm": (16, 32), "gru": (16, 32),
}  # fmt: skip


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
    graph = _example_graph(name)
    if graph is not None:
        lines += [f"At an input of {'x'.join(map(str, graph.input_shape))}:", "", *_formulas(graph)]
    return "\n".join(lines).rstrip() + "\n"


def _told(argument: object) -> str:
    """An argument's help, and what it may be."""
    help, choices = getattr(argument, "help", ""), getattr(argument, "choices", ())
    return (help + (f" ({', '.join(choices)})" if choices else "")).replace("|", "\\|") or "."


def _documentation(kind: type[Operator]) -> list[str]:
    text = (kind.__doc__ or "").strip()
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def _first_line(kind: type[Operator]) -> str:
    return _documentation(kind)[0].partition(". ")[0].rstrip(".") + "."


def _example_graph(name: str) -> Graph | None:
    """A network of the example alone; None where it needs more than one input or a place of its own."""
    if REGISTRY[name].inputs is None and name not in words.EXAMPLES:
        return None
    shape = INPUTS.get(name, INPUT)
    step = words.example(name) if REGISTRY[name].inputs is not None else f"{name}: {{a: [], b: []}}"
    try:
        family = parse_text(f"input: {list(shape)}\nbody:\n  - {step}\n", f"{name}.yaml", name)
        return graph_of(family, None)
    except CnncostError:
        return None


def _formulas(graph: Graph) -> Iterator[str]:
    """The working of the example, line by line."""
    try:
        (explained,) = explain(graph, graph.nodes[-1].name)
    except CnncostError:
        return
    yield "| quantity | formula |"
    yield "|---|---|"
    for line in explained.lines:
        yield f"| {line.quantity} | `{line.working}` |"
