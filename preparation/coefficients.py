"""3DMM coefficients of segments: by a trained network, by fitting a face model to the landmarks, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from datamodules.shard_format import Segment
from models.assets import find, registry
from models.errors import MissingAsset, UserError

if TYPE_CHECKING:  # torch loads in the workers, and only where coefficients are asked for
    from models.face3d.face_model import FaceModel
    from models.face3d.recon import FaceReconstruction

MakeFaceModel = Callable[[], "FaceModel"]
# The asset behind each face model; `procedural` is made in code.
ASSETS = {"ict": "ict_face_model", "bfm": "bfm_model_front", "flame": "flame2020"}


@dataclass(frozen=True)
class Facts:
    """What stands beside coefficients in a shard."""

    face_model: str
    model_version: str
    estimator: str
    estimator_version: str
    licence: str

    @property
    def track(self) -> str:
        """The track's name."""
        return f"coefficients_{self.face_model}"

    @property
    def info(self) -> dict[str, str]:
        """The entry of `Segment.info["coefficients"]` under the face model's name."""
        return {key: value for key, value in vars(self).items() if key != "face_model"}


class Estimator(Protocol):
    """Gives the coefficients of a segment, in worker processes too (so it must be picklable).

    why: one line for the user, which estimator this is and why; needs_frames: whether it looks at the pictures.
    """

    why: str
    needs_frames: bool

    def facts(self) -> Facts | None:
        """What it will write, None for nothing; a missing file is said here."""
        ...

    def arrays(self, frames: np.ndarray, landmarks: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
        """The track of a segment: the parts of `Coefficients` (T, n) and `alignment` (T, 5), float32.

        Args:
            frames: (T, size, size, 3) uint8.
            landmarks: the track `landmarks`.
            size: of the frames in pixels.
        """
        ...


def add(segment: Segment, estimator: Estimator) -> Segment:
    """The segment with the estimator's track, and what it is."""
    facts = estimator.facts()
    if facts is None:
        return segment
    arrays = estimator.arrays(segment.frames, segment.tracks["landmarks"], segment.frames.shape[1])
    info = {**segment.info, "coefficients": {**segment.info["coefficients"], facts.face_model: facts.info}}
    return replace(segment, info=info, tracks={**segment.tracks, facts.track: arrays})


class LandmarkFit:
    """Fits a face model to the landmarks of each segment as a whole (models/face3d/landmark_fit).

    Args:
        make_face_model: makes the face model; default: `ict` where its file is, else `procedural`.
    """

    needs_frames = False

    def __init__(self, make_face_model: MakeFaceModel | None = None) -> None:
        self.make_face_model, words = standard_face_model() if make_face_model is None else (make_face_model, "")
        self.why = f"coefficients: landmark_fit{words}"
        self._model: FaceModel | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}  # every process reads its own

    @property
    def model(self) -> "FaceModel":
        """The face model, made on first use."""
        if self._model is None:
            _one_thread()
            self._model = self.make_face_model()
        return self._model

    def facts(self) -> Facts:
        """See `Estimator`."""
        from models.face3d.landmark_fit import VERSION

        asset = ASSETS.get(self.model.name)
        licence = registry()[asset].licence if asset else "as this project"
        return Facts(self.model.name, self.model.version, "landmark_fit", VERSION, licence)

    def arrays(self, frames: np.ndarray, landmarks: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
        """See `Estimator`."""
        import torch

        from models.face3d.camera import Camera
        from models.face3d.landmark_fit import fit_clip

        tracks = {name: torch.from_numpy(np.ascontiguousarray(landmarks[name])) for name in landmarks}
        fit = fit_clip(
            self.model, tracks["points"], Camera.deep3d(size), pupils=tracks.get("pupils"), scores=tracks["score"]
        )
        arrays = {name: part.numpy() for name, part in fit.coefficients.to_arrays().items()}
        return {**arrays, "alignment": same_frame(len(tracks["points"]), size)}


class Network:
    """A trained network looks at each picture.

    Args:
        load: reads it: `models.face3d.recon.load_deep3d` or `load_embedded`.
        make_face_model: refused: a network speaks the face model that it was trained for.
    """

    needs_frames = True

    def __init__(
        self, load: Callable[[], "FaceReconstruction"], make_face_model: MakeFaceModel | None = None, words: str = ""
    ) -> None:
        self.load, self.why = load, f"coefficients: by a network{words}"
        if make_face_model is not None:
            raise UserError("face_model= is of use with coefficients=landmark_fit only: a network has its own")
        self._network: FaceReconstruction | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_network": None}

    @property
    def network(self) -> "FaceReconstruction":
        """The network, read on first use."""
        if self._network is None:
            _one_thread()
            self._network = self.load()
        return self._network

    def facts(self) -> Facts:
        """See `Estimator`."""
        network = self.network
        return Facts(
            network.face_model, network.model_version, network.estimator, network.estimator_version, network.licence
        )

    def arrays(self, frames: np.ndarray, landmarks: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
        """See `Estimator`."""
        found, alignment = self.network(frames, landmarks["points"])
        parts = {**found.to_arrays(), "alignment": alignment}
        return {name: part.float().numpy() for name, part in parts.items()}


class Nothing:
    """No coefficients."""

    needs_frames = False
    why = ""

    def __init__(self, make_face_model: MakeFaceModel | None = None) -> None:
        if make_face_model is not None:
            raise UserError("face_model= is of no use with coefficients=none")

    def facts(self) -> None:
        """See `Estimator`."""

    def arrays(self, frames: np.ndarray, landmarks: Mapping[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
        """See `Estimator`."""
        return {}


def automatic(make_face_model: MakeFaceModel | None = None) -> Estimator:
    """Deep3D's network where its files are, else a fit to the landmarks; `why` says which and why.

    Args:
        make_face_model: asks for a fit of that face model.
    """
    if make_face_model is not None:
        return LandmarkFit(make_face_model)
    try:
        find("deep3d"), find("deep3d_landmarks")
    except MissingAsset as missing:
        estimator = LandmarkFit()
        estimator.why += f"; not deep3d, because the asset {missing.name} is not there"
        return estimator
    return Network(_load_deep3d, words=": deep3d, because its files are there")


def standard_face_model() -> tuple[MakeFaceModel, str]:
    """What makes `ict` where its file is, else `procedural`; and that in words."""
    try:
        find("ict_face_model")
    except MissingAsset:
        return _make_procedural, " of procedural (no asset ict_face_model)"
    return _make_ict, " of ict"


def same_frame(frames: int, size: int) -> np.ndarray:
    """(T, 5) alignments which say that Deep3D's camera, scaled to `size`, holds in the stored frames as they are."""
    return np.tile(np.array([size, size, 224 / size, size / 2, size / 2], np.float32), (frames, 1))


def _load_deep3d() -> "FaceReconstruction":
    from models.face3d.recon import load_deep3d

    return load_deep3d()


def _make_ict() -> "FaceModel":
    from models.face3d.ict import load_ict

    return load_ict()


def _make_procedural() -> "FaceModel":
    from models.face3d.procedural import procedural_head

    return procedural_head()


def _one_thread() -> None:
    """Workers share the cores; and sums keep their order, so that any number of workers writes the same bytes."""
    import torch

    torch.set_num_threads(1)
