"""What commands write as JSON: one envelope, by the schema that `cnncost schema output` prints."""

from __future__ import annotations

import json

import jsonschema
import pytest

from cnncost.cli.main import app
from cnncost.tables import output_schema

CALLS = ("table alexnet", "compare vgg16 resnet50", "reconcile resnet50", "explain alexnet conv1", "explain alexnet",
         "memory alexnet", "memory alexnet --train --fits 1GiB", "list --family vgg", "audit --deck tum", "exercise alexnet",
         "predict lenet5 resnet18 --on t4 --watts 70 --price 1",
         "memory lenet5 --train --fits 1MiB --plan",
         "memory mobilenet_v2 --runtime tinyengine --dtype int8 --patches 4 --order best")  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_every_output_has_the_envelope(call: str, capsys: pytest.CaptureFixture[str]) -> None:
    app([*call.split(), "--format", "json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    schema = output_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    if call.startswith(("table", "compare", "predict")):
        entry = {**schema["$defs"]["report"], "$defs": schema["$defs"]}
        for model in document["models"]:
            jsonschema.validate(model, entry)
    assert set(document) & set(output_schema.PAYLOADS)


def test_the_schema_of_outputs_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    app(["schema", "output"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == output_schema.schema()
