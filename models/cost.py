"""What a run cost: time per frame and the largest memory."""

import resource
import sys
import time

import torch


class Cost:
    """Counts from its construction on.

    Args:
        device: where the network runs; its memory is counted there, on a CPU that of the process.

    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._start = time.perf_counter()
        if device.type != "cpu":
            torch.accelerator.reset_peak_memory_stats(device)

    @property
    def seconds(self) -> float:
        """Since the construction; waits for the device."""
        if self.device.type != "cpu":
            torch.accelerator.synchronize(self.device)
        return time.perf_counter() - self._start

    @property
    def peak_bytes(self) -> int:
        """The most memory in use at one time; on a CPU since the process began."""
        if self.device.type != "cpu":
            return torch.accelerator.max_memory_allocated(self.device)
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
