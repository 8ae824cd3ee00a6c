"""The rows that frame a table must frame it: a metric that ranks them wrongly is broken."""

from functools import partial

import pytest

from configs.instantiate import build
from datamodules.clip_shards import ClipShards
from evaluation.baselines import GROUND_TRUTH, RANDOM_OTHER_IDENTITY, UNMOVED_SOURCE, third_person
from evaluation.measure import measures
from evaluation.protocol import Protocol, pair_clips
from evaluation.score import Scorer, Tally
from preparation.analysers.mesh import MeshAnalyser
from tests.commands import run_command
from tests.evaluation.degradations import everything_seen, lines

BEST_TO_WORST = {  # FD and KD: everybody is there, if each in the place of another
    (GROUND_TRUTH, UNMOVED_SOURCE, RANDOM_OTHER_IDENTITY): [
        "L1", "MSE", "PSNR", "SSIM", "LMD[mesh]", "NME[mesh]", "MotionDistance[mesh]",
    ],
    (GROUND_TRUTH, UNMOVED_SOURCE): [
        "AED[embedded]", "APD[embedded]", "Gaze[embedded]", "ARD[embedded]", "PoseDistance[mesh]",
        "OpeningDistance[mesh]", "FD[dlib]", "KD[dlib]",
    ],
    (GROUND_TRUTH, RANDOM_OTHER_IDENTITY): ["AED[embedded]", "APD[embedded]", "ARD[embedded]", "PoseDistance[mesh]"],
    (UNMOVED_SOURCE, GROUND_TRUTH, RANDOM_OTHER_IDENTITY): ["CSIM[dlib]", "IdentityDistance[dlib]"],
}  # fmt: skip


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[float, bool | None]]]:
    """Value and direction by row and label, on synthetic speakers."""
    output = tmp_path_factory.mktemp("ranking") / "shards"
    words = ["source=synthetic", "source.speakers=6", "source.clips=1", "source.seconds=1.0", "size=128", "workers=1"]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert run_command("prepare", [*words, f"output={output}", "shards.test_fraction=0.6"], monkeypatch) == 0
    clips = ClipShards(output, "test")
    assert len(clips) >= 3
    families = ("pixels", "distribution", "identity", "landmarks", "coefficients", "motion")
    protocol = Protocol("ranking", "same_identity", lines(families), frames=16, clips=3)
    observers = everything_seen()
    rows = (GROUND_TRUTH, UNMOVED_SOURCE, RANDOM_OTHER_IDENTITY)
    scorer = Scorer(
        clips=clips,
        sources=clips,
        size=128,
        method="method",
        predict=lambda scene: scene.driving(),
        tallies={row: Tally(measures(protocol.metrics, build, observers)[0]) for row in (*rows, "method")},
        finder=MeshAnalyser(),
        protocol=protocol,
        third_person=partial(third_person, clips, seed=0),
        show=lambda *_: None,
    )
    for pair in pair_clips(clips, clips, protocol):
        scorer(pair)
    return {
        row: {m.metric.label: (float(m.metric.compute()), m.metric.higher_is_better) for m in tally.measures}
        for row, tally in scorer.tallies.items()
    }


@pytest.mark.slow
def test_baselines_are_ranked(values: dict[str, dict[str, tuple[float, bool | None]]]) -> None:
    wrong = []
    for rows, labels in BEST_TO_WORST.items():
        for label in labels:
            sign = -1 if values[rows[0]][label][1] else 1
            numbers = [sign * values[row][label][0] for row in rows]
            if numbers != sorted(numbers) or len(set(numbers)) != len(numbers):
                wrong.append(f"{label}: {dict(zip(rows, numbers))}")
    assert not wrong


@pytest.mark.slow
def test_a_perfect_method_scores_what_the_truth_scores(values: dict[str, dict[str, tuple[float, bool | None]]]) -> None:
    for label, (value, _) in values["method"].items():
        assert value == pytest.approx(values[GROUND_TRUTH][label][0], abs=1e-6, nan_ok=True)
