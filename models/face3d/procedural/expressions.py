"""The expression directions: named movements of jaw, lips, cheeks, lids, brows and tongue, then smooth residual ones."""

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.assembly import head
from models.face3d.procedural.fields import embedding, jaw_share, nearest, only_skin, pull
from models.face3d.procedural.skin import lid_sphere

COUNT = 64
JAW_ANGLE, JAW_SLIDE = 0.395, (0.0, -0.015, 0.045)  # radians and decimetres at jawOpen = 1

# Handles are landmarks of the subject's left half (or the middle), or places (x, y); displacements in decimetres.
Handles = dict[int | tuple[float, float], tuple[float, float, float]]
PAIRED: dict[str, Handles] = {
    "mouthSmile": {
        54: (0.095, 0.080, -0.065), 64: (0.092, 0.078, -0.065), 53: (0.052, 0.040, -0.035), 55: (0.060, 0.052, -0.035),
        52: (0.018, 0.010, -0.022), 56: (0.022, 0.022, -0.018), 63: (0.035, 0.025, -0.025), 65: (0.038, 0.032, -0.025), 51: (0, 0.0, -0.012), 57: (0, 0.008, -0.008),
        (0.32, -0.16): (0.045, 0.060, 0.005), (0.44, 0.02): (0.015, 0.050, 0.030), (0.42, -0.30): (0.050, 0.030, 0.0),
        35: (0.010, 0.012, -0.005), 33: (0, 0, 0), (0.30, -0.62): (0.01, 0.0, 0),
    },
    "mouthFrown": {
        54: (0.010, -0.075, -0.015), 64: (0.010, -0.072, -0.015), 53: (0.005, -0.030, -0.005), 55: (0.005, -0.035, -0.005),
        51: (0, 0, 0), 57: (0, 0.008, 0.005), 35: (0, 0, 0), (0.36, -0.48): (0.0, -0.035, 0.01),
    },
    "mouthStretch": {
        54: (0.080, -0.035, -0.060), 64: (0.080, -0.035, -0.060), 53: (0.045, -0.008, -0.03), 55: (0.045, -0.025, -0.03), 51: (0, 0, -0.01), 57: (0, -0.008, -0.01),
        63: (0.03, -0.004, -0.02), 65: (0.03, -0.02, -0.02), (0.42, -0.42): (0.045, -0.035, -0.01), 35: (0, 0, 0),
    },
    "mouthDimple": {
        54: (0.040, 0.012, -0.050), 64: (0.040, 0.012, -0.050), 53: (0.02, 0.004, -0.015), 55: (0.02, 0.004, -0.015), 51: (0, 0, 0), 57: (0, 0, 0),
        (0.40, -0.34): (0.02, 0.005, 0.02), 35: (0, 0, 0),
    },
    "mouthUpperUp": {
        52: (0.002, 0.055, 0.008), 53: (0.008, 0.050, 0.0), 51: (0, 0.026, 0.005), 62: (0, 0.026, 0), 63: (0.004, 0.058, 0.004), 54: (0, 0.006, 0), 64: (0, 0.006, 0),
        35: (0.006, 0.022, 0), 57: (0, 0, 0), 66: (0, 0, 0), (0.28, -0.12): (0.012, 0.03, 0.012), 33: (0, 0.006, 0),
    },
    "mouthLowerDown": {
        56: (0.004, -0.060, 0.008), 55: (0.012, -0.050, -0.004), 57: (0, -0.030, 0.004), 66: (0, -0.032, 0), 65: (0.006, -0.064, -0.006), 54: (0.006, -0.008, 0), 64: (0.006, -0.010, 0),
        51: (0, 0, 0), 62: (0, 0, 0), (0.12, -0.54): (0.004, -0.03, 0.005), (0.1, -0.66): (0, 0, 0),
    },
    "noseSneer": {
        35: (0.006, 0.035, 0.006), 34: (0.002, 0.018, 0), (0.175, -0.04): (0.012, 0.040, 0.004), (0.09, 0.21): (0, 0.015, 0.012), 52: (0, 0.018, 0), 53: (0, 0.018, 0),
        22: (-0.012, -0.018, 0.006), (0.27, -0.10): (0.01, 0.03, 0.01), 30: (0, 0.004, 0), 33: (0, 0.006, 0), 54: (0, 0, 0),
    },
    "cheekSquint": {
        (0.42, 0.12): (0.004, 0.045, 0.025), (0.30, 0.16): (0, 0.03, 0.012), (0.50, 0.2): (0, 0.02, 0.01), 35: (0, 0.004, 0), 54: (0, 0.006, 0),
    },
    "browDown": {
        22: (-0.022, -0.055, 0.018), 23: (-0.018, -0.060, 0.014), 24: (-0.010, -0.050, 0.008), 25: (-0.004, -0.032, 0.004), 26: (0, -0.012, 0), (0.0, 0.51): (0, -0.022, 0.012),
        (0.24, 0.80): (0, -0.01, 0), 27: (0, -0.006, 0),
    },
    "browOuterUp": {
        26: (0.0, 0.050, -0.006), 25: (0.0, 0.072, -0.008), 24: (0, 0.060, -0.006), 23: (0, 0.026, 0), 22: (0, 0.004, 0), (0.42, 0.80): (0, 0.035, 0),
    },
    "mouthSide": {  # becomes mouthLeft / mouthRight
        54: (0.080, 0.0, -0.035), 64: (0.080, 0.0, -0.035), 48: (0.085, 0, 0.015), 60: (0.085, 0, 0.015), 51: (0.088, 0, -0.004), 57: (0.088, 0, -0.004),
        62: (0.088, 0, -0.004), 66: (0.088, 0, -0.004), 33: (0.010, 0, 0), (0.0, -0.62): (0.03, 0, 0),
    },
}  # fmt: skip
BOTH: dict[str, Handles] = {
    "mouthClose": {
        51: (0, -0.018, -0.014), 52: (0, -0.018, -0.014), 53: (0, -0.012, -0.008), 57: (0, 0.026, -0.012), 56: (0, 0.024, -0.012),
        55: (0, 0.014, -0.006), 62: (0, -0.011, -0.012), 63: (0, -0.010, -0.010), 66: (0, 0.017, -0.016), 65: (0, 0.014, -0.014),
        54: (0.012, 0, -0.012), 64: (0.012, 0, -0.012), (0.0, -0.62): (0, 0.012, 0.008), 33: (0, 0, 0), 35: (0, 0, 0),
    },
    "mouthPucker": {
        54: (-0.095, 0.004, 0.055), 64: (-0.092, 0.003, 0.050), 53: (-0.060, 0.008, 0.075), 55: (-0.064, -0.006, 0.075), 52: (-0.022, 0.008, 0.085), 56: (-0.030, -0.008, 0.085),
        51: (0, 0.006, 0.088), 57: (0, -0.010, 0.090), 62: (0, 0.002, 0.080), 66: (0, 0.0, 0.080), 63: (-0.045, 0.002, 0.075), 65: (-0.045, 0.0, 0.075),
        33: (0, -0.006, 0.008), 35: (-0.008, -0.004, 0), (0.34, -0.26): (-0.045, 0.0, 0.01), (0.34, -0.45): (-0.045, 0.0, 0.01), (0.0, -0.50): (0, -0.004, 0.050), (0.12, -0.50): (-0.03, -0.002, 0.04), (0.0, -0.64): (0, 0.01, 0.012),
    },
    "mouthFunnel": {
        54: (-0.070, 0.0, 0.050), 64: (-0.066, 0.0, 0.045), 53: (-0.038, 0.034, 0.080), 55: (-0.040, -0.040, 0.075), 52: (-0.012, 0.040, 0.090), 56: (-0.018, -0.052, 0.085),
        51: (0, 0.036, 0.092), 57: (0, -0.056, 0.088), 62: (0, 0.046, 0.070), 66: (0, -0.056, 0.068), 63: (-0.030, 0.038, 0.070), 65: (-0.030, -0.044, 0.066),
        33: (0, 0.006, 0.008), 35: (-0.004, 0.004, 0), (0.34, -0.26): (-0.03, 0.0, 0.01), (0.34, -0.45): (-0.03, -0.01, 0.01), (0.0, -0.50): (0, -0.03, 0.045), (0.12, -0.50): (-0.02, -0.02, 0.035), (0.0, -0.64): (0, -0.01, 0.012),
    },
    "mouthRollLower": {
        57: (0, 0.052, -0.040), 56: (0, 0.048, -0.038), 55: (0, 0.030, -0.025), 66: (0, 0.018, -0.070), 65: (0, 0.014, -0.060), 54: (0, 0.002, -0.010), 64: (0, 0.002, -0.010), (0.0, -0.54): (0, 0.02, -0.005),
        (0.0, -0.66): (0, 0.004, 0), 51: (0, 0, 0), 62: (0, 0, 0),
    },
    "mouthRollUpper": {
        51: (0, -0.042, -0.035), 52: (0, -0.046, -0.035), 53: (0, -0.030, -0.022), 62: (0, -0.010, -0.055), 63: (0, -0.008, -0.045), 54: (0, 0, -0.008), 64: (0, 0, -0.008),
        33: (0, -0.004, 0), 57: (0, 0, 0), 66: (0, 0, 0),
    },
    "mouthShrugLower": {
        57: (0, 0.048, 0.030), 56: (0, 0.045, 0.026), 55: (0, 0.026, 0.01), 66: (0, 0.036, 0.024), 65: (0, 0.026, 0.016), 54: (0, -0.004, 0), 64: (0, -0.002, 0), (0.0, -0.54): (0, 0.045, 0.010),
        (0.0, -0.66): (0, 0.035, 0.012), (0.15, -0.66): (0, 0.025, 0.008), 51: (0, 0.012, 0.004), 62: (0, 0.018, 0.006), 63: (0, 0.014, 0.004),
    },
    "mouthShrugUpper": {
        51: (0, 0.026, 0.030), 52: (0, 0.026, 0.028), 53: (0, 0.016, 0.012), 62: (0, 0.018, 0.020), 63: (0, 0.014, 0.014), 57: (0, 0.008, 0.004), 66: (0, 0.014, 0.012), 65: (0, 0.01, 0.008), 54: (0, 0, 0), 33: (0, 0.012, 0.006),
        35: (0, 0.008, 0.002),
    },
    "cheekPuff": {
        (0.44, -0.24): (0.070, 0.0, 0.055), (0.40, -0.40): (0.060, 0.0, 0.055), (0.38, -0.10): (0.035, 0.0, 0.035), 54: (-0.004, 0, 0.022), 64: (-0.004, 0, 0.02), 51: (0, 0.0, 0.02), 57: (0, 0, 0.02), 62: (0, 0, 0.016), 66: (0, 0, 0.016),
        35: (0, 0, 0.0), (0.0, -0.66): (0, 0, 0.0),
    },
    "browInnerUp": {
        22: (-0.006, 0.075, 0.006), 23: (0, 0.055, 0.004), 24: (0, 0.026, 0), 25: (0, 0.006, 0), 26: (0, -0.004, 0), (0.0, 0.58): (0, 0.05, 0.008), (0.12, 0.82): (0, 0.03, 0), 27: (0, 0.008, 0),
    },
}  # fmt: skip
# How the lids of the same side slide with other movements: upper, lower.
LIDS_GO_ALONG = {
    "mouthSmile_L": (0.0, 0.010),
    "cheekSquint_L": (-0.003, 0.014),
    "browDown_L": (-0.006, 0.0),
    "browOuterUp_L": (0.004, 0.0),
}
NAMES = (
    "jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthSmile_L", "mouthSmile_R", "eyeBlink_L", "eyeBlink_R",
    "browInnerUp", "browDown_L", "browDown_R", "browOuterUp_L", "browOuterUp_R", "mouthFrown_L", "mouthFrown_R",
    "mouthStretch_L", "mouthStretch_R", "mouthUpperUp_L", "mouthUpperUp_R", "mouthLowerDown_L", "mouthLowerDown_R",
    "mouthRollLower", "mouthRollUpper", "cheekPuff", "jawLeft", "jawRight", "jawForward", "noseSneer_L", "noseSneer_R",
    "eyeWide_L", "eyeWide_R", "eyeSquint_L", "eyeSquint_R", "mouthLeft", "mouthRight", "mouthDimple_L", "mouthDimple_R",
    "tongueOut", "tongueUp", "mouthShrugLower", "mouthShrugUpper", "cheekSquint_L", "cheekSquint_R",
)  # fmt: skip


