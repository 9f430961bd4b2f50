"""The reference is made of the code: every operator, convention and word of the grammar, and `cnncost help`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import cnncost
from cnncost.analysis.conventions import CONVENTIONS
from cnncost.cli import completing
from cnncost.cli.main import COMMANDS, app
from cnncost.errors import SpecError, UsageError
from cnncost.language import words, zoo
from cnncost.ops import REGISTRY
from cnncost.reference import operators, topics

EXAMPLES = re.findall(r"```yaml\n(.*?)```", topics.grammar(), re.DOTALL)


@pytest.mark.parametrize("name", REGISTRY)
def test_every_operator_is_told(name: str) -> None:
    told = topics.topic(name)
    assert told.startswith(f"## {name}\n")
    for argument in REGISTRY[name].arguments:
        assert f"| `{argument}` |" in told
    assert f"[`{name}`]" in topics.topic("operators")
    assert all(
        len(line) <= 60 or " " not in line.strip() or "`" in line or line.startswith("    - ")
        for line in topics.plain(told, 60).splitlines()
    )


def test_formulas_are_those_of_explain() -> None:
    assert "| params | `C_out * C_in * K * K + C_out = 64 * 64 * 3 * 3 + 64 = 36,928` |" in topics.topic(
        "conv"
    )


@pytest.mark.parametrize("name", REGISTRY)
def test_every_example_of_an_operator_is_a_network(name: str) -> None:
    """What the reference shows of an operator is read, and is that operator."""
    graph = operators.example_graph(name)
    (*_, node) = [each for each in graph.nodes if each.op.name == name]
    assert f"- {words.example(name)}\n" in topics.topic(name) and "| quantity | formula |" in topics.topic(
        name
    )
    assert node.op.inputs is None or len(node.reads) == node.op.inputs
    first = re.search(rf"- \[`{name}`\]\(#{name}\): (.*)", topics.topic("operators"))
    assert first is not None and first[1].count("(") == first[1].count(")") and ".." not in first[1]


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_is_told(name: str) -> None:
    assert CONVENTIONS[name].statement in topics.topic(name)
    assert CONVENTIONS[name].statement in topics.topic("conventions")


@pytest.mark.parametrize("spec", EXAMPLES)
def test_every_example_of_the_grammar_is_read(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(spec)
    assert cnncost.analyze(cnncost.load(str(path))).totals.macs > 0


def test_the_grammar_has_every_word() -> None:
    told = topics.grammar()
    for word in (
        "as",
        "from",
        "times",
        "for",
        "if",
        "heads",
        "outputs",
        "variants",
        "published",
        "blocks",
        "params",
    ):
        assert re.search(rf"^## .*\b{word}\b", told, re.MULTILINE), word


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("upsample", "interpolate"), ("Dense", "linear"), ("BatchNorm2d", "bn"), ("Conv1d", "conv"),
        ("MaxPooling2D", "maxpool"), ("Conv2DTranspose", "conv_transpose"), ("layernorm", "layer_norm"),
    ],
)  # fmt: skip
def test_words_of_others_lead_to_ours(word: str, ours: str) -> None:
    assert words.operator_cure(word, list(REGISTRY)) == f"here it is {ours!r}"
    assert topics.topic(word).startswith(f"`{word}` is `{ours}` here.")


def test_words_lead_to_what_there_is() -> None:
    assert set(words.OPERATORS.values()) <= set(REGISTRY)
    arguments = {name for operator in REGISTRY.values() for name in operator.arguments}
    assert set(words.ARGUMENTS.values()) <= arguments


@pytest.mark.parametrize(
    ("step", "cure"),
    [
        ("conv: {out: 8, kernel_size: 3}", "here it is 'kernel'"),
        ("conv: {out_channels: 8}", "here it is 'out'"),
        ("conv: {out: 8, padding: 1}", "here it is 'pad'"),
        ("conv: {out: 8, in_channels: 3}", "leave it out: the input's sizes are known"),
        ("lstm: 64", "for example: lstm: {hidden: 64, bidirectional: true}"),
        ("add", "for example: add: {main:"),
        ("lstm: {hidden_size: 64}", "here it is 'hidden'"),
        ("combine: {op: mul, a: [], b: []}", "here it is 'function'"),
        ("concat: {dim: 1, a: [], b: []}", "here it is 'axis'"),
        ("add: {a: label, b: []}", "of a label: [{from: label}]"),
        ("concat: {a: relu, b: []}", "write [relu]"),
        ("lstm: {hidden: 8, foo: 1}", "projection, branches (lists of steps)"),
        ("{conv: {out: 8}, as: a}\n  - add: {x: [], y: [a]}", "it is a label: {from: a}"),
        ("unit(8)\nblocks:\n  unit(out): [{conv: {out: out}}]", "write {unit: [8]}"),
        ("sequential: [relu]", "several steps under a name are a block"),
        ("conv: {out: 8, kernel: 3x3}", "write [3, 3]"),
        ("conv: {out: 2^4}", "a power is **"),
        ("conv: {out: 8, bias: no}", "write false"),
        ("conv: {out: 8, pad: valid}", "write 0"),
        ("conv: {out: C}", "here it is channels"),
        ("leaky_relu: {alpha: 0.1}", "here it is 'slope'"),
        ("elu: {alpha: 1}", "leave it out: it changes no cost"),
        ("{conv: {out: 8}, activation: relu}", "a step of its own, after this one: - relu"),
        ("concat: [e2]", "for example: concat: {up: [], skip: [{from: label}]}"),
        ("conv: 64", "for example: conv: {out: 64, kernel: 3, pad: 1}"),
        ("relu7", "activation: relu, relu6, prelu"),
        ("foo", "operators: cnncost help operators lists them"),
    ],
)
def test_errors_lead_on(step: str, cure: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(f"input: [3, 32, 32]\nbody:\n  - {step}\n")
    with pytest.raises(SpecError) as error:
        cnncost.load(str(path))
    assert cure in str(error.value)


def test_help_in_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    app(["help", "conv"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "  out                 needed      number of filters\n" in shown and "```" not in shown
    app(["help"], standalone_mode=False)
    assert capsys.readouterr().out.startswith("topics:\n  operators\n")
    with pytest.raises(UsageError, match="unknown topic 'convv': did you mean 'conv'"):
        app(["help", "convv"], standalone_mode=False)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("resnet50", "unknown topic 'resnet50'\n  it is a model: cnncost show resnet50\n  topics: operators, grammar, "),
        ("FLOPs", "unknown topic 'FLOPs'\n  what the words mean: docs/concepts.md; how a layer's figures come about: "),
        ("xyzzy", "unknown topic 'xyzzy'\n  topics: operators, grammar, conventions, devices; an operator, "),
    ],
)  # fmt: skip
def test_topics_that_are_none(word: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        app(["help", word], standalone_mode=False)
    assert str(error.value).startswith(message)


def test_help_has_whole_paragraphs_and_no_names_of_types() -> None:
    import typer

    group = typer.main.get_command(app)
    context = group.make_context("cnncost", ["--help"], resilient_parsing=True)
    for name in COMMANDS:
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        assert "\n" not in command.help.replace("\n\n", ""), name
        for option in command.params:
            if option.param_type_name == "option" and not option.is_flag:
                assert option.metavar and option.metavar != "<str>", (name, option.name)


# Names as people write them ------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "ours"), [("ResNet50", "resnet50"), ("resnet-50", "resnet50"), ("VGG-16-BN", "vgg16_bn"), ("AlexNet", "alexnet"), ("EfficientNet-B0", "efficientnet_b0")])  # fmt: skip
def test_names_in_any_case(name: str, ours: str) -> None:
    assert cnncost.load(name).name == ours


def test_every_name_is_found_by_its_letters_or_refused() -> None:
    for name in zoo.names():
        assert zoo._same_letters(name.upper().replace("_", "-"), zoo.index()) in (name, None)


def test_a_family_says_which_variant_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    app(["table", "resnet", "--by", "stage"], standalone_mode=False)
    assert capsys.readouterr().err.startswith(
        "note: resnet is resnet50; variants: plain18, plain34, resnet18"
    )
    app(["table", "resnet50", "--by", "stage"], standalone_mode=False)
    assert capsys.readouterr().err == ""


def test_commands_that_are_nearly_right(capsys: pytest.CaptureFixture[str]) -> None:
    app(["tabel", "lenet5"], standalone_mode=False)
    assert capsys.readouterr().err == "note: there is no command 'tabel'; this is 'table'\n"
    for word, cure in (("lokc", "did you mean 'lock'"), ("frobnicate", "commands: table, compare")):
        with pytest.raises(UsageError, match=cure):
            app([word], standalone_mode=False)


def test_help_groups_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    app(["--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    places = [
        shown.index(group)
        for group in ("Ask", "Compare and choose", "Check", "See", "Measure", "Learn and teach")
    ]
    assert places == sorted(places)
    assert all(re.search(rf"\b{name}\b", shown) for name in COMMANDS)


def test_completion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "resnet50" in completing.model("ResNet5") and "resnet50" in completing.model("resnet5")
    path = tmp_path / "n.yaml"
    path.write_text("input: [3, 8, 8]\nvariants:\n  lean: {}\n  wide: {}\nbody: [relu]\n")
    assert completing.model(f"{path}:le") == [f"{path}:lean"]
    assert completing.model("nowhere.yaml:le") == []
    for name, values in completing.VALUES.items():
        complete = completing.of(name)
        assert complete is not None and complete("") == list(values()) != []
    assert completing.of("output") is None


FREE = {"input", "kwargs", "bits", "batch", "units", "columns", "caption", "label", "threads", "rev", "architecture", "values", "add", "size",
        "font", "title", "micro_batches", "round", "patches", "workers", "cluster", "year", "max_params", "max_macs", "max_flops",
        "max_activations", "max_peak", "max_ram", "max_flash", "max_latency", "min_top1", "rows", "samples", "seed", "compare", "port", "blanks", "students",
        "time_limit", "warmup_limit", "minutes", "watts", "price", "resource", "stack", "curves", "held"}  # fmt: skip
"""Options whose values are numbers, sizes or a user's own words."""


