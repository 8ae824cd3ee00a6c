"""Imports of librosa's parts, by one process at a time."""

import fcntl
import importlib
import os
import tempfile
from pathlib import Path
from types import ModuleType


def import_librosa(part: str) -> ModuleType:
    """`librosa.<part>`; another process that imports it through here waits meanwhile.

    When it is imported for the first time, numba compiles parts of it and keeps the machine code on disk. Two processes
    that do so together can mix up what belongs to which function, and every later call ends in a segmentation fault.
    """
    with (Path(tempfile.gettempdir()) / f"figurehead-librosa-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed, also by a crash
        return importlib.import_module(f"librosa.{part}")
