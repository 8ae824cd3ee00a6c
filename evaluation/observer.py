"""What a face analyser sees in images: landmarks and identities, each image looked at once."""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from models.errors import MissingAsset, MissingPackage, UserError
from models.images import to_frames
from preparation.faces import Analyser, Face

LOOK_EVERY = 10  # frames from one detection to the next; in between the face is followed


class AbsentAnalyser:
    """Stands where an analyser could not be made, and says why when it is used."""

    version = ""
    licence = ""

    def __init__(self, name: str, error: UserError) -> None:
        self.name, self.error = name, error

    def faces(self, frame: np.ndarray) -> list[Face]:
        """Raise the error."""
        raise self.error

    def follow(self, frame: np.ndarray, previous: Face) -> Face | None:
        """Raise the error."""
        raise self.error

    def embedding(self, frame: np.ndarray, face: Face) -> np.ndarray | None:
        """Raise the error."""
        raise self.error


def analyser(node: Mapping[str, Any], build: Callable[..., Any]) -> Analyser:
    """Build the analyser of a config node; a missing package or model does not raise here, but on its first use."""
    try:
        return build(node)
    except (MissingPackage, MissingAsset) as error:
        return AbsentAnalyser(str(node["_target_"]).rsplit(".", 2)[-2], error)


class FaceObserver:
    """Landmarks and identity embeddings of the largest face in every image.

    Results are kept until `forget`, so that several metrics, and several methods with the same target, share them.

    Args:
        finder: finds faces and landmarks.
        identifier: embeds the faces that `finder` found.
        size: side in pixels to which images are scaled before; landmarks are in pixels of this size.

    """

    def __init__(self, finder: Analyser, identifier: Analyser, size: int = 256) -> None:
        self.finder, self.identifier, self.size = finder, identifier, size
        self._lacking: dict[str, str | None] = {}
        self._seen: dict[int, tuple[Tensor, list[tuple[np.ndarray, Face | None]]]] = {}
        self._embedded: dict[tuple[int, int], Tensor] = {}

    @property
    def views(self) -> dict[str, tuple[str, Callable[[Tensor, int], Tensor]]]:
        """Name of a view -> name of its network, and the function of (images, every)."""
        return {
            "landmarks": (self.finder.name, self.landmarks),
            "identity": (self.identifier.name, self.identity),
        }

    def lacking(self, view: str) -> str | None:
        """Why a view cannot be had here, found out on an empty picture before the expensive part; None when it can."""
        if view not in self._lacking:
            self._lacking[view] = self._try(view)
        return self._lacking[view]

    def _try(self, view: str) -> str | None:
        blank = np.zeros((self.size, self.size, 3), np.uint8)
        turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        points = (self.size * (0.5 + 0.3 * np.stack([np.cos(turn), np.sin(turn)], axis=1))).astype(np.float32)
        face = Face(np.concatenate([points.min(axis=0), points.max(axis=0)]), 1.0, points)
        try:
            self.finder.faces(blank)
            if view == "identity" and self.identifier.embedding(blank, face) is None:
                return f"the analyser {self.identifier.name} has no identity network"
        except (MissingPackage, MissingAsset) as error:
            return str(error)
        return None

    def landmarks(self, images: Tensor, every: int = 1) -> Tensor:
        """68 landmarks `(N, 68, 2)` of every `every`-th of the images `(T, 3, H, W)` in [-1, 1]; NaN without a face."""
        nothing = np.full((68, 2), np.nan, np.float32)
        points = [nothing if face is None else face.points for _, face in self._faces(images)[::every]]
        return torch.from_numpy(np.stack(points))

    def identity(self, images: Tensor, every: int = 1) -> Tensor:
        """Embeddings `(N, D)` of every `every`-th of the images `(T, 3, H, W)` in [-1, 1]; NaN without a face."""
        faces = self._faces(images)[::every]
        if (id(images), every) not in self._embedded:
            still = images.stride(0) == 0
            found = [self._embedding(*item) for item in (faces[:1] if still else faces)]
            size = next((len(row) for row in found if row is not None), 1)
            rows = [np.full(size, np.nan, np.float32) if row is None else row for row in found]
            self._embedded[id(images), every] = torch.from_numpy(np.stack(rows)).expand(len(faces), -1)
        return self._embedded[id(images), every]

    def forget(self) -> None:
        """Drop what was seen."""
        self._seen.clear()
        self._embedded.clear()

    def _embedding(self, frame: np.ndarray, face: Face | None) -> np.ndarray | None:
        return None if face is None else self.identifier.embedding(frame, face)

    def _faces(self, images: Tensor) -> list[tuple[np.ndarray, Face | None]]:
        if id(images) not in self._seen:
            still = images.stride(0) == 0  # one picture repeated by `expand`: looked at once
            found = self._look(images[:1] if still else images)
            self._seen[id(images)] = (images, found * len(images) if still else found)  # keeps the id in use
        return self._seen[id(images)][1]

    def _look(self, images: Tensor) -> list[tuple[np.ndarray, Face | None]]:
        found: list[tuple[np.ndarray, Face | None]] = []
        face: Face | None = None
        for number, frame in enumerate(to_frames(images)):
            if frame.shape[:2] != (self.size, self.size):
                frame = cv2.resize(frame, (self.size, self.size), interpolation=cv2.INTER_CUBIC)
            face = None if face is None or number % LOOK_EVERY == 0 else self.finder.follow(frame, face)
            if face is None:
                face = next(iter(self.finder.faces(frame)), None)
            found.append((frame, face))
        return found
