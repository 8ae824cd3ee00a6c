"""Which facial action units are present: 0 or 1 `(n, K)`."""

import csv
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from evaluation.footage import Piece
from evaluation.observers.observer import Watcher
from models.errors import MissingPackage, UserError
from models.face3d.action_units import action_units

PROGRAM = "FaceLandmarkImg"
OPENFACE_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)


class LandmarkActionUnits:
    """The nine of `models.face3d.action_units`, by the geometry of 68 landmarks.

    Args:
        device: not used.

    """

    per_frame = True
    stand_in: str | None = "landmarks"
    licence = "that of the analyser of landmarks"

    def __init__(self, device: torch.device) -> None:
        pass

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Presences, NaN without a face."""
        return action_units(piece.landmarks)


class OpenFaceActionUnits:
    """The eighteen that OpenFace (Baltrusaitis et al. 2018) detects, by its own program, which must be installed.

    Each frame is looked at for itself, by the models for single pictures: pieces of a clip are too short for those that
    learn a person's neutral face.

    Args:
        device: not used.

    Raises:
        MissingPackage: the program is not on the PATH.

    """

    per_frame = True
    stand_in: str | None = None
    licence = "OpenFace's academic licence, non-commercial research only"

    def __init__(self, device: torch.device) -> None:
        program = shutil.which(PROGRAM)
        if program is None:
            steps = f"the steps on github.com/TadasBaltrusaitis/OpenFace, and put its program {PROGRAM} on the PATH"
            raise MissingPackage("OpenFace", steps)
        self._program = program

    def begin(self) -> Watcher:
        """See `Observer`."""
        return self.see

    def see(self, piece: Piece) -> Tensor:
        """Presences, NaN without a face."""
        from PIL import Image

        with tempfile.TemporaryDirectory() as folder:
            for number, frame in enumerate(np.asarray(piece.frames)):
                Image.fromarray(frame).save(Path(folder, f"{number:04d}.png"))
            results = Path(folder, "results")
            command = [self._program, "-fdir", folder, "-out_dir", str(results), "-aus"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise UserError(f"{self._program} failed: {done.stderr.strip()[-200:] or done.stdout.strip()[-200:]}")
            rows = [_presences(results / f"{number:04d}.csv") for number in range(len(piece))]
        return torch.tensor(rows, dtype=torch.float32).view(len(piece), len(OPENFACE_UNITS))


def _presences(path: Path) -> list[float]:
    """The columns AU.._c of OpenFace's result for one picture, of its first face; NaN where it found none."""
    row: dict[str, str] = {}
    if path.is_file():
        with path.open(newline="") as file:
            row = next(csv.DictReader(file, skipinitialspace=True), {})
    return [float(row.get(f"AU{unit:02d}_c", "nan")) for unit in OPENFACE_UNITS]