# the landmark on the other side of each
OTHER = {**dict(zip(range(17), range(16, -1, -1))), **dict(zip(range(17, 27), range(26, 16, -1))), **{i: i for i in (27, 28, 29, 30, 33, 51, 62, 57, 66)},
    **{31: 35, 32: 34, 34: 32, 35: 31, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46, 42: 39, 43: 38, 44: 37, 45: 36, 46: 41, 47: 40},
    **{48: 54, 49: 53, 50: 52, 52: 50, 53: 49, 54: 48, 55: 59, 56: 58, 58: 56, 59: 55, 60: 64, 61: 63, 63: 61, 64: 60, 65: 67, 67: 65},
}  # fmt: skip


def handles_of(table: Handles, both: bool) -> dict[int, np.ndarray]:
    """Vertices and displacements; `both`: the mirrored ones too."""
    marks = head().landmarks
    found = {}
    for place, move in table.items():
        if isinstance(place, int):
            found[int(marks[place])] = np.array(move)
            if both:
                found[int(marks[OTHER[place]])] = np.array(move) * [-1, 1, 1]
        else:
            found[nearest(*place)] = np.array(move)
            if both:
                found[int(head().mirror[nearest(*place)])] = np.array(move) * [-1, 1, 1]
    return found


def mirrored(field: np.ndarray) -> np.ndarray:
    """The same movement on the other side."""
    return field[head().mirror] * [-1, 1, 1]


