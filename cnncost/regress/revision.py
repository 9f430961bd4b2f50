"""A spec as it was at a git revision."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from cnncost.errors import UnavailableError, UsageError
from cnncost.graph import Graph
from cnncost.language import zoo
from cnncost.language.instance import graph_of
from cnncost.models import spec_input
from cnncost.regress.names import located, split_file
from cnncost.request import Model


def at_revision(model: Model, revision: str, base: Path) -> Graph:
    """The graph of a spec with the text that its file has at a git revision.

    Operators are those of this program. Raises UsageError if there is no such revision or file,
    UnavailableError without git.
    """
    family, variant = zoo.find(located(model.spec, base))
    file, _ = split_file(model.spec)
    path = base / file if file is not None else zoo.index()[model.spec]
    text = _show(path, revision)
    shown = f"{family.document.file}@{revision}"
    then = zoo.parse_text(text, shown, path.stem)
    if variant is not None and variant.name not in then.variants:
        raise UsageError(
            f"{shown} has no variant {variant.name!r}\n  variants: {', '.join(then.variants) or 'none'}"
        )
    chosen = then.variants[variant.name] if variant else None
    return replace(graph_of(then, chosen, input=spec_input(model), set=dict(model.set)), model=model)


def _show(path: Path, revision: str) -> str:
    if revision.startswith("-") or not revision:
        raise UsageError(f"--rev {revision!r} is not a git revision\n  for example: --rev main")
    file = Path(os.path.realpath(path))
    directory, name = file.parent, file.name
    _git(directory, ["rev-parse", "--git-dir"], f"{path}: not in a git repository")
    _git(
        directory, ["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"],
        f"--rev {revision!r}: no such revision\n  `git log --oneline` shows them",
    )  # fmt: skip
    return _git(directory, ["show", f"{revision}:./{name}"], f"{path}: not there at revision {revision!r}")


def _git(directory: Path, arguments: list[str], refusal: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=directory,
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise UnavailableError(
            "--rev needs git, which is not installed\n  compare two files instead"
        ) from None
    if done.returncode:
        raise UsageError(refusal)
    return done.stdout.decode("utf-8", "replace")
