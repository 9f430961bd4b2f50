"""What is known of a device: from its vendor, and from those who calibrated it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cnncost.errors import UsageError


class Device(NamedTuple):
    """A data sheet, a calibrated device, or both; what a file does not say is None or empty."""

    key: str  #: its name on a command line
    name: str
    source: str  #: where the data sheet is from
    place: str  #: the file, for messages
    peaks: Mapping[str, float]  #: operations per second by dtype; also tf32 and float8
    bandwidth: float | None = None  #: bytes per second
    memory_bytes: int | None = None
    flash_bytes: int | None = None  #: a microcontroller's memory for weights and code
    tf32_convolutions: bool = False  #: PyTorch's float32 convolutions run in TF32 unless told otherwise
    profiles: tuple[Mapping[str, Any], ...] = ()  #: as they are written; `cnncost/predict` reads them

    @property
    def calibrated(self) -> list[str]:
        """What its profiles are of, in words: "float16, nchw, eager"."""
        words = ("dtype", "layout", "launch")
        return [", ".join(str(each[word]) for word in words if word in each) for each in self.profiles]

    @property
    def usual_dtype(self) -> str:
        """Of a data sheet's bound: float32, if there is a peak for it; else the first that it has."""
        known = [*self.peaks]
        return "float32" if "float32" in known or not known else known[0]

    def peak(self, dtype: str) -> float:
        """The peak rate for a dtype. Raises UsageError if its data sheet gives none."""
        if dtype not in self.peaks:
            known = ", ".join(self.peaks) or "none"
            raise UsageError(f"no peak of {self.name} is known for {dtype}\n  known: {known}")
        return self.peaks[dtype]

    def convolution_peak(self, dtype: str, tf32: bool = True) -> float:
        """The same of a convolution: that of TF32 where PyTorch uses it for float32, unless `tf32` is False.

        By default `torch.backends.cudnn.allow_tf32` is True, `torch.backends.cuda.matmul.allow_tf32` False.
        """
        if tf32 and dtype == "float32" and self.tf32_convolutions:
            return self.peak("tf32")
        return self.peak(dtype)

    def fitting_bytes(self) -> int:
        """Its memory. Raises UsageError if its file does not say how much that is."""
        if self.memory_bytes is None:
            raise UsageError(
                f"{self.name}: {self.place} does not say how much memory it has\n  write a size: --fits 16GiB"
            )
        return self.memory_bytes
