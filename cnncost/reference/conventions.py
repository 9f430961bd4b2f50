"""Every convention as Markdown: whose it is, what it states, and every rule by which it departs from MACs."""

from __future__ import annotations

from cnncost.analysis.conventions import CONVENTIONS, Convention, convention


def overview() -> str:
    """All conventions, a line each."""
    lines = [
        "# Conventions",
        "",
        "A convention says what a parameter, an operation and memory are; commands take `--convention`.",
        "`cnncost reconcile MODEL` leads from the MACs to each of their totals, term by term.",
        "",
        "| name | whose | counts | statement |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| [`{rules.name}`](#{rules.name}) | {rules.title} | {rules.ops_name} | {rules.statement} |"
        for rules in CONVENTIONS.values()
    ]
    return "\n".join(lines) + "\n"


def one(name: str) -> str:
    """One convention with its rules."""
    rules = convention(name)
    lines = [f"## {name}", "", f"{rules.title}. {rules.statement}", "", *_terms(rules)]
    return "\n".join(lines).rstrip() + "\n"


def _terms(rules: Convention) -> list[str]:
    labels = list(dict.fromkeys(getattr(rule, "label", "") for rule in getattr(rules, "rules", ())))
    shown = [f"- {label}" for label in labels if label]
    return ["Terms beside the MACs, where an operator has them:", "", *shown] if shown else []
