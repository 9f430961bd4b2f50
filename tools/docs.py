"""Build the manual: docs/ and the reference that the code writes, checked and made a site by mkdocs.

    python tools/docs.py             build/docs (Markdown) and build/site (HTML); warnings are errors
    python tools/docs.py --text      only build/docs

Needs mkdocs-material for the site. Nothing is fetched when it is built or read.
"""

from __future__ import annotations

import argparse
import functools
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cnncost
from cnncost.cli.main import COMMANDS, GROUPS, MODULES, app
from cnncost.reference import conventions, devices, operators, topics
from cnncost.regress.limits import KINDS
from cnncost.tables import output_schema

ROOT = Path(__file__).resolve().parent.parent
INTO = ROOT / "build" / "docs"


def commands() -> str:
    """Every command: what it does, its options, its examples."""
    lines = ["# Commands", "", "`cnncost --help` groups them the same way."]
    grouped = [name for names in GROUPS.values() for name in names]
    groups = {**GROUPS, "More": tuple(name for name in COMMANDS if name not in grouped)}
    context = app_context()
    for group, names in groups.items():
        lines += ["", f"## {group}"] if names else []
        for name in names:
            command = context.command.get_command(context, name)
            lines += ["", f"### cnncost {name}", "", " ".join((command.help or "").split()), ""]
            lines += ["| option | what |", "|---|---|"]
            for parameter in command.params:
                flags = (
                    ", ".join(f"`{flag}`" for flag in getattr(parameter, "opts", [])) or f"`{parameter.name}`"
                )
                flags = (
                    f"`{parameter.make_metavar(context)}`"
                    if parameter.param_type_name == "argument"
                    else flags
                )
                help = " ".join((getattr(parameter, "help", "") or "").split()).replace("|", "\\|")
                lines.append(f"| {flags} | {help or '.'} |")
            module = __import__(f"cnncost.cli.{MODULES.get(name, name)}", fromlist=["EXAMPLES"])
            lines += ["", "```text", *module.EXAMPLES, "```"]
    return "\n".join(lines) + "\n"


def app_context() -> object:
    """The command line as typer holds it."""
    import typer

    group = typer.main.get_command(app)
    return group.make_context("cnncost", ["--help"], resilient_parsing=True)


def files() -> str:
    """cnncost.toml: keys and units; what a lock is."""
    lines = [
        "# cnncost.toml and the lock",
        "",
        "`cnncost.toml`, or `[tool.cnncost]` of pyproject.toml, says which models are held to what:",
        "",
        "| key | what |",
        "|---|---|",
        "| `models` | names as a command line has them, with options; `nets/*.yaml`, `net.yaml:*` |",
        "| `convention` | how `lock` and `check` count |",
        '| `[budgets."PATTERN"]` | limits for the models that a pattern matches |',
        "",
        "| limit | units |",
        "|---|---|",
    ]
    for key, kind in KINDS.items():
        units = ", ".join(f"`{symbol}`" for symbol in kind.units if symbol)
        lines.append(f"| `{key}` | {units}{'; `5%` over the lock' if kind.covers else ''} |")
    lines += [
        "",
        "`cnncost lock` writes `cnncost.lock`: totals and every node of every model, as text. `check`",
        "compares, exits with 1 when something moved, and with `--update` takes it over.",
    ]
    return "\n".join(lines) + "\n"


def json_page() -> str:
    """The envelope and payloads of --format json, and the schema."""
    lines = [
        "# JSON",
        "",
        "`--format json` writes one document; `cnncost schema output` its JSON Schema.",
        "",
    ]
    lines += ["| key | who writes it |", "|---|---|"]
    lines += [
        "| `schema_version` | all: 1 |",
        "| `tool` | all: name and version |",
        "| `request` | what was asked |",
    ]
    lines += [f"| `{key}` | {text} |" for key, text in output_schema.PAYLOADS.items()]
    schema = json.dumps(output_schema.schema()["$defs"], indent=2)
    return "\n".join([*lines, "", "Rows and totals:", "", "```json", schema, "```"]) + "\n"


def python_page() -> str:
    """The public names with their docstrings."""
    lines = [
        "# Python",
        "",
        "Everything public is in `cnncost`; importing it loads neither torch nor pandas.",
    ]
    for name in cnncost.__all__:
        thing = getattr(cnncost, name)
        signature = str(inspect.signature(thing)) if inspect.isfunction(thing) else ""
        lines += ["", f"## {name}", ""]
        lines += ["```text", f"cnncost.{name}{signature}", "```", ""] if signature else []
        lines += ["```text", inspect.cleandoc(thing.__doc__ or ""), "```"]
        lines += methods(thing) if inspect.isclass(thing) else []
    return "\n".join(lines) + "\n"


def methods(thing: type) -> list[str]:
    """What an object of a class answers to: its public methods and properties, each with its first line."""
    found = []
    for name, member in vars(thing).items():
        of = getattr(member, "fget", getattr(member, "func", getattr(thing, name)))
        told = inspect.getdoc(of)
        if name.startswith("_") or not told or not inspect.isroutine(of):
            continue
        called = ""
        if not isinstance(member, (property, functools.cached_property)):
            signature = str(inspect.signature(of)).partition(" -> ")[0]
            called = re.sub(r": '([^']*)'", r": \1", re.sub(r"\(self(?:, )?", "(", signature))
        found.append(f"- `{name}{called}`: {told.splitlines()[0]}")
    return ["", *found] if found else []


def reference() -> Iterator[tuple[str, str]]:
    """Every page of the reference: its path in docs/, its text."""
    yield "reference/commands.md", commands()
    yield (
        "reference/operators.md",
        operators.overview() + "\n" + "\n".join(map(operators.operator, operators.REGISTRY)),
    )
    yield (
        "reference/conventions.md",
        conventions.overview() + "\n" + "\n".join(map(conventions.one, conventions.CONVENTIONS)),
    )
    yield "reference/grammar.md", topics.grammar()
    yield "reference/files.md", files()
    yield "reference/json.md", json_page()
    yield "reference/devices.md", devices.overview()
    yield "reference/python.md", python_page()


def build(into: Path = INTO) -> None:
    """Write all pages as Markdown."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(ROOT / "docs", into)
    for path, text in reference():
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--text", action="store_true", help="only the Markdown")
    options = parser.parse_args()
    build()
    if not options.text:
        sys.exit(subprocess.call([sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"], cwd=ROOT))


if __name__ == "__main__":
    main()
