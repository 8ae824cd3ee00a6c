"""Albedo: mean colours and the 80 texture directions."""

import numpy as np

from models.face3d.procedural.assembly import PART_NAMES, Head, head
from models.face3d.procedural.curves import bump, step
from models.face3d.procedural.parts import EYE_SPOKES

COUNT = 80
COLOURS = {
    "skin": (0.70, 0.51, 0.42), "lips": (0.62, 0.36, 0.33), "eyelids": (0.67, 0.47, 0.39),
    "brows": (0.34, 0.24, 0.18), "eye_right": (0.90, 0.89, 0.87),
    "eye_left": (0.90, 0.89, 0.87), "teeth_upper": (0.88, 0.85, 0.78), "teeth_lower": (0.84, 0.81, 0.74),
    "tongue": (0.66, 0.34, 0.33),
    "mouth_cavity": (0.20, 0.07, 0.07), "ears": (0.70, 0.48, 0.40), "hair": (0.24, 0.17, 0.12),
    "neck": (0.69, 0.50, 0.41), "torso": (0.36, 0.40, 0.47),
}  # fmt: skip
IRIS, PUPIL = (0.36, 0.36, 0.30), (0.03, 0.03, 0.03)


def weights(mesh: Head) -> dict[str, np.ndarray]:
    """Region name to strength (N,) in [0, 1]."""
    p, part = mesh.vertices, mesh.part
    x, y = np.abs(p[:, 0]), p[:, 1]

    def of(*names: str) -> np.ndarray:
        return np.isin(part, [PART_NAMES.index(name) for name in names]).astype(float)

    front = of("skin", "eyelids", "brows") * step(0.2, 0.6, p[:, 2])
    flesh = of("skin", "lips", "eyelids", "brows", "ears", "neck")
    eye = {name: np.zeros(len(p)) for name in ("iris", "iris_inner", "pupil")}
    for piece in ("eye_right", "eye_left"):
        low = mesh.piece[piece][0]
        eye["pupil"][low : low + 1 + EYE_SPOKES] = 1
        eye["iris_inner"][low + 1 + EYE_SPOKES : low + 1 + 2 * EYE_SPOKES] = 1
        eye["iris"][low + 1 + EYE_SPOKES : low + 1 + 4 * EYE_SPOKES] = 1
    whiskers = bump(x, 0.62, 0.10) * step(0.0, -0.25, y) * step(-0.45, -0.30, y)
    under = front * bump(y, 0.24, 0.04) * bump(x, 0.28, 0.09)
    return {
        "flesh": flesh, "lips": of("lips"), "brows": of("brows"), "hair": of("hair"), "torso": of("torso"), **eye,
        "white": of("eye_right", "eye_left") - eye["iris"] - eye["pupil"],
        "teeth": of("teeth_upper", "teeth_lower"), "tongue": of("tongue"), "ears": of("ears"),
        "blush": front * bump(y, 0.0, 0.12) * bump(x, 0.42, 0.13),
        "nose": front * bump(y, 0.0, 0.07) * bump(x, 0, 0.09),
        "socket": front * bump(y, 0.38, 0.10) * bump(x, 0.30, 0.14), "under_eye": under,
        "beard": front * (step(-0.30, -0.45, y) + bump(y, -0.19, 0.05) * bump(x, 0.0, 0.22) + 0.7 * whiskers),
        "forehead": front * bump(y, 0.80, 0.12), "lids": of("eyelids"),
        "nostrils": front * np.exp(-(((x - 0.068) / 0.02) ** 2 + ((y + 0.098) / 0.012) ** 2)),
        "neck": of("neck"), "chest": of("torso") * step(-1.9, -2.4, y), "collar": of("torso") * step(-1.3, -1.2, y),
    }  # fmt: skip


