"""Milliseconds per clip of five frames of SyncNet's lips: its layers as they stand beside the folded ones, in one run.

    python -m tests.benchmarks.syncnet [--frames 20] [--repeat 5] [--threads 1]

Weights are random. Rows take turns, the fastest of `repeat` rounds counts; with one thread the processor's time is
counted, which other work on the machine disturbs less. `apart` is the largest difference to the first row, relative to
its largest value.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor

from models.recognition.syncnet import FRAMES, SIDE, SyncNet


def rows(network: SyncNet) -> dict[str, Callable[[Tensor], Tensor]]:
    """Ways from frames (T, 3, 224, 224) to the features (T - 4, 512)."""

    def clips(frames: Tensor) -> Tensor:
        return frames.unfold(0, FRAMES, 1).movedim(-1, 2)

    return {
        "one clip after another": lambda x: torch.cat([network.netcnnlip(c[None]).flatten(1) for c in clips(x)]),
        "all clips at once": lambda x: network.netcnnlip(clips(x)).flatten(1),
        "one convolution over the film": lambda x: network.netcnnlip(x.transpose(0, 1)[None])[0, ..., 0, 0].T,
        "folded, channels last": lambda x: network.lip_features(clips(x)),
    }


@torch.inference_mode()
def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in (("frames", 20), ("repeat", 5), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    frames = torch.randint(0, 256, (options.frames, 3, SIDE, SIDE)).float()
    ways = rows(SyncNet())
    first = next(iter(ways.values()))(frames)
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(options.repeat):
        for name, way in ways.items():
            start = clock()
            way(frames)
            best[name] = min(best[name], clock() - start)
    for name, way in ways.items():
        apart = ((way(frames) - first).abs().max() / first.abs().max()).item()
        print(f"{name:32s} {1e3 * best[name] / len(first):7.1f} ms per clip   {apart:.0e} apart")


if __name__ == "__main__":
    main()
