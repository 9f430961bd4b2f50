"""A working as the tables print it -> TeX mathematics.

    C_out * H' = 64 * 56 = 3,584 bytes (3.50 KiB)
    $C_{\\mathrm{out}} \\cdot H' = 64 \\cdot 56 = 3{,}584\\ \\text{bytes}$ (3.50 KiB)

Only what `analysis/traced.py` writes is understood: names, numbers, + - * / = ( ) and floor; a word of
more letters is text, and so is what stands in parentheses with such a word.
"""

from __future__ import annotations

import re

from cnncost.escape import line

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "µ": r"\textmu{}",
    "≥": r"$\geq$", "≈": r"$\approx$",
}  # fmt: skip
_PROSE = re.compile(r"(\((?!floor)[^()]*[A-Za-z]{2}[^()]*\))")
_TOKEN = re.compile(
    r"(?P<number>\d[\d,]*(?:\.\d+)?)|(?P<name>[A-Za-z](?:_[A-Za-z0-9]+)?'*(?![A-Za-z_]))|(?P<word>[A-Za-z_]+)"
    r"|(?P<blank>\s+)|(?P<sign>.)"
)
_SIGNS = {"*": r"\cdot ", "×": r"\times ", "≥": r"\geq ", "≤": r"\leq ", "%": r"\%", "&": r"\&", "#": r"\#",
          "$": r"\$", "{": r"\{", "}": r"\}", "\\": r"\backslash ", "^": r"\hat{}", "~": r"\sim ", "_": r"\_",
          "µ": r"\mu "}  # fmt: skip
_AROUND_SIGN = re.compile(r"(?:\\?\s)*([-+=/]|\\cdot)(?:\\?\s)*")
"""TeX parts a sign from its operands itself."""
_WORDS = {"max": r"\max", "min": r"\min"}


def escape(text: str) -> str:
    """Text in which no character has a meaning to TeX."""
    return "".join(_SPECIAL.get(character, character) for character in line(text.replace("\n", " ")))


def mathematics(working: str) -> str:
    """The working between dollars, remarks in parentheses outside them."""
    parts = (part.strip() for part in _PROSE.split(line(working.replace("\n", " "))))
    return " ".join(escape(part) if _PROSE.match(part) else _formula(part) for part in parts if part)


def _formula(working: str) -> str:
    """A formula between dollars; `floor(...)` with TeX's floor brackets."""
    parts: list[str] = []
    closing: list[str] = []
    floor = False
    for match in _TOKEN.finditer(working):
        kind, token = str(match.lastgroup), match.group()
        if token == "floor":
            floor = True
        elif token == "(":
            parts.append(r"\lfloor " if floor else "(")
            closing.append(r"\rfloor " if floor else ")")
            floor = False
        elif token == ")":
            parts.append(closing.pop() if closing else ")")
        else:
            parts.append(_written(kind, token))
    formula = re.sub(r"\}\\ \\text\{", " ", "".join(parts))
    return "$" + _AROUND_SIGN.sub(r" \1 ", formula).strip() + "$"


def _written(kind: str, token: str) -> str:
    if kind == "number":
        return token.replace(",", "{,}")
    if kind == "name":
        letter, _, index = token.rstrip("'").partition("_")
        primes = "'" * (len(token) - len(token.rstrip("'")))
        return f"{letter}{primes}" + (rf"_{{\mathrm{{{index}}}}}" if index else "")
    if kind == "word":
        return _WORDS.get(token, rf"\text{{{token}}}".replace("_", r"\_"))
    if kind == "blank":
        return r"\ "
    return _SIGNS.get(token, token)