def mean_colours(mesh: Head) -> np.ndarray:
    """(N, 3)."""
    table = np.array([COLOURS[name] for name in PART_NAMES])
    colour = table[mesh.part].copy()
    w = weights(mesh)
    colour[w["iris"] > 0] = IRIS
    colour[w["pupil"] > 0] = PUPIL
    for key, change in (
        ("blush", (0.03, -0.02, -0.015)),
        ("nose", (0.02, -0.025, -0.02)),
        ("under_eye", (-0.03, -0.03, -0.015)),
        ("socket", (-0.025, -0.035, -0.03)),
    ):
        colour += w[key][:, None] * change
    colour -= w["nostrils"][:, None] * (colour - [0.16, 0.09, 0.08])
    for piece in ("eye_right", "eye_left"):
        low = mesh.piece[piece][0]
        rim = np.arange(low + 1 + 3 * EYE_SPOKES, low + 1 + 4 * EYE_SPOKES)
        colour[rim] *= 0.55
    for suffix in ("", "@right"):  # lashes and the red of the inner corner
        for ring, share in (("margin", 0.55), ("back", 0.35)):
            loop = mesh.rings[f"eye_{ring}{suffix}"]
            upper = loop[1:8]
            colour[upper] += share * (np.array(COLOURS["brows"]) * 0.6 - colour[upper])
            colour[loop[9:]] += [0.02, -0.03, -0.03]
            colour[loop[0]] = COLOURS["tongue"]
    for name in ("teeth_upper", "teeth_lower"):
        low, high = mesh.piece[name]
        rows = colour[low:high].reshape(6, -1, 3)
        rows[4:] = (0.62, 0.32, 0.30)
    return colour


def directions(mesh: Head) -> tuple[np.ndarray, list[str]]:
    """(80, N, 3) and names, "" for the random ones."""
    w = weights(mesh)
    flesh = w["flesh"]
    table: list[tuple[str, dict[str, tuple[float, float, float]]]] = [
        ("melanin", {"flesh": (-0.105, -0.105, -0.098), "lips": (0.02, 0.03, 0.03)}),
        ("redness", {"flesh": (0.012, -0.018, -0.014)}),
        ("yellowness", {"flesh": (0.006, 0.004, -0.024)}),
        ("lip_colour", {"lips": (0.015, -0.035, -0.027)}),
        ("lip_darkness", {"lips": (-0.04, -0.035, -0.035)}),
        ("brow_darkness", {"brows": (-0.09, -0.075, -0.06)}),
        ("blush", {"blush": (0.012, -0.020, -0.017), "nose": (0.008, -0.014, -0.012)}),
        ("socket_shade", {"socket": (-0.035, -0.035, -0.025)}),
        ("under_eye_shade", {"under_eye": (-0.04, -0.045, -0.025)}),
        ("iris_blue", {"iris": (-0.09, -0.01, 0.12)}),
        ("iris_dark", {"iris": (-0.10, -0.10, -0.09)}),
        ("iris_amber", {"iris_inner": (0.09, 0.05, -0.02)}),
        ("beard_shadow", {"beard": (-0.055, -0.045, -0.032)}),
        ("hair_darkness", {"hair": (-0.09, -0.07, -0.05), "brows": (-0.03, -0.025, -0.02)}),
        ("hair_red", {"hair": (0.06, 0.005, -0.02), "brows": (0.02, 0.0, 0.0)}),
        ("hair_grey", {"hair": (0.05, 0.065, 0.08), "brows": (0.02, 0.025, 0.03)}),
        ("cloth_light", {"torso": (0.14, 0.14, 0.14)}),
        ("cloth_red", {"torso": (0.13, -0.04, -0.04)}),
        ("cloth_blue", {"torso": (-0.05, 0.0, 0.13)}),
        ("cloth_chest", {"chest": (0.09, 0.09, 0.09)}),
        ("cloth_collar", {"collar": (0.10, 0.10, 0.10)}),
        ("tooth_shade", {"teeth": (0.02, 0.005, -0.03)}),
        ("white_shade", {"white": (0.01, -0.015, -0.02)}),
        ("tongue_colour", {"tongue": (0.03, -0.03, -0.02)}),
        ("ear_redness", {"ears": (0.02, -0.025, -0.02)}),
        ("forehead_light", {"forehead": (0.025, 0.022, 0.02)}),
        ("lid_shade", {"lids": (-0.03, -0.03, -0.02)}),
        ("neck_shade", {"neck": (-0.02, -0.018, -0.016)}),
    ]  # fmt: skip
    found = [
        sum((w[key][:, None] * np.array(change) for key, change in parts.items()), np.zeros((len(flesh), 3)))
        for _, parts in table
    ]
    names = [name for name, _ in table]
    random = np.random.default_rng(81)
    for k in range(COUNT - len(found)):
        waves = random.normal(size=(8, 3)) * (3.0 + 0.12 * k)
        wave = np.sin(mesh.vertices @ waves.T + random.uniform(0, 2 * np.pi, 8)) @ random.normal(size=8) / np.sqrt(8)
        tint = random.normal(size=3) * 0.3 + random.normal()
        found.append((flesh * wave)[:, None] * tint * 0.008 * 0.98**k)
        names.append("")
    return np.stack(found), names


def textures() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Mean (N, 3), directions (80, N, 3), names."""
    mesh = head()
    return mean_colours(mesh), *directions(mesh)
