"""Shared fixtures: the folder with real clips, and bounded threads so that two workers do not fight over two cores."""

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(2)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real clips, sounds and portraits; tests that need it skip where it is not."""
    default = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("FIGUREHEAD_TEST_DATA", default)) / "real"
    if not (folder / "metadata.csv").is_file():
        pytest.skip(f"no real data at {folder}; set FIGUREHEAD_TEST_DATA to a folder that holds real/metadata.csv")
    return folder
