"""The list of the zoo: filters, order, what it says of a model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

import cnncost
from cnncost.analysis.published import headline, resolution
from cnncost.errors import CnncostError, UsageError
from cnncost.language import instance
from cnncost.limits import CostLimits, limits
from cnncost.tables import zoo as tables_zoo
from cnncost.tables.zoo import ZooModel, selected, zoo_models


@pytest.fixture(scope="module")
def models() -> list[ZooModel]:
    return zoo_models()


def test_a_model_with_its_facts(models: list[ZooModel]) -> None:
    """torchvision's own table: IMAGENET1K_V1 of MobileNetV2."""
    (model,) = [model for model in models if model.name == "mobilenet_v2"]
    assert (model.family, model.year, model.input_shape) == ("mobilenet_v2", 2018, (3, 224, 224))
    assert (model.params, model.macs) == (3_504_872, 300_774_272)
    assert model.protocol is not None
    assert model.protocol.startswith("single crop")


def test_filters(models: list[ZooModel]) -> None:
    assert {m.family for m in zoo_models(family="vgg")} == {"vgg"}
    assert {m.year for m in zoo_models(years="2014")} == {2014}
    assert min(m.year or 0 for m in zoo_models(years="2019-")) == 2019
    assert max(m.year or 0 for m in zoo_models(years="-1998")) == 1998
    by_year = [m for m in models if m.year == 2017]
    assert by_year == zoo_models(years="2017") and "se_resnet50" in {m.name for m in by_year}
    given = limits(CostLimits(5e6, 4e8, 9e8, 7e6, 8e6, min_top1=60))
    small = selected(models, given)
    assert small
    for m in models:
        keeps = m.params <= 5e6 and m.macs <= 4e8 and m.flops <= 9e8 and m.activation_elements <= 7e6
        assert (m in small) == (keeps and m.peak_bytes <= 8e6 and (m.top1 or 0) >= 60), m.name


def test_one_family_costs_one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network of another family is built."""
    built = []

    def graph_of(family: Any, variant: Any) -> Any:
        built.append(family.name)
        return instance.graph_of(family, variant)

    monkeypatch.setattr(tables_zoo, "graph_of", graph_of)
    assert {m.name for m in zoo_models(family="squeezenet", years="2016-")} >= {"squeezenet1_0"}
    assert set(built) == {"squeezenet"}


def test_order(models: list[ZooModel]) -> None:
    macs = [m.macs for m in selected(models, sort="macs")]
    assert macs == sorted(macs)
    assert [m.macs for m in selected(models, sort="-macs")] == macs[::-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"family": "vg"}, "unknown family 'vg': did you mean 'vgg'?\n  known: "),
        (
            {"sort": "mac"},
            "unknown sort key 'mac': did you mean 'macs'?\n  known: name, family, year, params, macs, top1",
        ),
        ({"years": "199"}, "year '199' is not a year\n  write 2015, 2012-2014, 2015- or -2014"),
    ],
)
def test_bad_filters(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        cnncost.zoo(**options)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def test_words_of_a_name() -> None:
    def listed(*words: str) -> set[str]:
        return {row["name"] for row in cnncost.zoo(*words)}

    assert listed("ResNet-50_v1") == {"resnet50_v1"} and listed("EfficientNet-V2-B") == {
        f"efficientnet_v2_b{i}" for i in range(4)
    }
    assert listed("squeezenet", "zfnet") == {"squeezenet1_0", "squeezenet1_1", "zfnet", "zfnet_512"}
    assert (
        {"lenet5", "lenet5_1998"} == listed("lenet") == {row["name"] for row in cnncost.zoo(family="lenet")}
    )
    with pytest.raises(UsageError) as error:
        cnncost.zoo("resnet", "reznet50")
    assert str(error.value) == (
        "no model of the zoo has 'reznet50' in its name\n  did you mean 'resnet50'?\n  `cnncost list` shows them all"
    )


def best(facts: Sequence[dict[str, Any]], side: int) -> Any:
    return headline({"published": facts}, (3, side, side))


def test_the_headline_is_the_accuracy_that_compares_best() -> None:
    facts: list[dict[str, Any]] = [
        {"top1_error": 28.0, "protocol": "dense 256", "source": "paper"},
        {"params": 3, "source": "paper"},
        {"top1": 71.5, "protocol": "single crop 224", "source": "package"},
        {"error": 5.0, "dataset": "CIFAR-10", "source": "paper"},
    ]
    assert best(facts, 224) == (71.5, facts[2])
    assert best(facts[:1], 256) == (72.0, facts[0])
    assert best(facts[3:], 224) is None
    later = {"top1": 80.9, "protocol": "single crop 224, recipe of 2021", "source": "package"}
    assert best([later, *facts], 224) == (71.5, facts[2]) and best([later], 224) == (80.9, later)


def test_an_accuracy_stands_beside_the_cost_at_its_own_resolution() -> None:
    """SWAG's 88.2 % of regnet_y_128gf is at 384, where the network costs three times as much."""
    facts = [
        {"top1": 88.228, "protocol": "single crop 384, pre-trained on Instagram", "source": "torchvision"}
    ]
    assert best(facts, 384) == (88.228, facts[0]) and best(facts, 224) is None
    for protocol, side in (
        ("single crop 224", 224),
        ("320 crop, scale augmentation", 320),
        ("dense 256", 256),
    ):
        assert resolution({"protocol": protocol}) == side
    assert resolution({"protocol": "7 nets 144 crops"}) is None and resolution({}) is None
    for model in zoo_models():
        assert resolution({"protocol": model.protocol}) in (None, model.input_shape[-1]), model.name


def test_no_accuracy_is_of_a_network_that_was_changed() -> None:
    """Of all that has one: at another resolution and with other parameters it has none, or one that says
    that it is of that resolution. Keras' 71.3 % of MobileNetV2 states none: it is at 224.
    """
    for model in zoo_models():
        if model.top1 is None or len(model.input_shape) != 3:
            continue
        side = model.input_shape[-1]
        same = cnncost.load(model.name, input=(side, side))
        assert headline(same.facts, same.input_shape) is not None, model.name
        try:
            other = cnncost.load(model.name, input=(side + 32, side + 32))
        except CnncostError:  # its head is of one size
            continue
        found = headline(other.facts, other.input_shape)
        assert found is None or resolution(found[1]) == side + 32, model.name
    narrow = cnncost.load("mobilenet_v2", set={"width": 0.5})
    assert headline(narrow.facts, narrow.input_shape) is None
    as_it_is = cnncost.load("mobilenet_v2", set={"width": 1.0, "classes": 1000})
    assert headline(as_it_is.facts, as_it_is.input_shape) == (72.0, as_it_is.facts["published"][0])


def test_under_another_convention() -> None:
    """Keras' own total of its ResNet50, moving statistics included (Brno deck, line 34)."""
    (model,) = [model for model in zoo_models("keras") if model.name == "resnet50_keras"]
    assert (model.params, model.counted.params) == (25_583_592, 25_636_712)


@pytest.mark.parametrize("format", ["json", "csv", "markdown", "latex"])
def test_formats(format: str) -> None:
    command = [sys.executable, "-m", "cnncost", "list", "--family", "vgg", "--format", format]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "vgg16_bn" in out.replace("\\", "")
    if format == "json":
        (vgg16,) = [model for model in json.loads(out)["zoo"] if model["name"] == "vgg16"]
        assert (vgg16["params"], vgg16["macs"], vgg16["input_shape"]) == (
            138_357_544,
            15_470_264_320,
            [3, 224, 224],
        )
