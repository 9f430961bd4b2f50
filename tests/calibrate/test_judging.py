"""The judges of profiles: what they are asked, and the figures that they give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gpu_job
import judging
import predict_here
import pytest
from calibrate.law import LawBench
from judging import Case, Judged
from predict.profiles import ROUND, device, profile

from cnncost import devices
from cnncost.calibrate import networks
from cnncost.calibrate.campaign import NOISY
from cnncost.language import zoo
from cnncost.predict import parse


def test_networks_are_of_different_families_and_none_is_judged_by_its_own() -> None:
    """Nor by those that benchmarks judge with: 25 on a GPU, 20 on a processor."""
    fitted, held_out = [
        [networks.family(name) for name in names] for names in (networks.FITTED, networks.HELD_OUT)
    ]
    assert len({*fitted, *held_out}) == len(fitted) + len(held_out)
    assert len(set(gpu_job.ARCHITECTURES)) == 25 and len(set(predict_here.UNSEEN)) == 20
    judged = {*gpu_job.ARCHITECTURES, *predict_here.UNSEEN}
    assert judged <= set(zoo.names())
    assert not {networks.family(name) for name in judged} & {*fitted, *held_out}


def judged(*cases: tuple[list[float], tuple[float, float, float] | None]) -> list[Judged]:
    """Cases with the medians of their rounds and their predictions."""
    return [
        Judged(
            Case(f"net{number}", 1, "float32", "nchw", "eager"),
            "family",
            [[median] for median in rounds],
            predicted,
        )
        for number, (rounds, predicted) in enumerate(cases)
    ]


def test_figures_by_hand() -> None:
    found = judging.figures(
        judged(
            ([10.0, 10.0, 11.0], (10.5, 9.0, 12.0)),  # + 5 %, inside; rounds 10 % apart
            ([20.0, 20.0], (16.0, 15.0, 17.0)),  # - 20 %, outside; rounds agree
            ([40.0, 44.0], (44.1, 30.0, 60.0)),  # + 5 % of 42, inside; 10 % apart
            ([5.0], None),
            ([], (1.0, 0.5, 2.0)),
        )
    )
    assert found is not None and found.count == 3
    assert found.median == pytest.approx(0.05) and found.mape == pytest.approx(0.1)
    assert found.within == pytest.approx(2 / 3) and found.coverage == pytest.approx(2 / 3)
    assert found.bias == pytest.approx(0.05) and found.noise == pytest.approx(0.1)
    assert found.width == pytest.approx(1.5 / 10.5)
    assert judging.figures(judged(([], None))) is None


def test_the_goal_is_twice_the_noise_or_eight_percent() -> None:
    good, bad = ([10.0, 10.0], (10.7, 9.0, 12.0)), ([10.0, 10.0], (11.0, 9.0, 12.0))
    noisy = ([10.0, 10.6], (11.0, 9.0, 12.0))
    assert predict_here.verdict(judged(good)).endswith("is met.")
    assert predict_here.verdict(judged(bad)).endswith("is missed.")
    assert predict_here.verdict(judged(noisy)) == (
        "Median error 6.8% at a noise floor of 6.0%; the goal, twice that floor or 8%, is met."
    )
    assert predict_here.verdict(judged(([10.0, 13.0], (11.5, 9.0, 13.0)))) == (
        "Median error 0.0% at a noise floor of 30.0%: the machine was too noisy to judge anything by it."
    )
    assert predict_here.verdict([]) == "Too little was measured to judge by."


def test_what_follows_the_law_is_predicted_and_measured_alike() -> None:
    """Predictions under the numbers that the times follow: no error, in every round, and a page that says so."""

    class Bench(LawBench):
        def release(self) -> None:
            self.released = True

    bench = Bench(ROUND)
    cases = [
        Judged(Case(name, batch, "float32", "nchw", "eager"), judging.family(name))
        for name in ("alexnet", "mobilenet_v2")
        for batch in (1, 8)
    ]
    assert judging.predict_all(cases, device(profile())) == []
    for _ in range(2):
        assert judging.measure_round(cases, {("float32", "nchw"): bench}, 0.1, lambda: True) == []
    assert bench.asked == 2 * [
        (name, batch, "eager") for name in ("alexnet", "mobilenet_v2") for batch in (1, 8)
    ]
    found = judging.figures(cases)
    assert found is not None and found.mape == pytest.approx(0, abs=1e-4)
    assert (found.count, found.within, found.coverage, found.noise) == (4, 1, 1, 0)
    assert [line.count("|") for line in judging.summary(cases).splitlines()] == [10] * 5
    table = judging.table(cases).splitlines()
    assert len(table) == 6 and all(line.count("|") == 11 for line in table)
    plain = judging.document(cases)
    again = judging.cases_of(plain)
    assert [(one.case, one.family, one.rounds) for one in again] == [
        (one.case, one.family, one.rounds) for one in cases
    ]
    assert plain[0]["predicted"]["latency_ms"] == pytest.approx(plain[0]["rounds_ms"][0][0], rel=1e-4)


def test_what_was_not_measured_is_listed() -> None:
    case = Judged(Case("alexnet", 1, "float32", "nchw", "eager"), "alexnet")
    bench: Any = LawBench(ROUND)
    bench.release = lambda: None
    benches = {("float32", "nchw"): bench}
    assert judging.measure_round([case], benches, 0.1, lambda: False) == [
        "alexnet, batch 1, float32, nchw, eager: time was up"
    ]
    assert judging.predict_all([case], device(profile(dtype="float16"))) == [
        "prediction of alexnet, batch 1, float32, nchw, eager: round has no profile for float32, nchw, eager,"
        " eval"
    ]
    assert case.rounds == [] and case.predicted is None


def test_a_part_that_was_ended_gives_what_it_had_written(tmp_path: Path) -> None:
    """Verification writes model by model; a process that is killed in the middle of one loses that one."""
    import pickle

    path = tmp_path / "part"
    whole = pickle.dumps(("alexnet", "out of memory"))
    path.write_bytes(whole + pickle.dumps(("vgg16", "x"))[:7])
    assert gpu_job.results(path) == [("alexnet", "out of memory")]
    assert gpu_job.results(tmp_path / "none") == []
    assert 0 < gpu_job.VERIFIED < gpu_job.CALIBRATED < 1


REPORTS = Path(__file__).resolve().parent.parent.parent / "reports"


@pytest.mark.parametrize("path", sorted(REPORTS.glob("**/profile.yaml")), ids=lambda path: path.parent.name)
def test_profiles_of_reports_are_read_and_say_what_they_are(path: Path) -> None:
    """A change of the model's numbers needs `python benchmarks/refit.py DIR` for each."""
    found = devices.device(str(path))
    for place, document in enumerate(found.profiles):
        profile = parse(document, f"{path}, profiles[{place}]")
        assert profile.measured["noise_floor"] < NOISY
        assert profile.held_out["count"] > 0 and profile.seen.families >= 3
        low, high = profile.interval
        assert 0 < low <= 1 <= high
    assert (path.parent / "calibration.json").exists()
