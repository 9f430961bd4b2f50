"""Questions with a text of their own.

What a text says of a line, its cells must not ask (`Question.tells`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cnncost import units
from cnncost.analysis.traced import Term
from cnncost.errors import OperatorError
from cnncost.execution.training import OPTIMIZERS
from cnncost.ops.conv import Conv
from cnncost.ops.window import Slide
from cnncost.teaching.cells import heading
from cnncost.teaching.lines import AnswerPart, Lines, TableLine
from cnncost.teaching.mistakes import Mistake
from cnncost.teaching.question import Question


def _convolutions(lines: Lines) -> Iterator[tuple[TableLine, Conv]]:
    """The plain convolutions that are a line's first operator, padded alike on both sides of an axis."""
    for line in lines.lines:
        op = line.nodes[0].op
        if isinstance(op, Conv) and op.connections is None and op.pad != "same" and line.row is not None:
            slides = op.windows(*lines.graph.input_shapes(line.nodes[0]))
            if all(slide.before == slide.after for slide in slides):
                yield line, op


def missing(lines: Lines) -> Iterator[Question]:
    """A kernel or a padding that is missing in the table, where there is only one that fits; along each axis,
    where these differ.
    """
    for line, op in _convolutions(lines):
        shapes = lines.graph.input_shapes(line.nodes[0])
        along = list(zip(op.windows(*shapes), shapes[0].space, line.nodes[0].shape.space, strict=True))
        first, *others = along
        square = all(slide._replace(letter=first[0].letter) == first[0] for slide, *_ in others)
        for slide, size, made in [first] if square else along:
            yield from _missing(
                lines, line, slide, (size, made), "" if square else f" along the {slide.axis}"
            )


def _missing(
    lines: Lines, line: TableLine, slide: Slide, sizes: tuple[int, int], along: str
) -> Iterator[Question]:
    """The questions for a window along one axis, by the sizes of what it reads and makes."""
    size, made = sizes
    letter = slide.letter if along else "W"
    if slide.dilation == 1 and slide.kernel > 1:
        most = size + 2 * slide.before
        fits = [k for k in range(1, most + 1) if _made(size, k, slide.before, slide.stride) == made]
        if fits == [slide.kernel]:
            working = (
                f"K = {letter} + 2P - ({letter}' - 1) * S = {size} + 2*{slide.before} - ({made} - 1)"
                f" * {slide.stride} = {slide.kernel}"
            )
            once = Mistake("the padding is counted once", (Term(slide.kernel - slide.before),))
            yield _of_a_window(lines, line, "kernel", slide.kernel, once, working, along or " along one side")
    fits = [p for p in range(slide.reach) if _made(size, slide.reach, p, slide.stride) == made]
    if slide.before and fits == [slide.before]:
        working = (
            f"P = (({letter}' - 1) * S + K - {letter}) / 2 ="
            f" (({made} - 1) * {slide.stride} + {slide.reach} - {size}) / 2 = {slide.before}"
        )
        both = Mistake("this is the padding of both sides together", (Term(2 * slide.before),))
        where = f"{along}, on each side"
        yield _of_a_window(lines, line, "padding", slide.before, both, working, where.removeprefix(","))


def _of_a_window(
    lines: Lines, line: TableLine, column: str, right: int, wrong: Mistake, working: str, where: str
) -> Question:
    """The question for a kernel or a padding, whose cell is left out of the table."""
    name = lines.report.rows[line.at - 1].name
    told = {(line.at, "shape"), *[(lines.last.get(source, -1), "shape") for source in line.nodes[0].reads]}
    other = "kernel" if column == "padding" else "padding"
    return Question(
        "infer", 2, line.at, f"How large is the {column} of {name},{where}? The division is exact.",
        (AnswerPart("", Term(right)),), working=(working,), mistakes=_other((wrong,), right), hides=column,
        tells=frozenset(told | {(line.at, other)}),
    )  # fmt: skip


def _made(size: int, kernel: int, pad: int, stride: int) -> int | None:
    """Window positions, if the division is exact."""
    room = size - kernel + 2 * pad
    return room // stride + 1 if room >= 0 and room % stride == 0 else None


def _other(found: tuple[Mistake, ...], right: int) -> tuple[Mistake, ...]:
    """The mistakes that do not happen to give the right answer, nor nonsense."""
    return tuple([one for one in found if one.terms[0].value not in (right, 0) and one.terms[0].value > 0])


def most(lines: Lines) -> Iterator[Question]:
    """The line with most of something, where there is only one."""
    for kind in ("memory", "params", "macs"):
        counts = {
            line.row.name: int(line.cells[kind][0].term.value) for line in lines.lines if line.row is not None
        }
        largest = max(counts.values(), default=0)
        names = [name for name, count in counts.items() if count == largest]
        if len(names) == 1 and len(counts) > 1 and largest:
            second = max(count for count in counts.values() if count != largest)
            yield Question(
                "most", 2, 0, f"Which line has most {heading(kind, lines)}?", words=(names[0],),
                working=(f"{names[0]} has {largest:,}, no other more than {second:,}",),
            )  # fmt: skip


