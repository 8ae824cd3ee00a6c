"""A synthetic speaker's looks, drawn from one seed: face, skin, hair, eyes, clothes, light and place."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from datamodules.synthetic.background import Background, draw_background
from datamodules.synthetic.clothes import Clothes, draw_clothes
from datamodules.synthetic.embedded import head
from datamodules.synthetic.light import draw_lighting

IDENTITY, TEXTURE = 80, 80  # sizes of the embedded face model
_LIMIT = 2.2  # of a coefficient, in standard deviations: beyond it faces look like masks


@dataclass(frozen=True)
class Skin:
    """Strengths in [0, 1] of what is painted on the skin; `age` runs from 0 (twenty years) to 1 (seventy).

    undertone: RGB factor on the model's skin colour.
    """

    undertone: tuple[float, float, float]
    age: float
    wrinkles: float
    freckles: float
    redness: float
    shine: float
    moles: int


@dataclass(frozen=True)
class Hair:
    """Hair of the head. Lengths and heights in decimetres.

    style: one of `hair.STYLES`; colour: RGB of the strands; grey: share of grey strands; volume: thickness of the
    hair over the scalp; length: below the ears; parting: from -1 (right) to 1 (left), in the middle at 0;
    fringe: how far hair falls over the forehead, from 0 to 1; recession: of the hairline, from 0 to 1; curl: 0 to 1.
    """

    style: str
    colour: tuple[float, float, float]
    grey: float
    volume: float
    length: float
    parting: float
    fringe: float
    recession: float
    curl: float


@dataclass(frozen=True)
class Brows:
    """Eyebrows: RGB of the hairs, thickness in decimetres, arch and tilt about 0, density in [0, 1]."""

    colour: tuple[float, float, float]
    thickness: float
    arch: float
    density: float


@dataclass(frozen=True)
class Eyes:
    """Colour of the irises and of their inner ring, whiteness of the sclera, strength of lashes and of eye shadow."""

    iris: tuple[float, float, float]
    ring: tuple[float, float, float]
    whiteness: float
    lashes: float
    shadow: float


@dataclass(frozen=True)
class Lips:
    """RGB factor on the skin's own lip colour, gloss in [0, 1], and how much of it is lipstick."""

    tint: tuple[float, float, float]
    gloss: float
    lipstick: float


@dataclass(frozen=True)
class Beard:
    """Facial hair: one of `skin.BEARDS`, RGB of the hairs, density in [0, 1]."""

    kind: str
    colour: tuple[float, float, float]
    density: float


@dataclass(frozen=True, eq=False)
class Person:
    """Everything that stays the same in all clips of a speaker.

    identity (80,), texture (80,) and lighting (27,), all float32, are coefficients of the embedded face model;
    the rest is painted over it; hair, beard and voice go by `man`. Two persons are the same if their seeds are.
    """

    seed: int
    man: bool
    identity: np.ndarray
    texture: np.ndarray
    lighting: np.ndarray
    skin: Skin
    hair: Hair
    brows: Brows
    eyes: Eyes
    lips: Lips
    beard: Beard
    clothes: Clothes
    background: Background


class _Trait(IntEnum):
    """Each trait has its own stream of random numbers, so that a change of one leaves the others as they were."""

    IDENTITY = 0
    TEXTURE = 1
    LIGHTING = 2
    SKIN = 3
    HAIR = 4
    BROWS = 5
    EYES = 6
    LIPS = 7
    BEARD = 8
    CLOTHES = 9
    BACKGROUND = 10
    SEX = 11


# RGB of hair: black, dark brown, brown, chestnut, auburn, copper, dark blond, blond, and how often each occurs
_HAIR_COLOURS = np.array(
    [
        (0.085, 0.072, 0.068), (0.14, 0.095, 0.072), (0.22, 0.14, 0.09), (0.30, 0.18, 0.11),
        (0.33, 0.14, 0.08), (0.50, 0.24, 0.11), (0.46, 0.35, 0.22), (0.70, 0.56, 0.36),
    ]
)  # fmt: skip
_HAIR_SHARE = np.array([0.22, 0.18, 0.16, 0.10, 0.06, 0.05, 0.12, 0.11])
_GREY = np.array([0.62, 0.61, 0.60])
# iris and ring: dark brown, brown, hazel, green, blue, grey blue
_IRISES = np.array(
    [
        (0.17, 0.10, 0.06),
        (0.30, 0.18, 0.09),
        (0.38, 0.30, 0.14),
        (0.33, 0.40, 0.22),
        (0.30, 0.44, 0.58),
        (0.40, 0.46, 0.50),
    ]
)
_RINGS = np.array(
    [
        (0.24, 0.14, 0.07),
        (0.42, 0.25, 0.11),
        (0.46, 0.31, 0.13),
        (0.50, 0.42, 0.18),
        (0.45, 0.53, 0.58),
        (0.46, 0.47, 0.44),
    ]
)
_IRIS_SHARE = np.array([0.30, 0.27, 0.11, 0.09, 0.14, 0.09])


