"""A claim's model -> graph: a name of the zoo, or an entry of `models.yaml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.language.document import Document
from cnncost.language.grammar import Grammar
from cnncost.language.instance import graph_of

DIRECTORY = Path(__file__).parent


def read(path: Path) -> Any:
    """A YAML file of this room; by libyaml where PyYAML was built with it, 10 times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


@lru_cache(maxsize=1)
def definitions() -> dict[str, dict[str, Any]]:
    """The entries of `models.yaml`."""
    found: dict[str, dict[str, Any]] = read(DIRECTORY / "models.yaml")
    return found


@lru_cache(maxsize=256)
def model(name: str) -> Graph:
    """The graph; without training-only heads unless the entry says `mode: train`."""
    entry = definitions().get(name, {"zoo": name})
    if "spec" in entry:
        text = yaml.safe_dump(entry["spec"], sort_keys=False)
        return graph_of(Grammar(Document(f"models.yaml: {name}", text)).family(name), None)
    graph = zoo.load(entry["zoo"], input=entry.get("input"), set=entry.get("set"))
    return graph if entry.get("mode") == "train" else graph.without_heads()