def stacks(lines: Lines) -> Iterator[Question]:
    """Several small convolutions against one large one, as VGG's authors do (Simonyan and Zisserman 2015)."""
    seen = set()
    for line, op in _convolutions(lines):
        shape = line.nodes[0].shape
        channels, rank = shape[1], len(shape.space)
        if op.groups > 1 or channels in seen or rank != 2:
            continue
        seen.add(channels)
        for deep in (2, 3):
            single = 2 * deep + 1
            stack, one = deep * 9 * channels * channels, single * single * channels * channels
            text = (
                f"{deep} convolutions 3x3 in a row stand in the place of one {single}x{single},"
                f" {channels} channels in and out, no bias. How many parameters fewer is that?"
            )
            working = (
                f"{single}*{single} * {channels} * {channels} - {deep} * 3*3 * {channels} * {channels}"
                f" = {one:,} - {stack:,} = {one - stack:,}",
                f"both see {single}x{single}",
            )
            yield Question(
                "stacks", 2, line.at, text, (AnswerPart("", Term(one - stack)),), working=working,
                mistakes=(
                    Mistake("this is what the stack has", (Term(stack),)),
                    Mistake("this is what the single one has", (Term(one),)),
                ),
            )  # fmt: skip


def exactness(lines: Lines) -> Iterator[Question]:
    """Whether a window ends at the border, or a rest is left."""
    for line in lines.lines:
        node = line.nodes[0]
        shapes = lines.graph.input_shapes(node)
        slides = node.op.windows(*shapes) if shapes else ()
        if not slides or slides[0].same or line.row is None or node.op.kin not in ("convolution", "pooling"):
            continue
        if all(slide.stride == 1 for slide in slides):
            continue
        rooms = [
            (slide, size, size - slide.reach + slide.before + slide.after)
            for slide, size in zip(slides, shapes[0].space, strict=True)
        ]
        exact = all(room % slide.stride == 0 for slide, _, room in rooms)
        text = (
            f"Is the division exact in the output size of {lines.described(line.at)}"
            f" with padding {units.sides([slide.before for slide in slides])} on"
            f" {units.sides(shapes[0].space)}? (yes or no)"
        )
        working = tuple(
            dict.fromkeys(
                f"({size} - {slide.reach} + {slide.before} + {slide.after}) / {slide.stride}"
                f" = {room / slide.stride:g}"
                for slide, size, room in rooms
            )
        )
        told = {(line.at, column) for column in ("kernel", "padding")}
        told |= {(lines.last.get(source, -1), "shape") for source in node.reads}
        yield Question(
            "exact",
            1,
            line.at,
            text,
            words=("yes" if exact else "no",),
            working=working,
            tells=frozenset(told),
        )


def change(lines: Lines) -> Iterator[Question]:
    """Counts after a change of one argument."""
    for line, op in _convolutions(lines):
        shapes = lines.graph.input_shapes(line.nodes[0])
        if line.cells["params"][0].term.value != op.params(*shapes):
            continue  # a batch norm in the same line, or a convention that leaves some out
        before, name = op.params(*shapes), lines.described(line.at)
        wider = [slide.kernel + 2 for slide in op.windows(*shapes)]
        changes: dict[str, dict[str, Any]] = {
            "twice as many filters": {"out": 2 * op.out},
            "no bias": {"bias": False} if op.bias else {},
            "a bias": {} if op.bias else {"bias": True},
            "a kernel larger by 2 on every side": {"kernel": wider},
        }
        for says, changed in changes.items():
            if not changed:
                continue
            try:
                after = op.replace(**changed)
                count = after.params(*shapes)
            except OperatorError:
                continue
            window = " * ".join(str(slide.kernel) for slide in after.windows(*shapes))
            channels = f"{shapes[0][1]} / {op.groups}" if op.groups > 1 else f"{shapes[0][1]}"
            filters, bias = after.given("out"), f" + {after.given('out')}" if after.given("bias") else ""
            working = (f"{filters} * {channels} * {window}{bias} = {count:,} (it was {before:,})",)
            yield Question(
                "change", 2, line.at,
                f"{name} gets {says}, all else as it is. How many parameters does it have then?",
                (AnswerPart("", Term(count)),), working=working, tells=frozenset({(line.at, "kernel")}),
                mistakes=_other((Mistake("this is the count before the change", (Term(before),)),), count),
            )  # fmt: skip


TRAINED_WITH = ("sgd", "momentum", "adam")
"""Named here, not read from the table of optimizers: a new one there must not change the sheet of a seed."""


def training(lines: Lines) -> Iterator[Question]:
    """Bytes of weights, gradients and optimizer state, which a step needs whatever its batch."""
    params = lines.report.totals.params
    for name in TRAINED_WITH:
        optimizer = OPTIMIZERS[name]
        copies = 2 + optimizer.state
        size = copies * params * lines.bytes
        text = (
            f"{lines.graph.name} ({params:,} parameters) is trained with {name} in {lines.report.dtype}."
            " How many bytes do parameters, gradients and the optimizer's state take together?"
        )
        working = (
            f"{params:,} * (1 + 1 + {optimizer.state}) * {lines.bytes} = {size:,} bytes ({units.size(size)})",
        )
        wrong = (
            Mistake("the gradients are forgotten", (Term(size - params * lines.bytes),)),
            Mistake("this is the parameters alone", (Term(params * lines.bytes),)),
        )
        yield Question(
            "training",
            3,
            0,
            text,
            (AnswerPart("", Term(size)),),
            "B",
            working=working,
            mistakes=_other(wrong, size),
        )
