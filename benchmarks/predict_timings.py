"""Fits a profile to every file of published step times, and judges it on families that it did not see.

    python benchmarks/timm_graphs.py --timings DIR --cache build/timm-graphs      # once: an hour and a half
    python benchmarks/predict_timings.py --timings DIR --cache build/timm-graphs          # half an hour

DIR holds `benchmark-*.csv` of timm's folder `results/` with a first column `family` (the file of timm that
defines the model). Written are `reports/predict/` and `cnncost/devices/profiles/`. Whole families are held
out; which are held out together stands in `predict_folds.yaml`, which was there before the first of these
fits.
"""

from __future__ import annotations

import argparse
import csv
import pickle
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import predict_report  # noqa: E402

from cnncost.devices import device as device_of  # noqa: E402
from cnncost.execution.plan import plan  # noqa: E402
from cnncost.predict import as_document  # noqa: E402
from cnncost.predict.columns import table  # noqa: E402
from cnncost.predict.fit import Case, class_of, fitted, made, predicted  # noqa: E402
from cnncost.predict.judge import covered_by_other_families, figures, interval_of_families  # noqa: E402
from cnncost.predict.kernels import KernelRules, works  # noqa: E402
from cnncost.predict.priors import Prior, priors  # noqa: E402

SOURCE = (
    "huggingface/pytorch-image-models, results/ (Apache-2.0), commit aa4b5850: step times of {file};"
    " fitted by benchmarks/predict_timings.py, see reports/predict/"
)

HYBRID = frozenset(
    (
        "beit", "byoanet", "coat", "crossvit", "davit", "edgenext", "efficientformer", "efficientformer_v2",
        "eva", "gcvit", "hiera", "hieradet_sam2", "levit", "metaformer", "mobilevit", "mvitv2", "naflexvit",
        "nextvit", "pvt_v2", "sequencer", "shvit", "swin_transformer", "swin_transformer_v2_cr", "tiny_vit",
        "tnt", "vision_transformer", "vision_transformer_hybrid", "visformer", "vitamin", "volo", "xcit",
    )
)  # fmt: skip
"""Families of transformers and hybrids, beside those networks in which the importer finds attention."""

FUSED = ("mobileone", "repvgg", "repvit", "fastvit", "repghost")
"""What networks are called that are re-parameterised before they are timed."""

FUSING = frozenset(("levit", "nextvit", "repvit", "shvit", "tiny_vit"))
"""Families that timm folds before they are timed; they were imported so, and are not trained so."""


class Setting(NamedTuple):
    """A file of step times: what ran where."""

    file: str
    device: str
    dtype: str
    layout: str
    launch: str
    stack: str
    mode: str = "eval"
    autocast: bool = True

    @property
    def rules(self) -> KernelRules:
        """As the author's script ran it: norms in 16 bits, too (`--fast-norm`), as the times say."""
        return KernelRules(self.autocast, wide_norms=False, bias_kernel=self.launch == "eager")

    @property
    def cpu(self) -> bool:
        """Whether it is a processor."""
        return self.dtype == "float32"


def amp(file: str, device: str, layout: str, stack: str, mode: str = "eval") -> Setting:
    """A file of autocast in float16."""
    launch = "compile" if file.endswith("-dynamo") else "eager"
    return Setting(file, device, "float16", layout, launch, stack, mode)


CUDA_128, CUDA_130, CUDA_124, CUDA_121, CUDA_117, CUDA_113 = (
    "PyTorch 2.9.1, CUDA 12.8",
    "PyTorch 2.9.1, CUDA 13.0",
    "PyTorch 2.4.0, CUDA 12.4",
    "PyTorch 2.1.0, CUDA 12.1",
    "PyTorch 1.13, CUDA 11.7",
    "PyTorch 1.12, CUDA 11.3",
)
PRO, I9, I7 = "rtx-pro-6000-max-q", "i9-10940x", "i7-12700h"


def processor(file: str, device: str, stack: str = "PyTorch 2.4.0") -> Setting:
    """A file of float32 on a processor, compiled."""
    return Setting(file, device, "float32", "nchw", "compile", stack, autocast=False)


