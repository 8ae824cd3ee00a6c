"""Every protocol composes, and each of its lines can be built or says what it lacks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from configs.command import CONFIGS, options
from configs.instantiate import build, check_config
from evaluation.measure import Observers, frames_needed, measures
from evaluation.observers.landmarks import Landmarks
from evaluation.protocol import Protocol

PROTOCOLS = options("protocol")


@pytest.fixture(scope="module")
def observers(tmp_path_factory: pytest.TempPathFactory) -> Observers:
    """Those that need no outside file; the others say so."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("FIGUREHEAD_ASSETS", str(tmp_path_factory.mktemp("assets")))
        nodes: Any = OmegaConf.to_container(OmegaConf.load(CONFIGS / "observers" / "default.yaml"))
        check_config(nodes)
        device = torch.device("cpu")
        found = Observers(nodes, build, {"landmarks": Landmarks("mesh", "none", device)}, device=device)
        for name in nodes:
            found[name]
    return found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_protocol(name: str, observers: Observers) -> None:
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        words = [f"protocol={name}", "checkpoint=c", "output=o", "data.shards=s"]
        protocol: Protocol = build(compose("evaluate", words).protocol)
    assert protocol.name == name
    ready, missing = measures(protocol.metrics, build, observers)
    labels = [line.metric.label for line in ready] + [line.label for line in missing]
    assert len(set(labels)) == len(labels)
    assert ready
    if protocol.pairing == "same_image" or protocol.frames == 1:
        assert frames_needed(ready) == 1
    for line in ready:
        assert line.metric.__doc__
        assert type(line.metric).higher_is_better in (True, False, None)


def test_every_small_version_has_a_whole_one() -> None:
    small = {Path(name).name for name in PROTOCOLS if name.startswith("embedded/")}
    whole = {name for name in PROTOCOLS if "/" not in name}
    assert small == whole - {"same_identity_held_out_time"}
