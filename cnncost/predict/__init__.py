"""Time before the device: what a network will take there, with an interval that says how sure that is.

    profile.py  the named numbers of a device, precision, layout and stack; YAML -> Profile, checked
    kernels.py  a plan -> what is launched: classes, arithmetic, bytes, conversions, what a compiler fuses
    training.py the backward pass and the update of a training step
    fusing.py   what a compiler makes one kernel of
    model.py    seconds of one launch under a profile, and what bounds it
    predict.py  a graph -> its latency, with an interval, per kernel, and what was not calibrated
    widening.py what an interval becomes outside of what a profile saw
    capacity.py whether it fits into the device's memory at all
    fit.py      samples -> the numbers: robust least squares
    columns.py  kernels of many networks as arrays
    priors.py   what is believed of the numbers before
    judge.py    errors on families that were not seen, and the interval
    sheet.py    without a profile: the least time that a data sheet allows

The formulas are written once, for numbers and for arrays of numbers; no torch, and numpy only where a fit
asks for it.
"""

from __future__ import annotations

from cnncost.predict.predict import Prediction, Timed, predict, setting_of
from cnncost.predict.profile import Profile, as_document, parse

__all__ = ["Prediction", "Profile", "Timed", "as_document", "parse", "predict", "setting_of"]
