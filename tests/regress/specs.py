"""Small specs that the tests of this room lock, change and compare."""

from __future__ import annotations

from pathlib import Path

NET = """\
family: net
input: [3, 16, 16]
params: {classes: 10, width: 8}
variants:
  small: {}
  large: {width: 16}
blocks:
  unit(out):
    - {conv: {out: out, kernel: 3, pad: 1, bias: false}}
    - bn
    - relu
body:
  - unit: [width]
    times: 3
  - maxpool: {kernel: 2}
  - flatten
  - {linear: {out: classes}, as: fc}
"""

# unit1: 3*3*3*8 = 216 weights, 2*8 of bn; unit2, unit3: 3*3*8*8 = 576, 16 each; fc: 8*8*8*10 + 10 = 5130
SMALL_PARAMS = 216 + 16 + 2 * (576 + 16) + 5130
SMALL_MACS = 216 * 256 + 2 * 576 * 256 + 5120


def write(directory: Path, text: str = NET, name: str = "net.yaml") -> Path:
    """A spec file in a directory."""
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def change(directory: Path, old: str, new: str) -> None:
    """Replace a piece of net.yaml."""
    text = (directory / "net.yaml").read_text()
    assert old in text
    write(directory, text.replace(old, new))


def budget(directory: Path, text: str) -> None:
    """Write the configuration of the project."""
    (directory / "cnncost.toml").write_text(text)
