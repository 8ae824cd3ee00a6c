"""Result rows as evaluate.py writes them, with numbers that nobody measured."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np


def score(value: Any, *, higher: bool = False, spread: float | None = None, **about: Any) -> dict[str, Any]:
    """One number of a row; `spread` gives it an interval."""
    interval = (None, None) if spread is None else (value - spread, value + spread)
    made = {
        "value": value,
        "low": interval[0],
        "high": interval[1],
        "unit": "",
        "higher_is_better": higher,
        "stand_in": None,
        "of": ["prediction", "driving"],
        "through": None,
        "every": 1,
        "counted": "frames",
        "count": 100,
        "missing": 0,
    }
    return {**made, **about}


def histogram(mean: float) -> dict[str, list[float]]:
    """Like frames whose similarity lies around `mean`."""
    edges = np.linspace(-1, 1, 41)
    values = np.random.default_rng(0).normal(mean, 0.08, 400).clip(-1, 1)
    return {"edges": edges.tolist(), "counts": np.histogram(values, edges)[0].tolist()}


def row(method: str, metrics: dict[str, Any], *, kind: str = "method", **changes: Any) -> dict[str, Any]:
    """One row; `changes` replace its keys."""
    own = kind == "method"
    made = {
        "method": method,
        "kind": kind,
        "protocol": "same_identity",
        "metrics": metrics,
        "unavailable": {},
        "counts": {"clips": 4, "frames": 100, "identities": 4, "source_identities": 4},
        "seconds_per_frame": 0.1 if own else None,
        "peak_memory_mb": 900 if own else None,
        "processes": 1,
        "checkpoint": {"file": "last.ckpt", "sha256": f"{method:f<16.16}", "stage": "toy"} if own else None,
        "settings": {"pairing": "same_identity", "split": "test", "frames": None, "clips": 4, "seed": 0},
        "size": 64,
        "data": {"shards": "outputs/shards", "split": "test", "fingerprint": "41c20e077af77801"},
        "licences": {"dlib": "CC0-1.0"},
        "versions": {"python": "3.11.7", "torch": "2.14.1"},
        "config_hash": "6cc72fb417b1",
        "device": "cpu",
        "command": ["evaluate.py", f"method={method}", "checkpoint=RUN/last.ckpt"],
        "created": "2026-11-21T16:00:00+00:00",
    }
    return copy.deepcopy({**made, **changes})


def write_rows(folder: Path, *rows: dict[str, Any]) -> Path:
    """A rows.json in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rows.json").write_text(json.dumps(rows))
    return folder
