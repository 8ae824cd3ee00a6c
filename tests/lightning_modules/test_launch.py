"""Which ways of starting are refused."""

import pytest

from lightning_modules.launch import check_launch
from models.errors import UserError

VARIABLES = ("TORCHELASTIC_RUN_ID", "WORLD_SIZE", "SLURM_NTASKS", "SLURM_JOB_NAME")


@pytest.fixture(autouse=True)
def nothing_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_multirun_with_several_processes() -> None:
    check_launch(1, 1, multirun=True)
    check_launch(2, 1, multirun=False)
    with pytest.raises(UserError, match=r"--multirun with trainer\.devices=2"):
        check_launch(2, 1, multirun=True)


@pytest.mark.parametrize(
    ("launcher", "variables"),
    [
        ("torchrun", {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "4"}),
        ("SLURM", {"SLURM_JOB_NAME": "train", "SLURM_NTASKS": "4"}),
    ],
)
def test_numbers_must_agree_with_the_launcher(
    launcher: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    check_launch(2, 2, multirun=True)  # each job is launched for itself
    with pytest.raises(UserError, match=f"{launcher} started 4 processes.*= 8"):
        check_launch(8, 1, multirun=False)
