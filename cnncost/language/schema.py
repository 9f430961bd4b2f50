"""The JSON Schema of a spec, generated from the operators: what editors complete and check.

It covers form: keys, operators, arguments, kinds of values. What needs parameters (shapes, labels)
only the loader can tell.
"""

from __future__ import annotations

from typing import Any

from cnncost.dtypes import BITS
from cnncost.language import facts
from cnncost.ops import REGISTRY, Operator
from cnncost.ops.arguments import KINDS
from cnncost.ops.base import Argument

_TEXT = {"type": "string"}
_EXPRESSION = {"type": ["string", "number", "boolean"]}
_VALUE = {"type": ["string", "number", "boolean", "array", "null"], "items": {"not": {"type": "object"}}}
_NAME = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_ROWS = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "object", "propertyNames": _NAME, "additionalProperties": _VALUE, "minProperties": 1},
    "description": "a list of mappings: `for` takes a row after the other",
}
_PARAMETER = {"anyOf": [_VALUE, _ROWS]}
_LABEL = {"type": "string", "pattern": r"^\$?[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]*\$?[A-Za-z0-9_]+)*$"}
_NUMBER = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9.]+e[0-9]+$"}]}
"""26e6 is a number in YAML 1.2, and a word in 1.1, which many editors read."""
_SIZE = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+x\d+$"}]}
_DTYPES = {"anyOf": [{"enum": list(BITS)}, {"type": "array", "items": {"enum": list(BITS)}, "maxItems": 3}]}
_STEPS = {"type": "array", "items": {"$ref": "#/$defs/step"}}
_MODIFIERS = {
    "as": _LABEL | {"description": "label the step's output"},
    "from": _LABEL | {"description": "take this label's output as input"},
    "times": _EXPRESSION | {"description": "repeat; `index` counts from 0"},
    "for": {
        "anyOf": [{"type": "object", "additionalProperties": _VALUE}, _NAME],
        "description": "repeat over columns, or over the rows of a parameter",
    },
    "if": _EXPRESSION | {"description": "keep the step only if this holds"},
    "dtype": _DTYPES | {"description": "element types of output, weights and bias; one for all"},
    "bits": _EXPRESSION | {"description": "of weights and activations: 4, w4a8, w1, a8, w4:tensor"},
}
_PAPER = {
    "type": "object",
    "properties": dict.fromkeys(facts.PAPER, _VALUE),
    "additionalProperties": False,
}
_FACT = {
    "type": "object",
    "properties": dict.fromkeys(facts.FACTS, _VALUE)
    | dict.fromkeys(facts.FIGURES, _NUMBER)
    | {"input": _SIZE},
    "required": ["source"],
    "additionalProperties": False,
}
_PUBLISHED = {"type": "array", "items": _FACT}
_SIZES = {"type": "array", "items": _EXPRESSION, "minItems": 1, "maxItems": 4}
_AXES = {"type": "string", "pattern": "^[CDHLW]{1,4}$", "description": "a letter per size: LC, CHW"}
_NAMED_SIZES = {
    "type": "object",
    "properties": {"shape": _SIZES, "axes": _AXES, "dtype": {"enum": list(BITS)}},
    "required": ["shape"],
    "additionalProperties": False,
}
_INPUTS = {
    "type": "object",
    "propertyNames": {"pattern": r"^[A-Za-z_]\w*$", "not": {"enum": ["shape", "axes", "dtype"]}},
    "additionalProperties": {"anyOf": [_SIZES, _NAMED_SIZES]},
    "minProperties": 1,
}
_INPUT = {"anyOf": [_SIZES, _NAMED_SIZES, _INPUTS]}
_VARIANT = {
    "type": ["object", "null"],
    "properties": {"input": _INPUT, "description": _TEXT, "paper": _PAPER, "published": _PUBLISHED},
    "additionalProperties": _PARAMETER,
}


def schema() -> dict[str, Any]:
    """The schema as a dict (JSON Schema draft 2020-12)."""
    operators = {name: _operator(operator) for name, operator in REGISTRY.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cnncost architecture spec",
        "type": "object",
        "properties": {
            "family": _LABEL,
            "description": _TEXT,
            "paper": _PAPER,
            "dtype": _DTYPES | {"description": "element type of what has none of its own; else the report's"},
            "input": _INPUT
            | {"description": "[channels, height, width], a size per axis; or several by name"},
            "params": {"type": "object", "additionalProperties": _PARAMETER},
            "variants": {"type": "object", "additionalProperties": _VARIANT},
            "blocks": {
                "type": "object",
                "propertyNames": {"pattern": r"^[A-Za-z_][A-Za-z0-9_]*\s*(\(.*\))?$"},
                "additionalProperties": _STEPS,
            },
            "body": _STEPS,
            "heads": {"type": "object", "additionalProperties": _STEPS},
            "outputs": {"type": "array", "items": _LABEL},
            "published": _PUBLISHED,
        },
        "required": ["body"],
        "additionalProperties": False,
        "$defs": {
            "step": {
                "anyOf": [
                    {"type": "string", "examples": list(REGISTRY)},
                    {
                        "type": "object",
                        "properties": {**operators, **_MODIFIERS},
                        "additionalProperties": {"type": ["object", "array", "null"]},
                        "minProperties": 1,
                    },
                ]
            }
        },
    }


def _operator(operator: type[Operator]) -> dict[str, Any]:
    if operator.inputs is None:
        own = {argument.name: _argument(argument) for argument in operator.arguments.values()}
        joined = {"type": "object", "additionalProperties": _STEPS, "description": _summary(operator)}
        return joined | ({"properties": own} if own else {})
    properties = {argument.name: _argument(argument) for argument in operator.arguments.values()}
    required = [argument.name for argument in operator.arguments.values() if argument.required]
    return {
        "type": "object" if required else ["object", "null"],
        "description": _summary(operator),
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _argument(argument: Argument) -> dict[str, Any]:
    kind, _, optional = argument.kind.partition(" | ")
    described: dict[str, Any] = {"description": argument.help}
    if argument.choices:
        described["anyOf"] = [{"enum": list(argument.choices)}, _TEXT]
    elif optional:
        described["anyOf"] = [KINDS[kind].schema, {"type": "null"}]
    else:
        described |= KINDS[kind].schema
    if not argument.required and argument.default is not None:
        described["default"] = argument.default
    return described


def _summary(operator: type[Operator]) -> str:
    return (operator.__doc__ or "").strip().partition("\n")[0]
