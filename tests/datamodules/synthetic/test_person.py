import dataclasses

import numpy as np
import pytest

from datamodules.synthetic.hair import STYLES
from datamodules.synthetic.light import draw_lighting, sphere_directions
from datamodules.synthetic.person import Person, draw_person
from models.face3d.lighting import shade


def fields(person: Person) -> dict[str, object]:
    return {field.name: getattr(person, field.name) for field in dataclasses.fields(person)}


def test_same_seed_same_person() -> None:
    one, other = fields(draw_person(11)), fields(draw_person(11))
    for name in one:
        np.testing.assert_equal(one[name], other[name])


def test_people_differ_in_every_trait() -> None:
    people = [fields(draw_person(seed)) for seed in range(12)]
    for name in people[0].keys() - {"man"}:
        assert len({repr(person[name]) for person in people}) > 3, name


def test_numbers_are_about_standard_normal() -> None:
    people = [draw_person(seed) for seed in range(200)]
    identity = np.stack([person.identity for person in people])
    assert identity.shape == (200, 80)
    assert identity.dtype == np.float32
    assert np.abs(identity.mean(0)).max() < 0.35
    assert identity.std(0).min() > 0.75 and identity.std(0).max() < 1.2
    texture = np.stack([person.texture for person in people])
    assert np.abs(texture).max() < 4
    assert np.isfinite(texture).all()


def test_skin_runs_from_fair_to_dark() -> None:
    from datamodules.synthetic.embedded import head

    melanin = head().texture_names.index("melanin")
    tones = np.array([draw_person(seed).texture[melanin] for seed in range(100)])
    assert tones.min() < -1
    assert tones.max() > 2


@pytest.mark.parametrize("seed", range(5))
def test_light_is_neither_dark_nor_blown_out(seed: int) -> None:
    import torch

    rng = np.random.default_rng(seed)
    normals = sphere_directions(300)
    seen = torch.from_numpy(normals[normals[:, 2] > 0.2])
    for _ in range(20):
        lighting = torch.from_numpy(draw_lighting(rng))[None]
        light = shade(torch.ones(1, len(seen), 3), seen[None], lighting)[0]
        assert light.mean(1).min() > 0.2
        assert light.max() < 1.9
        assert 0.8 < light.mean() < 1.25


def test_every_hair_cut_is_worn() -> None:
    assert {draw_person(seed).hair.style for seed in range(200)} == set(STYLES)
