"""A row: one method under one protocol, with all that is needed to trust or repeat its numbers."""

import hashlib
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from evaluation.measure import Measure, Unavailable
from evaluation.processes import Processes
from evaluation.protocol import Pair, identity_of
from evaluation.protocol import Protocol as ScoringProtocol
from evaluation.score import Tally
from models.aside import written_aside

PACKAGES = ("torch", "torchmetrics", "numpy", "av", "opencv-python-headless")
RESAMPLES = 1000


def result(measure: Measure, clips: Iterable[tuple[float, int]], seed: int) -> dict[str, Any]:
    """One number with its unit, direction, counts and a 95 % interval; `clips` are the sums of those of all processes.

    The metric itself must have been filled on all of them; its value is used, the clips only give the interval.
    """
    metric = measure.metric
    value = float(metric.compute())
    metric.sync(distributed_available=_distributed)
    try:
        counts = {"count": int(metric.count), "missing": int(metric.missing)}
        histogram = {"histogram": metric.histogram()} if isinstance(metric, Histogram) else {}
        note = {"note": metric.note} if metric.note else {}
    finally:
        if metric._is_synced:
            metric.unsync()
    low, high = interval(clips, seed)
    return {
        "value": _plain(value),
        "low": _plain(low),
        "high": _plain(high),
        "unit": metric.unit,
        "higher_is_better": metric.higher_is_better,
        "stand_in": metric.stand_in,
        "of": list(measure.of),
        "through": measure.through,
        "every": measure.every,
        "counted": metric.counted,
        **counts,
        **histogram,
        **note,
    }


@runtime_checkable
class Histogram(Protocol):
    """A metric that also counts how often which value was measured."""

    def histogram(self) -> dict[str, list[float]]:
        """Plain `edges` and `counts`."""
        ...


def whole_clips(samples: Mapping[str, tuple[float, int]], pairs: Sequence[Pair]) -> list[tuple[float, int]]:
    """Sums and counts by clip: segments of one clip that share a source are no independent samples."""
    together: dict[tuple[str, str], tuple[float, int]] = {}
    for pair in sorted(pairs, key=lambda pair: pair.key):
        clip = _clip_of(pair)
        total, count = together.get(clip, (0.0, 0))
        more, frames = samples.get(pair.key, (0.0, 0))
        together[clip] = total + more, count + frames
    return list(together.values())


def _clip_of(pair: Pair) -> tuple[str, str]:
    """Equal for the segments of one clip that share a source."""
    return pair.source, pair.driving.rpartition("/")[0]


def interval(clips: Iterable[tuple[float, int]], seed: int) -> tuple[float, float]:
    """Percentile bootstrap (95 %) of the mean over frames, clips being drawn; NaN with fewer than three clips.

    clips: (sum, count) of each.
    """
    values = np.array(list(clips), np.float64).reshape(-1, 2)
    values = values[values[:, 1] > 0]
    if len(values) < 3 or not np.isfinite(values).all():
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    sums = values[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(low), float(high)


def make_rows(
    method: str,
    protocol: ScoringProtocol,
    pairs: Sequence[Pair],
    tallies: Mapping[str, Tally],
    unavailable: Sequence[Unavailable],
    group: Processes,
    peak_bytes: int,
    checkpoint: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One row of plain JSON values per method, the same in every process; and what every clip was, by method.

    checkpoint: of `method`, the others being baselines; facts: added to each row as they are.
    """
    counts = {
        "clips": len(set(map(_clip_of, pairs))),
        "frames": sum(pair.scored for pair in pairs),
        "identities": len({identity_of(pair.driving) for pair in pairs}),
        "source_identities": len({identity_of(pair.source) for pair in pairs}),
    }
    settings = {key: value for key, value in asdict(protocol).items() if key not in ("name", "metrics")}
    peak = max(group.gathered(peak_bytes))
    rows, by_clip = [], {}
    for name, tally in tallies.items():
        clips = {line.metric.label: _all_clips(line, group) for line in tally.measures}
        by_clip[name] = {label: {key: _mean(*clip) for key, clip in part.items()} for label, part in clips.items()}
        seconds, rendered = map(sum, zip(*group.gathered((tally.seconds, tally.rendered))))
        own = name == method
        rows.append(
            {
                "method": name,
                "kind": "method" if own else "baseline",
                "protocol": protocol.name,
                "metrics": {
                    line.metric.label: result(line, whole_clips(clips[line.metric.label], pairs), protocol.seed)
                    for line in tally.measures
                },
                "unavailable": {line.label: line.reason for line in unavailable},
                "counts": counts,
                "seconds_per_frame": round(seconds / rendered, 5) if own and rendered else None,
                "peak_memory_mb": round(peak / 2**20) if own else None,
                "processes": group.world,
                "checkpoint": checkpoint if own else None,
                "settings": settings,
                **facts,
            }
        )
    return rows, by_clip


def _mean(total: float, count: int) -> list[float | str | int | None]:
    return [_plain(total / count if count else math.nan), count]


def _all_clips(measure: Measure, group: Processes) -> dict[str, tuple[float, int]]:
    return {key: clip for part in group.gathered(measure.clips) for key, clip in part.items()}


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def config_hash(*config: Any) -> str:
    """Twelve hex digits of plain configs: equal configs, equal hash."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:12]


def write_json(path: Path, value: Any) -> None:
    """Write JSON aside, then rename."""
    with written_aside(path) as part:
        part.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(value: float) -> float | str | None:
    """JSON knows neither NaN (nothing was measured: null) nor infinity (PSNR of equal pictures: "inf")."""
    if math.isnan(value):
        return None
    return ("inf" if value > 0 else "-inf") if math.isinf(value) else value


def _distributed() -> bool:
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized()
