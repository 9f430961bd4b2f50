"""Options and fixtures of the whole suite."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Timing never fails a test, and a test that passed passes again: what is drawn is drawn alike in every run.
# `--hypothesis-profile explore` draws anew.
ANY_TIME = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", ANY_TIME)
settings.register_profile("cnncost", ANY_TIME, derandomize=True)
settings.load_profile("cnncost")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite golden renderings; read the difference")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Weights and images that a test draws are the same in every run: some sizes hang on values."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a rendering with the file of that name in the test's golden/ directory."""
    directory = Path(str(request.path)).parent / "golden"

    def check(name: str, text: str) -> None:
        path = directory / name
        if request.config.getoption("--golden"):
            directory.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"no golden file {path.name}; make it with pytest --golden, and read it"
        assert text == path.read_text(encoding="utf-8")

    return check