def test_every_option_that_takes_words_offers_them() -> None:
    import typer

    group = typer.main.get_command(app)
    context = group.make_context("cnncost", ["--help"], resilient_parsing=True)
    without = {
        parameter.name
        for name in COMMANDS
        for parameter in group.get_command(context, name).params  # type: ignore[attr-defined]
        if parameter.name != "help"
        and not getattr(parameter, "is_flag", False)
        and parameter.type.name in ("text", "str")
        and parameter._custom_shell_complete is None
    }
    assert without - FREE == set()


def test_parameters_are_offered_of_the_spec_that_is_named() -> None:
    import typer

    context = typer.Context(typer.main.get_command(app))
    context.params["spec"] = "resnet50"
    assert completing.parameter(context, "cl") == ["classes="]
    context.params["spec"] = "nowhere"
    assert completing.parameter(context, "") == []
    assert completing.of("on") is not None and "rtx-4090" in completing.of("on")("rtx")  # type: ignore[misc]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (["list", "--max-params", "10Q"], "--max-params '10Q' is not a count\n  for example: --max-params 10M, 4.5G or 10e6"),
        (["memory", "lenet5", "--fits", "24"], "--fits '24' is not a size: it has no unit\n  write --fits 24GiB, 500MB or 320KiB, or a device, as rtx-4090 (cnncost help devices)"),
        (["memory", "lenet5", "--fits", "256K"], "--fits '256K' is not a size: K, M and G are no units of bytes\n  write --fits 256KiB or 256kB"),
        (["list", "--max-peak", "2.5M"], "--max-peak '2.5M' is not a size: K, M and G are no units of bytes\n  write --max-peak 2.5MiB or 2.5MB"),
        (["table", "lenet5", "--format", "rtf"], "unknown format 'rtf'\n  formats: text, markdown, csv, latex, json"),
        (["memory", "lenet5", "--fits", "much"], "--fits 'much' is not a size\n  write --fits 24GiB, 500MB or 320KiB, or a device, as rtx-4090 (cnncost help devices)"),
    ],
)  # fmt: skip
def test_sizes_that_are_none(call: list[str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        app(call, standalone_mode=False)
    assert str(error.value).startswith(message)


def test_sizes_as_people_write_them(capsys: pytest.CaptureFixture[str]) -> None:
    from cnncost.units import written_bytes, written_count

    assert [written_count(text) for text in ("10M", "4.5G", "10e6", "25_557_032", "25,557,032", "3 k", "1b")] == [
        10_000_000, 4_500_000_000, 10_000_000, 25_557_032, 25_557_032, 3000, 10**9,
    ]  # fmt: skip
    assert [written_bytes(text) for text in ("320KiB", "24 GiB", "1.5gb", "512B")] == [
        320 * 1024,
        24 * 2**30,
        1_500_000_000,
        512,
    ]
    assert written_count("10 apples") is None and written_bytes("10 M") is None
    app(["list", "--max-params", "2M", "--max-macs", "0.1G"], standalone_mode=False)
    assert "mobilenet_v1_x0_25" in capsys.readouterr().out


def test_a_format_by_its_suffix(capsys: pytest.CaptureFixture[str]) -> None:
    for suffix, name in (("tex", "latex"), ("md", "markdown"), ("txt", "text")):
        app(["table", "lenet5", "--format", suffix], standalone_mode=False)
        by_suffix = capsys.readouterr().out
        app(["table", "lenet5", "--format", name], standalone_mode=False)
        assert capsys.readouterr().out == by_suffix
