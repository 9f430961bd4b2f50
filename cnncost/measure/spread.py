"""Measuring as a piece of work: a model by its name, measured by whichever worker has it, on its device."""

from __future__ import annotations

import os
from typing import NamedTuple

from cnncost.errors import UnavailableError, UsageError
from cnncost.measure.device import device
from cnncost.measure.latency import Measurement, measure
from cnncost.measure.sampling import Stopping
from cnncost.measure.setting import Setting, check
from cnncost.models import graph
from cnncost.request import Model, Run
from cnncost.workers import Workers


class MeasuringTask(NamedTuple):
    """One model and how it is measured: plain data, so that a worker elsewhere can be asked."""

    model: Model
    run: Run
    layout: str
    replayed: bool  #: as a CUDA graph
    compiled: bool
    layers: bool
    threads: int | None
    stopping: Stopping

    @property
    def setting(self) -> Setting:
        """The setting, on this machine. Raises UnavailableError where the device is not there."""
        given = self.run
        return Setting(
            device(given.device or "cpu"), given.batch, given.dtype, self.layout, given.mode, self.replayed,
            self.compiled, self.layers, self.threads,
        )  # fmt: skip


def measured(task: MeasuringTask) -> Measurement | str:
    """What `measure` gives of a task, or why this worker's device cannot do it."""
    try:
        found = graph(task.model, task.run.batch, task.run.mode)
        return measure(found, task.setting, task.stopping, convention=task.run.convention)
    except UnavailableError as error:
        return str(error)


def workers_of(task: MeasuringTask, workers: Workers) -> Workers:
    """The workers with a device each: nothing else may run where time is measured.

    Of a cluster that is the resource that is named, of CUDA a device of this machine for each process, of the
    CPU cores of its own. Raises UsageError where they would measure each other.
    """
    if workers.cluster is not None:
        if not workers.resources:
            raise UsageError(
                "measuring on a cluster needs a resource that every worker has one of\n"
                f"  start them so: dask worker {workers.cluster} --resources device=1\n"
                "  and name it: --resource device=1"
            )
        return workers
    check(task.setting)
    if workers.resources:
        raise UsageError(
            "--resource names what a worker of a --cluster has\n  leave it out, or pass --cluster"
        )
    if task.setting.device.type == "cuda":
        return _a_device_each(task, workers)
    cores = os.cpu_count() or 1
    if workers.processes > 1 and workers.processes * (task.threads or cores) > cores:
        raise UsageError(
            f"--workers {workers.processes} would measure each other on the {cores} cores of this machine\n"
            "  give each its own: --workers 2 --threads 1; or pass a --cluster of several machines"
        )
    return workers


def _a_device_each(task: MeasuringTask, workers: Workers) -> Workers:
    import torch

    count = torch.cuda.device_count()
    if ":" in str(task.run.device):
        raise UsageError(f"--workers have a device each, not all {task.run.device}\n  pass --device cuda")
    if workers.processes > count:
        raise UsageError(
            f"--workers {workers.processes} need a CUDA device each, and there are {count}\n"
            f"  pass --workers {count}"
        )
    return workers._replace(devices=True)
