"""A row: one method under one protocol, with all that is needed to trust or repeat its numbers."""

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.measure import Measure, Unavailable
from evaluation.processes import Processes
from evaluation.protocol import Pair, Protocol
from evaluation.score import Tally

PACKAGES = ("torch", "torchmetrics", "numpy", "av", "opencv-python-headless")
RESAMPLES = 1000


def result(measure: Measure, clips: Mapping[str, tuple[float, int]], seed: int) -> dict[str, Any]:
    """One number with its unit, direction, counts and a 95 % interval; `clips` are those of all processes.

    The metric itself must have been filled on all of them; its value is used, the clips only give the interval.
    """
    metric = measure.metric
    value = float(metric.compute())
    metric.sync(distributed_available=_distributed)
    try:
        counts = {"frames": int(metric.count), "frames_without_face": int(metric.missing)}
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
        "every": measure.every,
        **counts,
    }


def interval(clips: Mapping[str, tuple[float, int]], seed: int) -> tuple[float, float]:
    """Percentile bootstrap (95 %) of the mean over frames, clips being drawn; NaN with fewer than three clips."""
    values = np.array([clips[key] for key in sorted(clips)], np.float64).reshape(-1, 2)
    values = values[values[:, 1] > 0]
    if len(values) < 3 or not np.isfinite(values).all():
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)))
    sums = values[drawn].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(low), float(high)


def make_rows(
    protocol: Protocol,
    pairs: Sequence[Pair],
    tallies: Mapping[str, Tally],
    unavailable: Sequence[Unavailable],
    group: Processes,
    peak_bytes: int,
    checkpoints: Mapping[str, Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """One row of plain JSON values per method, the same in every process.

    checkpoints: by method, of those that have one; facts: added to each row as they are.
    """
    counts = {
        "clips": len(pairs),
        "frames": sum(pair.scored for pair in pairs),
        "identities": len({_identity(pair.driving) for pair in pairs}),
        "source_identities": len({_identity(pair.source) for pair in pairs}),
    }
    settings = {key: value for key, value in asdict(protocol).items() if key not in ("name", "metrics")}
    peak = max(group.gathered(peak_bytes))
    rows = []
    for name, tally in tallies.items():
        seconds, rendered = map(sum, zip(*group.gathered((tally.seconds, tally.rendered))))
        rows.append(
            {
                "method": name,
                "protocol": protocol.name,
                "metrics": {
                    line.metric.label: result(line, _all_clips(line, group), protocol.seed) for line in tally.measures
                },
                "unavailable": {line.label: line.reason for line in unavailable},
                "counts": counts,
                "seconds_per_frame": round(seconds / rendered, 5),
                "peak_memory_mb": round(peak / 2**20),
                "processes": group.world,
                "checkpoint": checkpoints.get(name),
                "settings": settings,
                **facts,
            }
        )
    return rows


def _all_clips(measure: Measure, group: Processes) -> dict[str, tuple[float, int]]:
    return {key: clip for part in group.gathered(measure.clips) for key, clip in part.items()}


def _identity(key: str) -> str:
    return "/".join(key.split("/")[:2])


def versions() -> dict[str, str]:
    """What the numbers were made with."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def config_hash(*config: Any) -> str:
    """Twelve hex digits of plain configs: equal configs, equal hash."""
    return hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()[:12]


def write_json(path: Path, value: Any) -> None:
    """Write JSON aside, then rename."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    part.replace(path)


def _plain(value: float) -> float | str | None:
    """JSON knows neither NaN (nothing was measured: null) nor infinity (PSNR of equal pictures: "inf")."""
    if math.isnan(value):
        return None
    return ("inf" if value > 0 else "-inf") if math.isinf(value) else value


def _distributed() -> bool:
    import torch.distributed as dist

    return dist.is_available() and dist.is_initialized()
