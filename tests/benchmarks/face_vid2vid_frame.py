"""Seconds per frame of face-vid2vid at the authors' sizes with random weights.

    python tests/benchmarks/face_vid2vid_frame.py [--size 256] [--repeat 3] [--threads 1]

Variants take turns, the fastest of `repeat` rounds counts, and ratios are to the first row of the same run, so that a
busy machine disturbs them little; with one thread the processor's time is counted. `difference` is the largest one to
the first row's image, in 0..1.
"""

import argparse
import os
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.sadtalker.face_vid2vid import EncodedSource, FaceVid2Vid


def render_frame(model: FaceVid2Vid, source: EncodedSource, driving: Tensor) -> Tensor:
    """One frame of an animation: head motion of the driving image, keypoints, picture."""
    return model.render(source, model.keypoints(source.canonical, model.head_motion(driving)))


def arrange_channels_last(network: nn.Module) -> None:
    """`network.to(memory_format=torch.channels_last)` does not take the weights of 3-D convolutions."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in network.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])


def variants(model: FaceVid2Vid, image: Tensor, driving: Tensor) -> dict[str, Callable[[], Tensor]]:
    encoded = model.encode_source(image)
    arranged = FaceVid2Vid()
    arranged.load_state_dict(model.state_dict())
    arrange_channels_last(arranged.eval())

    def half(network: FaceVid2Vid) -> Tensor:
        with torch.autocast(image.device.type, dtype=torch.bfloat16):
            return render_frame(network, encoded, driving)

    return {
        "source encoded for every frame": lambda: render_frame(model, model.encode_source(image), driving),
        "source encoded once": lambda: render_frame(model, encoded, driving),
        "source once, channels last": lambda: render_frame(arranged, encoded, driving),
        "source once, bf16": lambda: half(model),
        "source once, bf16, channels last": lambda: half(arranged),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    torch.manual_seed(0)
    model = FaceVid2Vid().eval()
    image, driving = torch.rand(2, 1, 3, options.size, options.size) * 2 - 1
    best: dict[str, float] = {}
    frames: dict[str, Tensor] = {}
    with torch.inference_mode():
        runs = variants(model, image, driving)
        for _ in range(options.repeat):
            for name, run in runs.items():
                start = clock()
                frames[name] = run()
                best[name] = min(best.get(name, torch.inf), clock() - start)
    allocator = "tuned" if "MALLOC_TRIM_THRESHOLD_" in os.environ else "default"
    print(f"torch {torch.__version__}, {options.threads} threads, {options.size} px, C allocator: {allocator}")
    first = next(iter(runs))
    for name, seconds in best.items():
        difference = (frames[name] - frames[first]).abs().max().item() / 2
        print(f"{name:34s} {seconds:6.2f} s  x {best[first] / seconds:4.2f}  difference {difference:.4f}")


if __name__ == "__main__":
    main()