def jaw_turn() -> np.ndarray:
    """jawOpen: the lower jaw turns about its joints and slides forward a little."""
    vertices = head().vertices
    joint = np.array([0.0, *a.JOINT])
    cos, sin = np.cos(JAW_ANGLE), np.sin(JAW_ANGLE)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    move = (vertices - joint) @ turn.T - (vertices - joint) + JAW_SLIDE
    field = jaw_share()[:, None] * move
    narrowing = pull(
        handles_of(
            {
                54: (-0.022, 0.0, 0.0),
                64: (-0.02, 0.0, 0.0),
                (0.44, -0.3): (-0.015, 0, -0.015),
                51: (0, 0.004, -0.004),
                33: (0, 0, 0),
            },
            True,
        )
    )
    return field + narrowing


def lid_closing() -> np.ndarray:
    """eyeBlink_L: upper and lower lid meet on the sphere of the lids, near the lower one."""
    mesh = head()
    field = np.zeros_like(mesh.vertices)
    margin = mesh.vertices[mesh.rings["eye_margin"]]
    low = np.concatenate([margin[[0]], margin[15:8:-1], margin[[8]]])  # lower margin, inner to outer
    high = margin[:9]
    meet = low[:, 1] + 0.16 * (high[:, 1] - low[:, 1])
    line = np.concatenate([meet, meet[7:0:-1]])
    upper = np.arange(16) <= 8
    for name, share_up, share_low, radius in (
        ("back", 1.0, 1.0, a.EYE_RADIUS * 0.93), ("margin", 1.0, 1.0, a.LID_RADIUS), ("lid", 0.86, 0.8, a.LID_RADIUS + 0.003),
        ("crease", 0.42, 0.3, a.LID_RADIUS + 0.005), ("orbit", 0.06, 0.0, 0.0),
    ):  # fmt: skip
        loop = mesh.rings[f"eye_{name}"]
        here = mesh.vertices[loop]
        share = np.where(upper, share_up, share_low)
        y = here[:, 1] + share * (line - margin[:, 1])
        if name in ("margin", "back"):
            y = y + np.where(upper, -0.007, 0.0) * np.abs(np.sin(2 * np.pi * np.arange(16) / 16))
            radius = radius + np.where(upper, 0.004, 0.0) * (name == "margin")
        z = here[:, 2].copy()
        if np.any(radius):
            ends = np.abs(np.cos(2 * np.pi * np.arange(16) / 16)) ** 4
            z = ends * z + (1 - ends) * np.maximum(z if name == "crease" else 0, lid_sphere(here[:, 0], y, radius))
        field[loop, 1], field[loop, 2] = y - here[:, 1], z - here[:, 2]
    return field


