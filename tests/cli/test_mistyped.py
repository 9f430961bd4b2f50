"""Command lines that cannot be read: every command says what is wrong in our words, with a line that works."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from fuzz.values import FIRST

from cnncost.cli.habits import MEANT, WANTED
from cnncost.cli.main import COMMANDS, app, module
from cnncost.errors import CnncostError, UsageError

GROUP: Any = typer.main.get_command(app)


def parameters(name: str) -> list[Any]:
    """The arguments and options of a command."""
    context = GROUP.make_context("cnncost", ["--help"], resilient_parsing=True)
    found: list[Any] = GROUP.get_command(context, name).params
    return found


def refused(line: str) -> str:
    """What is said of a line; it must be an error of ours, by which nothing was run."""
    with pytest.raises(CnncostError) as error:
        app(shlex.split(line), prog_name="cnncost", standalone_mode=False)
    assert isinstance(error.value, UsageError) and error.value.exit_code == 2
    return str(error.value)


def cured(message: str) -> str:
    """The line or the option that a message says to write."""
    (found,) = re.findall(r"  write (.+)", message)
    return str(found)


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_is_none(name: str) -> None:
    problem, quoted, mark, _ = refused(f"{name} {FIRST[name]} --zzqqxy 3").splitlines()
    assert problem == f"cnncost {name} has no option '--zzqqxy'"
    assert quoted.index("--zzqqxy") == mark.index("^~~~")


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_without_its_value_and_a_flag_with_one(name: str) -> None:
    for each in parameters(name):
        if (
            each.param_type_name != "option"
            or each.name == "help"
            or (name, each.name) == ("schema", "output")
        ):
            continue  # `schema --output` is `schema output`
        (option, *_) = [known for known in each.opts if known.startswith("--")]
        if each.is_flag:
            assert cured(refused(f"{name} {option}=yes")) == option
        else:
            says = refused(f"{name} {FIRST[name]} {option}").splitlines()
            assert says[0] == f"{option} needs a value" and says[-1].startswith(f"  {option} ")
            assert each.help in says[-1] and says[1][says[2].index("^") :] == option


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_missing(name: str) -> None:
    needed = [each for each in parameters(name) if each.required]
    if needed:
        message = refused(name)
        assert message.startswith(f"cnncost {name} needs ")
        assert re.search(rf"\n  for example: cnncost {name} \S", message) and needed[0].help in message


@pytest.mark.parametrize("name", COMMANDS)
def test_a_word_too_many(name: str) -> None:
    arguments = [each for each in parameters(name) if each.param_type_name == "argument"]
    if all(each.nargs == 1 for each in arguments):
        words = " ".join(["lenet5"] * len(arguments))
        message = refused(f"{name} {words} furthermore{' --onnx x.onnx' if name == 'export' else ''}")
        assert message.startswith(f"cnncost {name} takes no further 'furthermore'\n") and "^~~~" in message


@pytest.mark.parametrize("name", COMMANDS)
def test_one_hyphen_or_a_dash_of_a_word_processor(name: str) -> None:
    for each in parameters(name):
        for option in each.opts:
            if option.startswith("--"):
                assert cured(refused(f"{name} {option[1:]} 3")) == option
                assert cured(refused(f"{name} \u2013{option[2:]}=3")) == f"{option}=3"
                assert cured(refused(f"{name} \u2014{option[2:]} 3")) == option


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_of_the_help_can_be_read(name: str) -> None:
    context = GROUP.make_context("cnncost", ["--help"], resilient_parsing=True)
    for line in module(name).EXAMPLES:
        _, command, *words = shlex.split(line) if line.startswith("cnncost") else ("", "schema")
        GROUP.get_command(context, command).make_context(command, words, parent=context)


def test_words_of_other_programs_lead_to_options_that_there_are() -> None:
    options = {
        option: (name, each) for name in COMMANDS for each in parameters(name) for option in each.opts
    } | {"--version": ("", None), "--help": ("", None)}
    for ours, theirs in MEANT.items():
        option, _, value = ours.partition(" ")
        assert option in options, ours
        for their in theirs.split():
            command = next(
                (
                    name
                    for name in COMMANDS
                    for known in [{o for each in parameters(name) for o in each.opts}]
                    if option in known and their not in known
                ),
                None,
            )
            if command is not None:
                wanted = f"{option} {value or 7}" if their != "--classes" else "--set classes=7"
                if option not in ("--set", "--help"):
                    assert cured(refused(f"{command} {FIRST[command]} {their} 7")) == wanted


def test_words_that_people_try_are_no_commands_and_lead_to_one() -> None:
    for command, words in WANTED.items():
        for word in words.split():
            assert word not in COMMANDS
            assert cured(refused(f"{word} resnet50")) == f"cnncost {command} resnet50"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ResNet-50 table", "the command comes first, and 'ResNet-50' is none\n  write cnncost table ResNet-50"),
        ("resnet50 --by stage table", "the command comes first, and 'resnet50' is none\n  write cnncost table resnet50 --by stage"),
        ("--batch 4 table resnet50", "options stand behind the command: --batch\n  write cnncost table resnet50 --batch 4"),
        ("plot alexnet layers", "the kind of plot comes first\n  write cnncost plot layers alexnet"),
        ("memory alexnet vgg16", "cnncost memory takes no further 'vgg16'\n    cnncost memory alexnet vgg16\n                           ^~~~~  one model at a time; several: cnncost compare\n  usage: cnncost memory SPEC [OPTIONS]"),
        ("table resnet50 batch=4", "'batch=4' stands where a model is named\n    cnncost table resnet50 batch=4\n                           ^~~~~~~  write --batch 4"),
        ("table wrn_28_10 widen=4", "'widen=4' stands where a model is named\n    cnncost table wrn_28_10 widen=4\n                            ^~~~~~~  write --set widen=4"),
        ("table resnet50 width=4", "'width=4' stands where a model is named\n    cnncost table resnet50 width=4\n                           ^~~~~~~  write --set width=4"),
        ("search mobilenet_v2 width=1,2", "cnncost search takes no further 'width=1,2'\n    cnncost search mobilenet_v2 width=1,2\n                                ^~~~~~~~~  write --vary width=1,2\n  usage: cnncost search SPEC [OPTIONS]"),
        ("list --max-params 5 M", "5 and M are two words\n    cnncost list --max-params 5 M\n                                ^  write 5M"),
        ("compare alexnet,vgg16", "'alexnet,vgg16' stands where a model is named\n    cnncost compare alexnet,vgg16\n                    ^~~~~~~~~~~~~  write alexnet vgg16"),
        ("compare alexnet vs vgg16", "'vs' stands where a model is named\n    cnncost compare alexnet vs vgg16\n                            ^~  leave it out: models stand side by side"),
        ("version", "unknown command 'version'\n  write cnncost --version"),
        ("table lenet5 --format JSON", "unknown format 'JSON': did you mean 'json'?\n  formats: text, markdown, csv, latex, json"),
        ("table lenet5 --mode TRAIN", "unknown mode 'TRAIN': did you mean 'train'?\n  known: eval, train"),
        ("table help", "'help' stands where a model is named\n    cnncost table help\n                  ^~~~  write cnncost table --help"),
        ("weights.pt", "weights.pt: a file of weights does not say what computes with them, and nothing is unpickled here\n  name what makes the network, package.module:factory, or export it to ONNX"),
        ("pick --max-macs 1.5GB", "--max-macs '1.5GB' is not a count\n  write --max-macs 1.5G"),
        ("search mobilenet_v2 --vary width=0.5-1", "--vary 'width=0.5-1' is not a range\n  write 0.5..1:0.25"),
        ("search mobilenet_v2 --vary input=128-256:32", "--vary 'input=128-256:32' is not a range\n  write 128..256:32"),
        ("search mobilenet_v2 --vary width=0.5..1", "--vary 'width=0.5..1' has no step\n  write 0.5..1:0.25, or 0.5,1"),
        ("search mobilenet_v2 --vary width=0.5,1 --max-macs 100", "none of 2 settings keeps every limit\n  --max-macs 100 excludes 2 by itself (was 100M meant?)\n  the least MACs: 97.1 M"),
        ("live nosuch.yaml --watch", "nosuch.yaml: no such file"),
        ("live nodir/net.yaml", "nodir/net.yaml: no directory 'nodir'\n  make it first: mkdir -p nodir"),
        ("predict resnet50 --on 'Tesla T4'", "unknown device 'Tesla T4'\n  near: t4\n  cnncost help devices lists ours; a file of yours is named by its path: ./mine.yaml"),
        ("memory lenet5 --fits 320", "--fits '320' is not a size: it has no unit\n  write --fits 320GiB, 500MB or 320KiB, or a device, as rtx-4090 (cnncost help devices)"),
        ("export resnet18", "cnncost export needs --onnx\n  for example: cnncost export resnet18 --onnx resnet18.onnx\n  --onnx FILE: The ONNX file to write."),
    ],
)  # fmt: skip
def test_whole_messages(line: str, message: str) -> None:
    assert refused(line) == message


def test_a_model_without_a_command() -> None:
    for line, cure in {"resnet50": "table resnet50", "ResNet-50": "table ResNet-50", "vgg16 resnet50": "compare vgg16 resnet50", "torchvision:resnet50": "table torchvision:resnet50", "my.yaml:small --batch 2": "table my.yaml:small --batch 2"}.items():  # fmt: skip
        assert cured(refused(line)) == f"cnncost {cure}"


def test_a_model_is_no_option() -> None:
    assert "  a model stands without an option: alexnet\n" in refused("table --model alexnet")
    assert "  a model stands without an option: vgg16\n" in refused("memory --arch=vgg16")


def test_an_option_of_another_command_is_named() -> None:
    assert "cnncost memory has it" in refused("table resnet50 --fits 24GiB")
    assert "cnncost search has it" in refused("pick --vary width=1,2")
    assert "cnncost predict, cnncost compare, cnncost check and others have it" in refused(
        "table vgg16 --on t4"
    )


def test_names_with_an_equals_sign_and_files_called_so_are_models(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "batch=4.yaml").write_text("input: [3, 8, 8]\nbody: [relu]\n")
    app(["table", "batch=4.yaml"], standalone_mode=False)
    assert "3x8x8" in capsys.readouterr().out
