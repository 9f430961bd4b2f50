"""The `bits` of a step: as they are written, or as an expression gives them; and which of them a node has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnncost.bits import Bits, parse
from cnncost.errors import UsageError
from cnncost.execution.quantising import keeps
from cnncost.graph import Node
from cnncost.language.document import Document, Scalar
from cnncost.language.family import Given, Step

if TYPE_CHECKING:
    from cnncost.language.scope import Names, Scope


def read(written: Scalar, document: Document) -> Bits | None:
    """The bits that a scalar writes; None: an expression. Raises SpecError for what means to be bits."""
    try:
        return parse(written.text)
    except UsageError as error:
        if re.match(r"[wa]?\d", written.text) or ":" in written.text:
            raise document.error(error.message, written, cure=error.cure, more=error.more) from None
        return None


def asked(written: Bits | Given, names: Names, scope: Scope) -> Bits:
    """The bits that a step says. Raises SpecError for a value that is none."""
    if isinstance(written, Bits):
        return written
    try:
        return parse(str(names.value(written, scope)))
    except UsageError as error:
        document = names.family.document
        raise document.error(error.message, written.node, cure=error.cure, more=error.more) from None


def quantised(step: Step, node: Node, nodes: Sequence[Node], bits: Bits, document: Document) -> Node:
    """A node with the bits of its step, or of the block around it as far as they are its own.

    Raises SpecError for weights of an operator that has none.
    """
    shapes = [nodes[index].shape for index in node.inputs]
    if not any(weight.role == "weight" for weight in node.op.weights(*shapes)):
        if step.bits is not None and bits.activations is None:
            raise document.error(
                f"{step.name} has no weights to quantise",
                step.key or step.node,
                cure=f"bits: a{bits.weights} is of the tensor that it makes",
            )
        bits = bits._replace(weights=None, scales="channel")
    if step.bits is None and keeps(node, nodes):
        bits = bits._replace(activations=None)
    return node._replace(bits=bits if bits[:2] != (None, None) else None)