def lid_shift(upper: float, lower: float) -> np.ndarray:
    """The left lids slide over the eye by decimetres, upwards where positive."""
    mesh = head()
    field = np.zeros_like(mesh.vertices)
    up = np.sin(2 * np.pi * np.arange(16) / 16)
    for name, share, radius in (
        ("back", 1.0, a.EYE_RADIUS * 0.9),
        ("margin", 1.0, a.LID_RADIUS),
        ("lid", 0.8, a.LID_RADIUS),
        ("crease", 0.35, 0.0),
    ):
        loop = mesh.rings[f"eye_{name}"]
        here = mesh.vertices[loop]
        shift = share * np.where(up > 0, upper, lower) * np.abs(up) ** 0.7
        field[loop, 1] = shift
        if radius:
            field[loop, 2] = lid_sphere(here[:, 0], here[:, 1] + shift, radius) - lid_sphere(
                here[:, 0], here[:, 1], radius
            )
    return field


def tongue_move(tip: tuple[float, float, float]) -> np.ndarray:
    """The tongue bends so that its tip moves by `tip`."""
    mesh = head()
    low, high = mesh.piece["tongue"]
    field = np.zeros_like(mesh.vertices)
    share = np.clip((mesh.vertices[low:high, 2] - 0.45) / 0.5, 0, 1) ** 1.5
    field[low:high] = share[:, None] * np.array(tip)
    return field


