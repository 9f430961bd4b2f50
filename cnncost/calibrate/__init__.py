"""What a machine's own numbers are: kernels and networks are run, and a profile is fitted to their times.

    pieces.py    single kernels: a log-uniform design, copies, chains, the sentinel
    networks.py  whole networks to fit with, and of other families to judge by
    bench.py     the seam to a device: run this graph so, under a clock
    campaign.py  what is run in which order until when; the noise floor; what is enough
    samples.py   a campaign as JSON with its raw samples, and back
    making.py    a campaign -> profile -> a device's YAML file
    machine.py   all of it: asked, measured, fitted, judged, written

Only `bench.py` runs anything. The model that is fitted is `predict/`'s.
"""

from cnncost.calibrate.campaign import Campaign, check, run

__all__ = ["Campaign", "check", "run"]
