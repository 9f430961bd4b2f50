"""Checks and comparisons for programs: JSON, GitHub's workflow commands, JUnit's XML."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnncost import escape
from cnncost.regress.check import Checked, Finding, ModelCheck
from cnncost.regress.compare import Comparison, NodeChange
from cnncost.regress.grids import raw
from cnncost.regress.snapshot import NodeCost, Snapshot
from cnncost.report import head
from cnncost.request import Run

KINDS = {
    "lock": "counts as in the lock",
    "node": "nodes as in the lock",
    "budget": "within the budget",
    "published": "published figures agree",
    "model": "can be counted",
}
"""What a finding of each kind contradicts; a JUnit test case per kind that applies."""


def check_document(checked: Checked) -> dict[str, Any]:
    """The JSON form of a check."""
    return {
        **head(),
        "check": {
            "ok": checked.exit_code == 0,
            "lock": checked.lock_file,
            "convention": checked.convention,
            "models": [_model(model) for model in checked.models],
        },
    }


def _model(model: ModelCheck) -> dict[str, Any]:
    return {
        "model": model.model,
        "request": model.request.to_dict(),
        "ok": not model.findings,
        "problem": model.problem,
        "quantities": dict(model.now.quantities) if model.now else None,
        "locked": dict(model.locked.quantities) if model.locked else None,
        **doubts_document(model.now),
        **comparison_document(model.comparison),
        "limits": [
            {
                "budget": item.budget.pattern,
                "limit": item.limit.key,
                "written": item.limit.written,
                "allowed": None if item.unlocked else raw(item.allowed),
                "now": raw(item.now),
                "holds": item.holds,
                **({"estimated": list(item.estimated)} if item.estimated else {}),
            }
            for item in model.limits
        ],
        "published": [fact._asdict() | {"holds": fact.holds} for fact in model.facts],
        "findings": [
            {"kind": finding.kind, "message": finding.message, "place": _place(finding)}
            for finding in model.findings
        ],
    }


def difference_document(
    names: tuple[str, str],
    old: Snapshot,
    new: Snapshot,
    comparison: Comparison,
    run: Run,
) -> dict[str, Any]:
    """The JSON form of `cnncost diff`."""
    return {
        **head([old.model, new.model], run),
        "diff": {
            "convention": run.convention,
            "old": {"model": names[0], "quantities": dict(old.quantities), **doubts_document(old)},
            "new": {"model": names[1], "quantities": dict(new.quantities), **doubts_document(new)},
            **comparison_document(comparison),
        },
    }


def doubts_document(model: Snapshot | None) -> dict[str, Any]:
    """How many operators have no known cost, and which are untested or estimated, if there are any."""
    if model is None:
        return {}
    found = {"unknown": model.unknown, "untested": list(model.untested), "estimated": list(model.estimated)}
    return {name: value for name, value in found.items() if value}


def comparison_document(comparison: Comparison) -> dict[str, Any]:
    """The JSON form of what differs between two snapshots."""
    return {
        "changes": [
            {
                "quantity": change.quantity,
                "old": change.old,
                "new": change.new,
                "difference": change.difference,
            }
            for change in comparison.quantities
        ],
        "nodes": [_node_change(change) for change in comparison.nodes],
        "renamings": [renaming._asdict() for renaming in comparison.renamings],
    }


def _node_change(change: NodeChange) -> dict[str, Any]:
    return {"change": change.kind, "old": _node(change.old), "new": _node(change.new)}


def _node(node: NodeCost | None) -> dict[str, Any] | None:
    if node is None:
        return None
    plain = node._asdict()
    del plain["inputs"], plain["source"]
    return plain | {"text": node.text, "place": node.place._asdict() if node.place else None}


def _place(finding: Finding) -> dict[str, Any] | None:
    return finding.place._asdict() if finding.place else None


def github(checked: Checked, root: Path) -> str:
    """What is found, as annotations at its place in the spec, its path relative to the repository's `root`.

    GitHub shows ten of a step: what one check finds of a model is one annotation, nodes that come from one
    line of a spec are one, and these come after all models.
    """
    grouped: dict[object, list[Finding]] = {}
    for finding in sorted(checked.findings, key=lambda each: each.kind == "node"):
        grouped.setdefault((finding.model, finding.kind, finding.place), []).append(finding)
    lines = []
    for first, *others in grouped.values():
        more = "".join(f"\n{other.message}" for other in others)
        if others and first.kind == "node":
            more = f" (and {len(others)} more nodes from here)"
        properties = {"title": f"cnncost: {first.model}"}
        # A zoo that is installed is no file of the repository: the annotation then stands on the whole.
        if first.place is not None and Path(first.place.file).is_file():
            properties |= {
                "file": os.path.relpath(first.place.file, root).replace(os.sep, "/"),
                "line": str(first.place.line),
                "col": str(first.place.column),
            }
        written = ",".join(f"{name}={escape.command_property(value)}" for name, value in properties.items())
        lines.append(f"::error {written}::{escape.command_value(f'{first.model}: {first.message}{more}')}\n")
    return "".join(lines)


def junit(checked: Checked) -> str:
    """JUnit's XML: a test case per model and kind of check."""
    cases = []
    failed = errors = 0
    for model in checked.models:
        for kind, applies in APPLIES.items():
            messages = [finding.message for finding in model.findings if finding.kind == kind]
            if not messages and not applies(model):
                continue
            inside = ""
            if messages:
                tag = "error" if kind == "model" else "failure"
                errors, failed = errors + (tag == "error"), failed + (tag == "failure")
                text = escape.markup("\n".join(messages))
                inside = f"<{tag} message={_attribute(messages[0])}>{text}</{tag}>"
            name = f"classname={_attribute(model.model)} name={_attribute(KINDS[kind])}"
            cases.append(f"    <testcase {name}>{inside}</testcase>")
    head = f'tests="{len(cases)}" failures="{failed}" errors="{errors}"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f"<testsuites {head}>",
            f'  <testsuite name="cnncost" {head}>',
            *cases,
            "  </testsuite>",
            "</testsuites>",
            "",
        ]
    )


APPLIES: dict[str, Callable[[ModelCheck], bool]] = {
    "model": lambda model: True,
    "lock": lambda model: model.against_lock and model.now is not None,
    "node": lambda model: model.locked is not None and model.now is not None,
    "budget": lambda model: bool(model.limits),
    "published": lambda model: bool(model.facts),
}


def _attribute(value: str) -> str:
    """A quoted attribute, its line breaks kept."""
    return f'"{escape.markup(value).replace(chr(10), "&#10;")}"'
