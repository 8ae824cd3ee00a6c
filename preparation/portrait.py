"""A portrait from an image file: read by content, its face found, cut as the model was trained."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from models.errors import UserError
from preparation.crop import Crop, CropRule
from preparation.faces import Analyser, Face

LARGEST_IMAGE = 120_000_000
LEAST_FACE = 32
_DEEP_GREY = ("I", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True, eq=False)
class Portrait:
    """image: (size, size, 3) uint8 RGB; face: the chosen face in px of that image; crop: how it was cut from the file's
    picture (upright, as `read_image` gives it); warnings: plain sentences for the user.
    """

    image: np.ndarray
    face: Face
    crop: Crop
    warnings: tuple[str, ...] = ()


def read_image(path: str | Path) -> np.ndarray:
    """The picture in a file as (H, W, 3) uint8 RGB, whatever its name says it is.

    EXIF orientation is applied; transparent parts are laid on white; the first frame of an animation is taken; grey,
    palette, CMYK and 16-bit pictures are converted.

    Raises:
        UserError: no such file, no picture, cut short, wholly transparent, or more than 120 million pixels (refused by
            the header, before memory is reserved).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file" if not path.exists() else f"{path}: a folder, not an image file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty")
    try:
        with warnings.catch_warnings():
            # Our own limit below takes the place of Pillow's warning.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: not an image that can be read; save it as PNG or JPEG") from error
    except Image.DecompressionBombError as error:
        raise UserError(
            f"{path}: the image is too large; shrink it below {LARGEST_IMAGE // 10**6} megapixels"
        ) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise UserError(f"{path}: the image cannot be read ({error})") from error
    with image:
        width, height = image.size
        if width * height > LARGEST_IMAGE:
            raise UserError(
                f"{path}: {width}x{height} pixels are too many; shrink it below {LARGEST_IMAGE // 10**6} megapixels"
            )
        try:
            image.load()
            upright = ImageOps.exif_transpose(image)
        except (OSError, ValueError, SyntaxError, IndexError) as error:
            raise UserError(f"{path}: the image is damaged or cut short ({error}); save it again") from error
        return _to_rgb(path, upright)


def _to_rgb(path: Path, image: Image.Image) -> np.ndarray:
    if image.mode in _DEEP_GREY:
        grey = np.asarray(image).astype(np.float64)
        # Pillow would clip 16 bits at 255; 8-bit values in a wide mode stay as they are.
        grey = grey / 257.0 if grey.max() > 255 else grey
        return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if image.mode == "F":
        raise UserError(f"{path}: floating-point images have no fixed range; save it as PNG or JPEG")
    if not image.has_transparency_data:
        return np.array(image.convert("RGB"))
    layered = image.convert("RGBA")
    if np.asarray(layered.getchannel("A")).max() == 0:
        raise UserError(f"{path}: the image is wholly transparent; remove its alpha channel")
    white = Image.new("RGBA", layered.size, "white")
    return np.array(Image.alpha_composite(white, layered).convert("RGB"))


def choose_face(faces: list[Face], rule: str | int, frame_size: tuple[int, int]) -> Face:
    """One of several faces: `largest`, `central` (nearest to the middle), or a number, counted from the left from 0.

    Raises:
        UserError: no such rule, or no face of that number.
    """
    if rule == "largest":
        return max(faces, key=lambda face: face.area)
    if rule == "central":
        middle = np.array(frame_size) / 2
        return min(faces, key=lambda face: float(np.hypot(*((face.box[:2] + face.box[2:]) / 2 - middle))))
    if not str(rule).isdigit():
        raise UserError(f"face={rule}: say largest, central, or a number from 0, counted from the left")
    if int(rule) >= len(faces):
        raise UserError(f"face={rule}: there are {len(faces)} faces, numbered from 0 from the left")
    return sorted(faces, key=lambda face: float(face.box[0] + face.box[2]))[int(rule)]


def load_portrait(
    path: str | Path,
    analyser: Analyser,
    crop: CropRule,
    size: int,
    face: str | int = "largest",
    least_face: int = LEAST_FACE,
) -> Portrait:
    """The portrait in an image file, cut by `crop` to size x size.

    face: which of several, see `choose_face`; where there are several, a warning says which one was taken.
    least_face: px of the file's picture; a smaller face (its longer side) is refused. A crop that has to be enlarged
    much, or that reaches over the border, draws a warning.

    Raises:
        UserError: what `read_image` refuses; no face; a face smaller than `least_face`; no face by the rule.
    """
    frame = read_image(path)
    faces = analyser.faces(frame)
    if not faces:
        raise UserError(f"{path}: no face found; the portrait must show an upright human face")
    frame_size = (frame.shape[1], frame.shape[0])
    chosen = choose_face(faces, face, frame_size)
    if chosen.size < least_face:
        raise UserError(f"{path}: the face is only {chosen.size:.0f} px; at least {least_face} px are needed")
    cut = crop.fit(chosen.points[None], chosen.box[None], frame_size)
    notes = []
    if len(faces) > 1:
        notes.append(f"{path}: {len(faces)} faces; took the one at {_place(chosen)} (face={face}); choose with face=")
    if cut.side < size / 1.5:
        notes.append(f"{path}: the crop of {cut.side:.0f} px is enlarged to {size} px and will look soft")
    if cut.outside(frame_size) > 0.1:
        notes.append(f"{path}: the crop reaches over the picture's border, whose pixels are repeated there")
    return Portrait(cut.apply(frame, size), cut.face(chosen, size), cut, tuple(notes))


def _place(face: Face) -> str:
    x, y = (face.box[:2] + face.box[2:]) / 2
    return f"x={x:.0f} y={y:.0f}"