def draw_person(seed: int) -> Person:
    """The speaker of this seed: the same everywhere, traits independent of each other but for sex, age and hue.

    Hair, brows, beard and eyes follow the skin's tone only as far as that keeps people plausible.
    """

    def stream(trait: _Trait) -> np.random.Generator:
        return np.random.default_rng((seed, int(trait)))

    def normal(trait: _Trait, count: int) -> np.ndarray:
        return np.clip(stream(trait).standard_normal(count), -_LIMIT, _LIMIT).astype(np.float32)

    man = stream(_Trait.SEX).random() < 0.5
    texture = _draw_texture(normal(_Trait.TEXTURE, TEXTURE), man)
    skin = _draw_skin(stream(_Trait.SKIN), float(texture[0]))
    hair = _draw_hair(stream(_Trait.HAIR), man, skin.age, float(texture[0]))
    return Person(
        seed=seed,
        man=bool(man),
        identity=normal(_Trait.IDENTITY, IDENTITY),
        texture=texture,
        lighting=draw_lighting(stream(_Trait.LIGHTING)),
        skin=skin,
        hair=hair,
        brows=_draw_brows(stream(_Trait.BROWS), man, hair),
        eyes=_draw_eyes(stream(_Trait.EYES), man, float(texture[0])),
        lips=_draw_lips(stream(_Trait.LIPS), man),
        beard=_draw_beard(stream(_Trait.BEARD), man, hair),
        clothes=draw_clothes(stream(_Trait.CLOTHES)),
        background=draw_background(stream(_Trait.BACKGROUND)),
    )


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    """RGB in [0, 1] as plain numbers."""
    red, green, blue = np.clip(values, 0.01, 1).tolist()
    return red, green, blue


def _draw_texture(numbers: np.ndarray, man: bool) -> np.ndarray:
    """Skin from fair to dark; what would look like a bruise with the wrong sign or beyond one or two is tamed."""
    numbers = numbers.copy()
    where = {name: k for k, name in enumerate(head().texture_names) if name}
    numbers[where["melanin"]] = 0.45 + 1.15 * numbers[where["melanin"]]
    for name in ("blush", "socket_shade", "under_eye_shade", "lid_shade", "beard_shadow"):
        numbers[where[name]] = 0.35 * abs(numbers[where[name]])
    numbers[where["beard_shadow"]] *= man
    for name in (
        "redness",
        "yellowness",
        "lip_colour",
        "lip_darkness",
        "ear_redness",
        "neck_shade",
        "tooth_shade",
        "white_shade",
    ):
        numbers[where[name]] *= 0.6
    for name in ("redness", "blush", "socket_shade", "ear_redness"):
        numbers[where[name]] *= np.clip(1.2 - 0.35 * numbers[where["melanin"]], 0.2, 1)
    return numbers


def _draw_skin(rng: np.random.Generator, tone: float) -> Skin:
    age = float(rng.beta(1.3, 1.7))
    # the model's straight line from fair to dark ends in orange: dark skin is browner
    brown = 1 + max(tone - 0.6, 0.0) * np.array([-0.02, 0.07, 0.12])
    red, green, blue = (brown * rng.uniform([0.98, 0.97, 0.95], [1.02, 1.03, 1.05])).tolist()
    return Skin(
        undertone=(red, green, blue),
        age=age,
        wrinkles=float(np.clip(age**1.5 + rng.normal(0, 0.08), 0, 1)),
        freckles=float(rng.uniform(0.3, 1)) if rng.random() < 0.2 else 0.0,
        redness=float(rng.uniform(0, 1)),
        shine=float(rng.uniform(0.2, 1)),
        moles=int(rng.integers(0, 6)),
    )


