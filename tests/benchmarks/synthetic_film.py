"""Frames per second of filming a synthetic person, beside the same picture from the plain renderer.

    python -m tests.benchmarks.synthetic_film [--sizes 128 256] [--frames 48] [--rounds 3]

On one thread, processor time, fastest of `rounds`, in turns. The plain path is `models.face3d.renderer.render` at twice
the size with the mean of 2 x 2 pixels: smooth vertex colours without paint, hair, highlights or background.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from datamodules.synthetic.embedded import head
from datamodules.synthetic.person import Person, draw_person
from datamodules.synthetic.sitter import seat
from datamodules.synthetic.studio import film
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.renderer import render


def performance(person: Person, frames: int) -> Coefficients:
    """A head that turns while the jaw moves."""
    still = Coefficients.zeros(frames, 80, 64, 80)
    times = torch.linspace(0, 6, frames)
    still.rotation[:, 1] = 0.3 * times.sin()
    still.expression[:, head().expression_names.index("jawOpen")] = (2 * times).sin().clamp(min=0)
    still.translation[:] = torch.tensor([0.0, -0.2, -5.6])
    shared = {
        name: torch.from_numpy(getattr(person, name)).expand(frames, -1) for name in ("identity", "texture", "lighting")
    }
    return replace(still, **shared)


def plain(coefficients: Coefficients, size: int) -> None:
    """Without paint."""
    with torch.inference_mode():
        for start in range(0, len(coefficients.rotation), 8):
            image = render(head(), coefficients[start : start + 8], Camera.deep3d(2 * size)).image
            torch.nn.functional.avg_pool2d(image, 2)


def make_ready(seed: int) -> None:
    """What comes before a person's first frame."""
    seat(draw_person(seed))


def seconds(work: Callable[[], object]) -> float:
    """Of processor time."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    person = draw_person(6)
    head()
    print(f"a person is made ready in {min(seconds(partial(make_ready, seed)) for seed in (1, 2, 3)):.2f} s")
    for size in options.sizes:
        coefficients = performance(person, options.frames)
        ways: dict[str, Callable[[], object]] = {
            "plain renderer": partial(plain, coefficients, size),
            "film": partial(film, person, coefficients, size),
        }
        best = dict.fromkeys(ways, float("inf"))
        for _ in range(options.rounds + 1):  # the first one compiles
            for name, work in ways.items():
                best[name] = min(best[name], seconds(work))
        for name, took in best.items():
            rate, ratio = options.frames / took, took / best["plain renderer"]
            row = f"{size} px  {name:15s} {1000 / rate:6.1f} ms per frame  {rate:6.1f} frames/s"
            print(f"{row}  {ratio:.2f} of the plain time")


if __name__ == "__main__":
    main()
