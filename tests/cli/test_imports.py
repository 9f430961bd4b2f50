"""Whatever command takes an import takes what says how it comes in: its inputs, its road, its batch."""

from __future__ import annotations

import pytest
import typer

from cnncost.cli.main import COMMANDS, app


@pytest.mark.parametrize("name", COMMANDS)
def test_what_builds_a_network_says_how_it_comes_in(name: str) -> None:
    group = typer.main.get_command(app)
    command = group.get_command(None, name)  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    if "--kwargs" in options:
        assert {"--input", "--set", "--road", "--batch-axis"} <= options