def _draw_hair(rng: np.random.Generator, man: bool, age: float, tone: float) -> Hair:
    """`tone` is the first number of the texture: above 0 for darker skin, with which fair hair is rare."""
    styles, share = _STYLES_OF_MEN if man else _STYLES_OF_WOMEN
    style = str(rng.choice(styles, p=share))
    fairness = (
        np.array([1, 1, 1, 1, 1, 1, 1, 1]) if tone < 0.9 else np.array([1, 0.6, 0.25, 0.08, 0.05, 0.01, 0.01, 0.03])
    )
    colours = _HAIR_SHARE * fairness
    colour = _HAIR_COLOURS[rng.choice(len(colours), p=colours / colours.sum())] * rng.uniform(0.8, 1.25)
    grey = float(np.clip(rng.uniform(-0.9, 1.0) + 1.2 * (age - 0.35), 0, 1)) if age > 0.4 else 0.0
    if not man and rng.random() < 0.5:
        grey *= 0.2  # dyed
    return Hair(
        style=style,
        colour=_triple(colour + rng.normal(0, 0.008, 3)),
        grey=grey,
        volume=float(rng.uniform(0.7, 1.3)),
        length=float(rng.uniform(0.5, 1.6)),
        parting=float(rng.uniform(-0.8, 0.8)),
        fringe=float(rng.uniform(0, 1)),
        recession=float(np.clip(rng.normal(0.55 * age, 0.25), 0, 1)) if man else float(rng.uniform(0, 0.25)),
        curl=float(rng.uniform(0, 1)),
    )


_STYLES_OF_MEN = (
    ["bald", "shaved", "short", "crop", "side", "quiff", "curly", "afro", "bob", "bun"],
    [0.09, 0.12, 0.21, 0.15, 0.16, 0.11, 0.07, 0.03, 0.04, 0.02],
)
_STYLES_OF_WOMEN = (
    ["short", "side", "curly", "afro", "bob", "long", "waves", "bun", "shaved", "crop"],
    [0.06, 0.08, 0.08, 0.06, 0.19, 0.22, 0.15, 0.12, 0.02, 0.02],
)


def _strands(hair: Hair, share_of_grey: float) -> np.ndarray:
    """Colour of other hair on the same head."""
    grey = share_of_grey * hair.grey
    return np.array(hair.colour) * (1 - grey) + _GREY * grey


def _draw_brows(rng: np.random.Generator, man: bool, hair: Hair) -> Brows:
    colour = _strands(hair, 0.5) * rng.uniform(0.55, 0.9)
    return Brows(
        colour=_triple(np.minimum(colour, 0.42)),
        thickness=float(rng.uniform(0.045, 0.085) if man else rng.uniform(0.03, 0.06)),
        arch=float(rng.normal(0.0 if man else 0.3, 0.5)),
        density=float(rng.uniform(0.55, 1.0)),
    )


def _draw_eyes(rng: np.random.Generator, man: bool, tone: float) -> Eyes:
    share = _IRIS_SHARE * (np.ones(6) if tone < 0.9 else np.array([1, 0.5, 0.12, 0.02, 0.02, 0.02]))
    kind = rng.choice(6, p=share / share.sum())
    return Eyes(
        iris=_triple(_IRISES[kind] * rng.uniform(0.8, 1.2, 3)),
        ring=_triple(_RINGS[kind] * rng.uniform(0.8, 1.2, 3)),
        whiteness=float(rng.uniform(0.64, 0.78)),
        lashes=float(rng.uniform(0.35, 0.65) if man else rng.uniform(0.6, 1.0)),
        shadow=float(rng.uniform(0.2, 0.8)) if not man and rng.random() < 0.5 else 0.0,
    )


def _draw_lips(rng: np.random.Generator, man: bool) -> Lips:
    lipstick = 0.0 if man or rng.random() < 0.45 else float(rng.uniform(0.35, 0.85))
    shades = np.array(
        [(0.62, 0.10, 0.13), (0.72, 0.32, 0.34), (0.50, 0.14, 0.22), (0.66, 0.28, 0.22), (0.42, 0.16, 0.16)]
    )
    return Lips(
        tint=_triple(shades[rng.integers(len(shades))] * rng.uniform(0.85, 1.15)),
        gloss=float(rng.uniform(0.1, 0.5) + 0.4 * (lipstick > 0)),
        lipstick=lipstick,
    )


def _draw_beard(rng: np.random.Generator, man: bool, hair: Hair) -> Beard:
    kinds = ("none", "stubble", "moustache", "goatee", "full")
    kind = str(rng.choice(kinds, p=[0.42, 0.26, 0.06, 0.09, 0.17])) if man else "none"
    return Beard(kind, _triple(_strands(hair, 0.9) * rng.uniform(0.75, 1.1)), float(rng.uniform(0.5, 1.0)))
