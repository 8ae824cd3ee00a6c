"""Milliseconds per frame of the rasterizer beside a plain NumPy loop over triangles, in one run.

    python -m tests.benchmarks.rasterizer [--repeat 7] [--threads 1]

The meshes are closed spheres that fill about 65 % of the picture: one of the size of BFM's face (35,709 vertices), one
of the size of the embedded head. Every row makes triangle, barycentrics and depth of every pixel. Rows take turns, the
fastest of `repeat` rounds counts (of two for the loop), ratios are to the NumPy loop on the same mesh and picture; with
one thread the processor's time is counted. `different` is how many pixels show another triangle than the first row's.
The last line is by how much a batch of 8 raised the process's largest memory.
"""

import argparse
import os
import resource
import time
from collections.abc import Callable
from math import pi

import numpy as np
import torch
from torch import Tensor

from models.face3d.camera import Camera
from models.face3d.rasterizer import Fragments, interpolate, rasterize

MESHES = {"35,721 vertices, 71,064 triangles": (189, 224), "3,025 vertices, 5,940 triangles": (55, 256)}


def sphere(count: int) -> tuple[Tensor, Tensor]:
    """A ball of `count` rings of `count` vertices: (count^2, 3) and its triangles."""
    rise, turn = torch.linspace(0.01, pi - 0.01, count)[:, None], torch.arange(count) / count * 2 * pi
    rings = torch.stack([rise.sin() * turn.cos(), rise.cos().expand(-1, count), rise.sin() * turn.sin()], dim=-1)
    corner = torch.arange(count * count).view(count, count)
    a, b, c, d = corner[:-1], corner[:-1].roll(-1, 1), corner[1:], corner[1:].roll(-1, 1)
    triangles = torch.cat([torch.stack([a, b, c], dim=-1), torch.stack([b, d, c], dim=-1)])
    return rings.reshape(-1, 3), triangles.view(-1, 3)


def numpy_loop(points: Tensor, triangles: Tensor, camera: Camera) -> Fragments:
    """The straightforward z-buffer of one image: one triangle after another."""
    found = np.full((camera.height, camera.width), -1)
    depth = np.full((camera.height, camera.width), np.inf)
    weights = np.zeros((camera.height, camera.width, 3))
    xy = camera.project(points[0].double()).numpy()[triangles]
    near_z = 1 / points[0, triangles, 2].double().numpy()
    first = np.maximum(np.ceil(xy.min(1) - 0.5), 0).astype(int)
    last = np.minimum(np.floor(xy.max(1) - 0.5), (camera.width - 1, camera.height - 1)).astype(int)
    (xa, ya), (xb, yb), (xc, yc) = xy.transpose(1, 2, 0)
    area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
    slope = np.stack([yb - yc, yc - ya, ya - yb], axis=1), np.stack([xc - xb, xa - xc, xb - xa], axis=1)
    start = np.stack([xb * yc - xc * yb, xc * ya - xa * yc, xa * yb - xb * ya], axis=1)
    for index in np.flatnonzero((first <= last).all(1) & (area != 0)):
        (left, top), (right, bottom) = first[index], last[index]
        box = np.s_[top : bottom + 1, left : right + 1]
        x, y = np.arange(left, right + 1)[:, None] + 0.5, np.arange(top, bottom + 1)[:, None, None] + 0.5
        parts = (slope[0][index] * x + (slope[1][index] * y + start[index])) / area[index]
        near = parts * near_z[index]
        z = 1 / near.sum(-1)
        hit = (parts >= 0).all(-1) & (z < depth[box])
        found[box][hit], depth[box][hit], weights[box][hit] = index, z[hit], (near * z[..., None])[hit]
    depth[found < 0] = 0
    return Fragments(*(torch.from_numpy(array)[None] for array in (found, weights, depth)))


def variants(count: int, size: int) -> dict[str, tuple[int, Callable[[], Fragments]]]:
    """What is measured on one mesh, with its frames per call."""
    camera = Camera.deep3d(size)
    shape, triangles = sphere(count)
    points = camera.view(shape[None])
    batch = points.repeat(8, 1, 1)
    attributes = torch.rand(1, len(shape), 8)
    leaf = points.clone().requires_grad_()

    def with_attributes() -> Fragments:
        found = rasterize(points, triangles, camera)
        interpolate(found, triangles, attributes)
        return found

    def with_gradients() -> Fragments:
        found = rasterize(leaf, triangles, camera)
        torch.autograd.backward(interpolate(found, triangles, attributes).mean())
        return found

    return {
        "NumPy loop": (1, lambda: numpy_loop(points, triangles, camera)),
        "torch": (1, lambda: rasterize(points, triangles, camera, "torch")),
        "numba": (1, lambda: rasterize(points, triangles, camera, "numba")),
        "numba, batch of 8": (8, lambda: rasterize(batch, triangles, camera, "numba")),
        "numba + 8 attributes": (1, with_attributes),
        "numba + 8 attributes, gradients": (1, with_gradients),
    }


def measure(title: str, count: int, size: int, repeat: int, clock: Callable[[], float]) -> None:
    """Print one mesh's rows."""
    runs = variants(count, size)
    best: dict[str, float] = {}
    found = {name: run().triangle for name, (_, run) in runs.items()}  # compiles, too
    for turn in range(repeat):
        for name, (frames, run) in runs.items():
            if name == "NumPy loop" and turn >= 2:
                continue  # it takes as long as everything else together
            start = clock()
            run()
            best[name] = min(best.get(name, torch.inf), (clock() - start) / frames)
    print(f"{title}, {size} x {size} pixels")
    first = next(iter(runs))
    for name, seconds in best.items():
        different = int((found[name][:1] != found[first]).sum())
        print(f"  {name:32s} {seconds * 1e3:8.2f} ms   x {best[first] / seconds:6.1f}   different {different}")


def batch_memory() -> float:
    """MB by which a batch of 8 of the larger mesh raises the largest memory of this process; to be called first."""
    camera = Camera.deep3d(224)
    shape, triangles = sphere(189)
    points = camera.view(shape[None]).repeat(8, 1, 1)
    rasterize(points[:1, :9], triangles[:1] * 0, camera)  # loads the compiled code
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rasterize(points, triangles, camera)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Print the rows of both meshes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    memory = batch_memory()
    allocator = "tuned" if "MALLOC_TRIM_THRESHOLD_" in os.environ else "default"
    print(f"torch {torch.__version__}, {options.threads} threads, C allocator: {allocator}")
    for title, (count, size) in MESHES.items():
        clock = time.process_time if options.threads == 1 else time.perf_counter
        measure(title, count, size, options.repeat, clock)
    print(f"batch of 8 at 224 x 224: {memory:.0f} MB")


if __name__ == "__main__":
    main()
