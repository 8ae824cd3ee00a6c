import pytest
import torch

from datamodules.augment import MIRROR_68, Augment, mirror_landmarks


def batch(count: int = 4) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    images = torch.rand(count, 3, 16, 16) * 2 - 1
    return {"source": images, "driving": images.clone(), "frames": images[:, None].expand(-1, 2, -1, -1, -1).clone(),
            "source_landmarks": torch.rand(count, 68, 2) * 16, "sample": torch.arange(count)}  # fmt: skip


def test_mirror_is_its_own_inverse() -> None:
    assert sorted(MIRROR_68) == list(range(68))
    points = torch.rand(2, 68, 2) * 16
    assert torch.allclose(mirror_landmarks(mirror_landmarks(points, 16), 16), points, atol=1e-5)


def test_mirrored_points_follow_mirrored_pixels() -> None:
    """A bright pixel under each eye corner is still under that point of the mirrored face, seen from outside."""
    image = torch.full((1, 3, 16, 16), -1.0)
    points = torch.zeros(1, 68, 2)
    points[0, 36], points[0, 45] = torch.tensor([3.5, 6.5]), torch.tensor([12.5, 5.5])
    image[0, :, 6, 3], image[0, :, 5, 12] = 0.5, 0.5
    out = Augment(0, 0, 0, 0, flip=1)({"image": image, "landmarks": points}, torch.zeros(1, 8))
    for point in (36, 45):
        x, y = out["landmarks"][0, point]
        assert out["image"][0, 0, int(y), int(x)] == 0.5
    assert out["landmarks"][0, 36, 0] < out["landmarks"][0, 45, 0]  # the eye on the left stays the eye on the left


def test_all_images_of_one_example_change_alike_and_examples_differ() -> None:
    data = batch()
    out = Augment(flip=0.5)(data, torch.rand(4, 8, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(out["source"], out["driving"])
    assert torch.allclose(out["frames"][:, 0], out["source"]) and torch.allclose(out["frames"][:, 1], out["source"])
    assert out["sample"] is data["sample"]
    assert not torch.equal(out["source"], data["source"])
    assert out["source"].min() >= -1 and out["source"].max() <= 1


def test_examples_do_not_depend_on_their_neighbours() -> None:
    data, noise = batch(), torch.rand(4, 8)
    together = Augment()(data, noise)
    alone = Augment()({name: value[2:3] for name, value in data.items()}, noise[2:3])
    assert torch.allclose(together["source"][2:3], alone["source"], atol=1e-6)
    assert torch.equal(together["source_landmarks"][2:3], alone["source_landmarks"])


@pytest.mark.parametrize("noise", [0.5, 0.9])
def test_middle_noise_or_zero_limits_change_nothing(noise: float) -> None:
    data = batch()
    limits = {} if noise == 0.5 else {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
    out = Augment(**limits, flip=0.1)(data, torch.full((4, 8), noise))
    assert torch.allclose(out["source"], data["source"], atol=2e-3)