def named() -> dict[str, np.ndarray]:
    """Name to field (N, 3), in the order of NAMES."""
    fields = {"jawOpen": jaw_turn()}
    slide = only_skin(jaw_share()[:, None] * np.array([0.06, 0, 0]))
    for name in ("teeth_lower", "tongue"):
        low, high = head().piece[name]
        slide[low:high] = [0.06, 0, 0]
    fields["jawLeft"], fields["jawRight"] = slide, mirrored(slide)
    fields["jawForward"] = np.roll(slide, 2, axis=1) * 0.8
    fields["eyeBlink_L"] = lid_closing()
    fields["eyeWide_L"] = lid_shift(0.022, -0.005)
    fields["eyeSquint_L"] = lid_shift(-0.012, 0.028)
    fields["tongueOut"], fields["tongueUp"] = tongue_move((0, 0.115, 0.165)), tongue_move((0, 0.17, 0.035))
    for name, table in BOTH.items():
        fields[name] = pull(handles_of(table, True))
    for name, table in PAIRED.items():
        key = "mouthLeft" if name == "mouthSide" else f"{name}_L"
        fields[key] = pull(handles_of(table, False))
    for name, (upper, lower) in LIDS_GO_ALONG.items():
        fields[name] = fields[name] + lid_shift(upper, lower)
    for name in [key for key in fields if key.endswith("_L")]:
        fields[name[:-1] + "R"] = mirrored(fields[name])
    fields["mouthRight"] = mirrored(fields["mouthLeft"])
    fields["eyeSquint_L"] = fields["eyeSquint_L"] + 0.4 * fields["cheekSquint_L"]
    fields["eyeSquint_R"] = mirrored(fields["eyeSquint_L"])
    return {name: fields[name] for name in NAMES}


def residual(known: np.ndarray, count: int) -> np.ndarray:
    """(count, N, 3) smooth asymmetric fields on the face, orthogonal to the known (K, N, 3) and to one another."""
    random = np.random.default_rng(64)
    mesh = head()
    face = np.flatnonzero((np.abs(mesh.angle) < 1.0) & (np.abs(mesh.label + 0.15) < 0.75))
    places = embedding()
    basis = np.linalg.qr(known.reshape(len(known), -1).T)[0]
    found = []
    for _ in range(count):
        chosen = random.choice(face, 6, replace=False)
        move = random.normal(size=(6, 3)) * [0.7, 1.0, 0.6]
        spread = np.exp(-((places[:, None] - places[None, chosen]) ** 2).sum(-1) / (2 * 0.2**2))
        field = only_skin(spread @ move)
        flat = field.ravel()
        flat = flat - basis @ (basis.T @ flat)
        basis = np.column_stack([basis, flat / np.linalg.norm(flat)])
        field = flat.reshape(-1, 3)
        found.append(0.02 * field / np.sqrt((field**2).sum(-1)).max())
    return np.stack(found)


def expressions() -> tuple[np.ndarray, list[str]]:
    """(64, N, 3) and the names, "" for the residual ones."""
    fields = np.stack(list(named().values()))
    known = fields[[name != "jawRight" for name in NAMES]]  # which is jawLeft backwards
    rest = residual(known, COUNT - len(fields))
    return np.concatenate([fields, rest]), [*NAMES, *[""] * len(rest)]
