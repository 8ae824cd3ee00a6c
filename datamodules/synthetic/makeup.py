"""A person's paint on the atlas: skin first, then hair, features and clothes over it."""

import numpy as np

from datamodules.synthetic.canvas import Atlas, Paint
from datamodules.synthetic.clothes import paint_clothes
from datamodules.synthetic.features import paint_brows, paint_eyeballs, paint_lids, paint_lips, paint_mouth
from datamodules.synthetic.person import Person
from datamodules.synthetic.skin import paint_beard, paint_complexion, paint_scalp, paint_wrinkles

SKIN = ("skin", "lips", "eyelids", "brows", "ears", "neck")


def paint_person(person: Person, atlas: Atlas, eye_centres: np.ndarray, skin_colour: np.ndarray) -> Paint:
    """Everything that is painted on a person; `eye_centres` (2, 3) of the mean head, `skin_colour` (3,) of the neck."""

    def stream(number: int) -> np.random.Generator:
        return np.random.default_rng((person.seed, 200 + number))

    paint = Paint.blank(len(atlas.part))
    skin = atlas.within(*SKIN)
    paint_complexion(paint, atlas, person.skin, skin, stream(0))
    paint_wrinkles(paint, atlas, person.skin, skin)
    paint_lips(paint, atlas, person.lips, skin, stream(1))
    paint_beard(paint, atlas, person.beard, skin, stream(2))
    paint_scalp(paint, atlas, person.hair, skin, stream(3))
    paint_lids(paint, atlas, person.eyes, skin)
    paint_brows(paint, atlas, person.brows, skin, stream(4))
    paint_eyeballs(paint, atlas, person.eyes, eye_centres, stream(5))
    paint_mouth(paint, atlas, stream(6))
    paint_clothes(paint, atlas, person.clothes, skin_colour * person.skin.undertone)
    return paint
