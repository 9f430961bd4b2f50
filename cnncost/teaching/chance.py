"""Choices that a seed makes for ever: of `Random`'s methods only `random` gives the same in every Python."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def chance(*seeds: object) -> Random:
    """The chance of a seed, or of a seed and more words."""
    return Random("/".join(map(str, seeds)))


def pick(by: Random, choices: Sequence[T]) -> T:
    """One of some choices."""
    return choices[int(by.random() * len(choices))]