SETTINGS = (
    amp("infer-amp-nchw-pt291-cu128-4090", "rtx-4090", "nchw", CUDA_128),
    amp("infer-amp-nchw-pt291-cu130-5090", "rtx-5090", "nchw", CUDA_130),
    amp("infer-amp-nchw-pt291-cu130-pro6000maxq", PRO, "nchw", CUDA_130),
    amp("infer-amp-nchw-pt240-cu124-rtx3090", "rtx-3090", "nchw", CUDA_124),
    amp("infer-amp-nhwc-pt240-cu124-rtx4090", "rtx-4090", "nhwc", CUDA_124),
    processor("infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo", I9),
    processor("infer-fp32-nchw-pt240-cpu-i7_12700h-dynamo", I7),
    amp("infer-amp-nhwc-pt240-cu124-rtx3090", "rtx-3090", "nhwc", CUDA_124),
    amp("infer-amp-nchw-pt291-cu128-4090-dynamo", "rtx-4090", "nchw", CUDA_128),
    amp("infer-amp-nchw-pt291-cu130-5090-dynamo", "rtx-5090", "nchw", CUDA_130),
    amp("infer-amp-nchw-pt291-cu130-pro6000maxq-dynamo", PRO, "nchw", CUDA_130),
    Setting(
        "infer-bf16-nchw-pt291-cu130-pro6000maxq-dynamo", PRO, "bfloat16", "nchw", "compile", CUDA_130,
        autocast=False,
    ),
    Setting(
        "infer-amp_bf16-nchw-pt291-cu130-pro6000maxq-dynamo", PRO, "bfloat16", "nchw", "compile", CUDA_130,
    ),
    amp("infer-amp-nchw-pt240-cu124-rtx4090-dynamo", "rtx-4090", "nchw", CUDA_124),
    amp("infer-amp-nchw-pt240-cu124-rtx4090", "rtx-4090", "nchw", CUDA_124),
    amp("infer-amp-nchw-pt210-cu121-rtx3090", "rtx-3090", "nchw", CUDA_121),
    amp("infer-amp-nhwc-pt210-cu121-rtx3090", "rtx-3090", "nhwc", CUDA_121),
    amp("infer-amp-nchw-pt113-cu117-rtx3090", "rtx-3090", "nchw", CUDA_117),
    amp("infer-amp-nhwc-pt113-cu117-rtx3090", "rtx-3090", "nhwc", CUDA_117),
    processor("infer-fp32-nchw-pt221-cpu-i9_10940x-dynamo", I9, "PyTorch 2.2.1"),
    amp("train-amp-nchw-pt112-cu113-rtx3090", "rtx-3090", "nchw", CUDA_113, "train"),
    amp("train-amp-nhwc-pt112-cu113-rtx3090", "rtx-3090", "nhwc", CUDA_113, "train"),
)  # fmt: skip
"""Every file, those that goals are set for first; of two stacks of one device the newer first, which is the
one that a prediction takes if none is named."""


class Published(NamedTuple):
    """The networks of one file."""

    cases: list[Case]
    plain: Any  #: which are CNNs without attention and not re-parameterised
    missing: list[str]  #: networks that were not imported


Known = dict[str, Any]
"""Tables of kernels of every network, at two batches; on a processor at batch 1 alone."""


