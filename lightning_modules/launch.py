"""Checks of how processes are started, before any starts."""

import os

from models.errors import UserError


def check_launch(devices: int, nodes: int, multirun: bool) -> None:
    """Hold the processes that are asked for against those that a launcher has started.

    Raises:
        UserError: a Hydra multirun of jobs with several processes (each would start the whole sweep again), or numbers
            that differ from those of SLURM or torchrun.
    """
    if "TORCHELASTIC_RUN_ID" in os.environ:
        launcher, started = "torchrun", int(os.environ["WORLD_SIZE"])
    elif os.environ.get("SLURM_JOB_NAME") not in (None, "bash", "interactive") and "SLURM_NTASKS" in os.environ:
        launcher, started = "SLURM", int(os.environ["SLURM_NTASKS"])
    else:
        if multirun and devices * nodes > 1:
            raise UserError(
                f"--multirun with trainer.devices={devices} would start the sweep once more in every process; "
                "use trainer.devices=1, or start each job with torchrun or SLURM"
            )
        return
    if started != devices * nodes:
        raise UserError(
            f"{launcher} started {started} processes, but trainer.devices={devices} x trainer.num_nodes={nodes} "
            f"= {devices * nodes}; make the two agree"
        )
