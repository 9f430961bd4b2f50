"""The JSON Schema: valid itself, accepts the whole zoo, refuses what an editor should underline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cnncost.language import zoo
from cnncost.language.schema import schema
from cnncost.ops import REGISTRY

SCHEMA = json.loads(json.dumps(schema()))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SPECS = sorted(zoo.specs_directory().glob("*.yaml"))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_every_spec_is_valid(path: Path) -> None:
    VALIDATOR.validate(yaml.load(path.read_text(), yaml.CSafeLoader))


def test_every_operator_is_described() -> None:
    steps = SCHEMA["$defs"]["step"]["anyOf"][1]["properties"]
    for name in REGISTRY:
        assert steps[name]["description"], name


BAD: dict[str, Any] = {
    "unknown key": {"body": [], "inputs": [3, 8, 8]},
    "no body": {"input": [3, 8, 8]},
    "unknown argument": {"body": [{"conv": {"out": 8, "strid": 2}}]},
    "missing argument": {"body": [{"conv": {"kernel": 3}}]},
    "wrong type": {"body": [{"conv": {"out": [8]}}]},
    "a fact without a source": {"body": [], "published": [{"params": 3}]},
    "a figure in words": {"body": [], "published": [{"params": "3 M", "source": "a table"}]},
    "a fact's input in words": {"body": [], "published": [{"input": "large", "source": "a table"}]},
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_refused(what: str) -> None:
    assert not VALIDATOR.is_valid(BAD[what])


def test_the_command_writes_it(tmp_path: Path) -> None:
    out = tmp_path / "cnncost.schema.json"
    command = [sys.executable, "-m", "cnncost", "schema"]
    subprocess.run([*command, "-o", str(out)], check=True)
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert json.loads(out.read_text()) == json.loads(printed) == SCHEMA