def published(setting: Setting, timings: Path, known: Known) -> Published:
    """The networks of a file with their kernels and times."""
    cases, plain, missing = [], [], []
    side_of = "train_" if setting.mode == "train" else "infer_"
    with (timings / f"benchmark-{setting.file}.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if not (row[f"{side_of}step_time"] and row[f"{side_of}batch_size"]):
                continue
            side, batch = (int(float(row[f"{side_of}{what}"])) for what in ("img_size", "batch_size"))
            name = f"{row['model']}@{side}"
            fused = row["family"] in FUSING or any(word.startswith(FUSED) for word in row["model"].split("_"))
            tables = None if fused and setting.mode == "train" else known.get(name)
            if tables is None or not grows(tables):
                missing.append(name)
                continue
            seconds = float(row[f"{side_of}step_time"]) / 1e3
            case = Case(name, row["family"], at_batch(tables, batch), seconds, batch, side, frozenset((2,)))
            cases.append(case)
            plain.append(not fused and row["family"] not in HYBRID and "attention" not in case.table)
    return Published(cases, np.array(plain), missing)


def tables(setting: Setting, cache: Path, shard: tuple[int, int] = (0, 1)) -> Known:
    """The tables of all networks that were imported, from the cache; what is not there yet is made."""
    dtype = "float16" if setting.autocast else setting.dtype  # bfloat16 is as wide
    name = f"{dtype}-{'autocast' if setting.autocast else 'plain'}-{setting.launch}-{setting.mode}"
    found: Known = {}
    for path in cache.glob(f"tables-{name}-*.pickle"):
        found |= pickle.loads(path.read_bytes())
    wanted = sorted({path.stem.removesuffix("@train") for path in cache.glob("*@*.pickle")} - found.keys())
    made_now = {}
    for network in wanted[shard[0] :: shard[1]]:
        path = cache / f"{network}@train.pickle"
        if setting.mode == "eval" or not path.exists():
            path = cache / f"{network}.pickle"
        made_now[network] = table_at_batches(setting, path) if path.exists() else None
    if made_now:
        (cache / f"tables-{name}-{shard[0]}-{len(found)}.pickle").write_bytes(pickle.dumps(made_now))
    return found | made_now


def table_at_batches(setting: Setting, path: Path) -> Any:
    """A network's kernels at two batches; None: it was imported for one batch alone."""
    graph, _ = pickle.loads(path.read_bytes())
    if graph.batch is not None and not setting.cpu:
        return None
    graph = replace(graph, batch=None)
    return [
        table(
            works(
                plan(graph, batch=batch, dtype=setting.dtype, training=setting.mode == "train"),
                setting.rules,
                fused=setting.launch == "compile",
            )
        )
        for batch in ((1,) if setting.cpu else (2, 3))
    ]


def grows(tables: Sequence[Any]) -> bool:
    """Whether a network runs the same kernels at every batch."""
    shapes = [{kind: rows.shape for kind, rows in each.items()} for each in tables]
    return all(each == shapes[0] for each in shapes)


def at_batch(tables: Sequence[Any], batch: int) -> Any:
    """The kernels at a batch: every figure is a constant and a part that grows with the batch."""
    if len(tables) == 1:
        return tables[0]
    two, three = tables
    return {kind: rows + (three[kind] - rows) * (batch - 2) for kind, rows in two.items()}


NOISE = 0.06
"""Relative error of a network that is no surprise here."""

FIRM = 0.05
"""How firmly other networks leave the numbers that CNNs were fitted with."""


def staged(cases: Sequence[Case], plain: Any, known: Mapping[str, Prior], start: Any = None) -> Any:
    """Numbers that CNNs are fitted with; what only the other networks have is fitted then, beside them.

    Returns those of all, and those of CNNs alone.
    """
    first = fitted(
        [each for each, is_plain in zip(cases, plain, strict=True) if is_plain], known, start, NOISE
    )
    seen = {kind for each, is_plain in zip(cases, plain, strict=True) if is_plain for kind in each.table}
    beside = {}
    for name, prior in known.items():
        new = class_of(name) not in (None, *seen)
        beside[name] = Prior(first[name], prior.spread if new else min(prior.spread, FIRM))
    return fitted(cases, beside, None, NOISE), first


def apart(
    cases: Sequence[Case], plain: Any, known: Mapping[str, Prior], fold_of: Mapping[str, int], kept: Path
) -> Any:
    """Predicted / measured of every network, by a fit that saw no network of its fold; the numbers of all.

    Every fit is kept in a file beside `kept`, so that an interrupted run goes on.
    """
    measured = np.array([each.seconds for each in cases])
    place = np.array([fold_of[each.family] for each in cases])

    def once(what: Any, rest: Sequence[Case], of_rest: Any, start: Any) -> Any:
        path = kept.with_name(f"fit-{kept.stem}-{what}.pickle")
        if not path.exists():
            path.write_bytes(pickle.dumps(staged(rest, of_rest, known, start)))
        return pickle.loads(path.read_bytes())

    numbers, start = once("all", cases, plain, None)
    ratios = np.ones(len(cases))
    for fold in sorted(set(place)):
        rest = [each for each, other in zip(cases, place, strict=True) if other != fold]
        out = np.flatnonzero(place == fold)
        without, _ = once(fold, rest, plain[place != fold], start)
        ratios[out] = predicted([cases[at] for at in out], without) / measured[out]
    return ratios, numbers


def simple(cases: Sequence[Case], peak: float, fold_of: Mapping[str, int]) -> dict[str, Any]:
    """Predicted / measured of simpler ways, fitted without the fold: MACs, a linear model, FLOPs / peak."""
    measured = np.array([each.seconds for each in cases])
    place = np.array([fold_of[each.family] for each in cases])
    flops, elements, operators = np.array(
        [
            [
                sum([rows[:, column].sum() for rows in each.table.values()]) if column is not None else
                sum([len(rows) for rows in each.table.values()])
                for column in (0, 3, None)
            ]
            for each in cases
        ]
    ).T  # fmt: skip
    linear = np.stack([flops, elements, operators, np.ones(len(cases))], 1)
    alone, three = np.ones(len(cases)), np.ones(len(cases))
    for fold in sorted(set(place)):
        rest, out = place != fold, place == fold
        alone[out] = flops[out] * np.median(measured[rest] / flops[rest])
        scaled = linear[rest] / measured[rest][:, None]  # relative errors count
        scale = np.abs(scaled).mean(0) + 1e-30
        found = np.linalg.lstsq(scaled / scale, np.ones(rest.sum()), rcond=None)[0] / scale
        three[out] = np.maximum(linear[out] @ found, 1e-6)
    return {
        "MACs alone": alone / measured,
        "linear on MACs, activations, operators": three / measured,
        "FLOPs over peak": flops / peak / measured,
    }


def judged(setting: Setting, given: argparse.Namespace, fold_of: Mapping[str, int]) -> Any:
    """The profile of a file, and everything that its report says."""
    found = published(setting, given.timings, tables(setting, given.cache))
    sheet = device_of(setting.device)
    peak, bandwidth = sheet.peak(setting.dtype), sheet.bandwidth or 1.0
    believed = priors(peak, bandwidth, setting.cpu, setting.layout == "nhwc")
    ratios, numbers = apart(found.cases, found.plain, believed, fold_of, given.cache / setting.file)
    families = [each.family for each in found.cases]
    attends = np.array(["attention" in each.table for each in found.cases])
    inside, width, intervals = np.ones(len(families), bool), 0.0, []
    for which in (~attends, attends):
        if not which.any():
            intervals.append(None)
            continue
        own = [family for family, is_one in zip(families, which, strict=True) if is_one]
        inside[which], width_now = covered_by_other_families(ratios[which], own)
        intervals.append(interval_of_families(ratios[which], own))
        width = width or width_now
    profile = made(
        found.cases, ratios[found.plain], numbers, device=setting.device, dtype=setting.dtype,
        layout=setting.layout, launch=setting.launch, mode=setting.mode, autocast=setting.autocast,
        wide_norms=False, bias_kernel=setting.launch == "eager", tf32=False, stack=setting.stack,
        source=SOURCE.format(file=setting.file),
        measured={}, interval=intervals[0], attended=intervals[1],
    )  # fmt: skip
    held = figures(ratios[found.plain]) | {
        "coverage": round(float(inside[found.plain].mean()), 4),
        "width": round(float(width), 4),
    }
    profile = replace(profile, held_out=held)
    return predict_report.Judged(
        setting.file, profile, found.cases, found.plain, ratios, inside, found.missing,
        simple(found.cases, peak, fold_of),
    )  # fmt: skip


def main() -> int:
    """Fit, judge, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--timings", type=Path, required=True, help="the folder with benchmark-*.csv")
    parser.add_argument("--cache", type=Path, default=Path("build/timm-graphs"))
    parser.add_argument("--output", type=Path, default=ROOT / "reports" / "predict")
    parser.add_argument("--profiles", type=Path, default=ROOT / "cnncost" / "devices" / "profiles")
    parser.add_argument("--only", default="", help="files whose name has this in it; no profile is written")
    given = parser.parse_args()
    fold_of = yaml.safe_load((ROOT / "benchmarks" / "predict_folds.yaml").read_text(encoding="utf-8"))
    found = []
    for setting in SETTINGS:
        if given.only in setting.file:
            kept = given.cache / f"judged-{setting.file}.pickle"
            if not kept.exists():
                kept.write_bytes(pickle.dumps(judged(setting, given, fold_of)))
            found.append(pickle.loads(kept.read_bytes()))
            print(setting.file, found[-1].profile.held_out, flush=True)
    given.output.mkdir(parents=True, exist_ok=True)
    predict_report.write(found, given.output)
    if not given.only:
        given.profiles.mkdir(parents=True, exist_ok=True)
        for key in dict.fromkeys(setting.device for setting in SETTINGS):
            documents = [as_document(each.profile) for each in found if each.profile.device == key]
            text = yaml.safe_dump({"profiles": documents}, sort_keys=False, allow_unicode=True, width=110)
            (given.profiles / f"{key}.yaml").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
