"""Eager PyTorch: what it allocates, saves and copies, a rule for every operator.

rule.py       what a rule says, the plain rule, the table of all rules

activation.py  arithmetic.py  cast.py  conv.py  join.py  linear.py  move.py  norm.py  pool.py
product.py  regularize.py  the rules, kin beside kin
"""

from cnncost.execution.eager import (
    activation,
    arithmetic,
    cast,
    conv,
    join,
    linear,
    move,
    norm,
    pool,
    product,
    regularize,
)
from cnncost.execution.eager.rule import PLAIN, RULES, PreservesFormat, Rule, SuggestedFormat, rule_of, runs

__all__ = ["PLAIN", "RULES", "PreservesFormat", "Rule", "SuggestedFormat", "rule_of", "runs"]

KINS = (activation, arithmetic, cast, conv, join, linear, move, norm, pool, product, regularize)
"""The files of rules: importing them fills the table."""
