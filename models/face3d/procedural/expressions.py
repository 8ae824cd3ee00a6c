"""The expression directions: the named movements as fields over the head, then smooth residual ones."""

import numpy as np

from models.face3d.procedural import anatomy as a
from models.face3d.procedural.assembly import head
from models.face3d.procedural.fields import embedding, jaw_share, nearest, only_skin, pull
from models.face3d.procedural.movements import BOTH, JAW_NARROWS, LIDS_GO_ALONG, NAMES, OTHER, PAIRED, Handles
from models.face3d.procedural.skin import lid_sphere

COUNT = 64
JAW_ANGLE, JAW_SLIDE = 0.395, (0.0, -0.015, 0.045)  # radians and decimetres at jawOpen = 1


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
    return field + pull(handles_of(JAW_NARROWS, True))


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
    for name, share_up, share_low, reach in (
        ("back", 1.0, 1.0, a.EYE_RADIUS * 0.93),
        ("margin", 1.0, 1.0, a.LID_RADIUS),
        ("lid", 0.86, 0.8, a.LID_RADIUS + 0.003),
        ("crease", 0.42, 0.3, a.LID_RADIUS + 0.005),
        ("orbit", 0.06, 0.0, 0.0),
    ):
        loop = mesh.rings[f"eye_{name}"]
        here = mesh.vertices[loop]
        share = np.where(upper, share_up, share_low)
        y = here[:, 1] + share * (line - margin[:, 1])
        if name in ("margin", "back"):
            y = y + np.where(upper, -0.007, 0.0) * np.abs(np.sin(2 * np.pi * np.arange(16) / 16))
        z = here[:, 2].copy()
        if reach:
            radius = reach + np.where(upper & (name == "margin"), 0.004, 0.0)  # the upper lid lies over the lower one
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
            before, after = (lid_sphere(here[:, 0], here[:, 1] + move, radius) for move in (0.0, shift))
            field[loop, 2] = after - before
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
