"""Wheel and sdist in dist/, built twice to the same bytes, and checked: `make release`. Publishes nothing."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 2_000_000
"""Bytes of a wheel: what does not fit is no code."""
NEEDED = (
    "cnncost/py.typed",
    "cnncost/specs/resnet.yaml",
    "cnncost/html/page.js",
    "cnncost/devices/a100-80gb.yaml",
    "cnncost/devices/profiles/rtx-4090.yaml",
    "cnncost/live/static/live.html",
    "cnncost/live/static/codemirror.js",
)
BUNDLED = ("codemirror.js",)
"""Files of others; a test finds those that nobody wrote down here."""


def built(folder: Path) -> dict[str, bytes]:
    """Both distributions, built into a folder; their time is that of the commit."""
    git = ["git", "log", "-1", "--format=%ct"]
    time = subprocess.run(git, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    stamp = time or "1577836800"  # of no repository: 2020
    environment = {**os.environ, "SOURCE_DATE_EPOCH": stamp, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def faults(wheel: Path, version: str) -> list[str]:
    """What is wrong with a wheel of a version."""
    names = zipfile.ZipFile(wheel).namelist()
    own = ("cnncost/", f"cnncost-{version}.dist-info/")
    found = [
        f"{name} does not belong into it" for name in names if not name.startswith(own) or "/test_" in name
    ]
    found += [f"{name} is missing" for name in NEEDED if name not in names]
    inside = [name for name in names if name.startswith(own[0]) and name.endswith("LICENSE")]
    for licence in ("LICENSE", *inside):  # ours, and those of the code that the package brings along
        if f"{own[1]}licenses/{licence}" not in names:
            found.append(f"the metadata do not name the licence {licence}")
    found += [
        f"{name} is bundled without {Path(name).stem}.LICENSE beside it"
        for name in names
        if name.endswith(BUNDLED) and f"{name.removesuffix('.js')}.LICENSE" not in names
    ]
    if wheel.stat().st_size > LARGEST:
        found.append(f"it has {wheel.stat().st_size:,} bytes, more than {LARGEST:,}")
    return found


def unreleased() -> str:
    """What the changelog has of changes that no version has."""
    text = (ROOT / "CHANGELOG.md").read_text()
    return text.partition("## [Unreleased]")[2].partition("\n## [")[0].strip()


def main() -> int:
    """Build, compare, check; 1 if something does not hold."""
    (version,) = re.findall(r'__version__ = "(.+)"', (ROOT / "cnncost" / "version.py").read_text())
    if f"## [{version}]" not in (ROOT / "CHANGELOG.md").read_text():
        print(f"CHANGELOG.md has no heading [{version}]")
        return 1
    if unreleased():
        print(f"note: what stands under Unreleased in CHANGELOG.md is in this build of {version}")
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = built(Path(one)), built(Path(two))
    if first != second:
        print("two builds differ:", *(name for name in first if first[name] != second.get(name)))
        return 1
    dist = ROOT / "dist"
    dist.mkdir(exist_ok=True)
    for name, data in first.items():
        (dist / name).write_bytes(data)
        print(f"{hashlib.sha256(data).hexdigest()}  dist/{name}  {len(data):,} bytes")
    files = [dist / name for name in first]
    wrong = [fault for path in files if path.suffix == ".whl" for fault in faults(path, version)]
    print(*wrong, sep="\n", end="\n" if wrong else "")
    checked = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, files)])
    return 1 if wrong or checked.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
