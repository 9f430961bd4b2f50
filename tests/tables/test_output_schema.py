"""What commands write as JSON: one envelope, by the schema that `cnncost schema output` prints."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cnncost.cli.main import app
from cnncost.tables import output_schema

ODD = "family: odd\ninput: [3, 37, 41]\nbody:\n  - {conv: {out: 7, kernel: 3}}\n  - {lp_pool: {kernel: 3}}\n  - bn\n"
"""Its memory is an estimate."""
CALLS = ("table alexnet", "compare vgg16 resnet50", "reconcile resnet50", "explain alexnet conv1", "explain alexnet",
         "memory alexnet", "memory alexnet --train --fits 1GiB", "list --family vgg", "audit --deck tum", "exercise alexnet",
         "predict lenet5 resnet18 --on t4 --watts 70 --price 1",
         "train lenet5 --on t4 --images 60000 --epochs 2 --watts 70 --price 1",
         "memory lenet5 --train --fits 1MiB --plan", "memory odd.yaml", "table odd.yaml", "predict lenet5 --on rtx-4090 --dtype float16 --by op",
         "memory odd.yaml --train --batch 4 --micro-batches 2 --loss cross_entropy --freeze conv", "diff lenet5 odd.yaml",
         "memory lenet5 --runtime tflm --dtype int8 --fits 64KiB", "pick --max-params 5M", "search lenet5 --vary classes=2..5",
         "check lenet5 odd.yaml --lock a.lock", "compare lenet5 odd.yaml --on t4", "table googlenet --mode train --by block",
         "memory mobilenet_v2 --runtime tinyengine --dtype int8 --patches 4 --order best")  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_every_output_has_the_envelope(
    call: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.yaml").write_text(ODD)
    if call.startswith("check"):
        app(["lock", "lenet5", "odd.yaml", "-o", "a.lock"], standalone_mode=False)
        capsys.readouterr()
    app([*call.split(), "--format", "json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    schema = output_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    if call.startswith(("table", "compare", "predict", "train")):
        entry = {**schema["$defs"]["report"], "$defs": schema["$defs"]}
        for model in document["models"]:
            jsonschema.validate(model, entry)
            assert set(model) <= set(entry["properties"])
            rows = [*model["rows"], {"predicted": model.get("predicted")}]
            for row in rows:
                assert set(row) <= set(schema["$defs"]["row"]["properties"])
                assert set(row.get("predicted") or {}) <= set(schema["$defs"]["predicted"]["properties"])
    assert set(document) & set(output_schema.PAYLOADS)
    assert set(document) <= set(schema["properties"]), "say it in cnncost/tables/output_schema.py"


def test_the_schema_of_outputs_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for call in (["schema", "output"], ["schema", "--output"]):
        app(call, standalone_mode=False)
        assert json.loads(capsys.readouterr().out) == output_schema.schema()
