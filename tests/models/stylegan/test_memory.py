import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import resource
import torch
from models.stylegan.stylegan2 import StyleGAN2

torch.set_num_threads(1)
model = StyleGAN2(1024).eval().requires_grad_(False)
with torch.inference_mode():
    image = model(torch.randn(1, model.codes, model.w_dim)).image
assert image.shape == (1, 3, 1024, 1024) and image.isfinite().all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the largest resident size has other units")
def test_synthesis_at_1024_pixels_stays_under_two_and_a_half_gigabytes() -> None:
    root = Path(__file__).parents[3]
    keeping = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}  # nothing is handed back
    environment = {**os.environ, **keeping, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    assert int(found.stdout) * 1024 < 2.5e9
