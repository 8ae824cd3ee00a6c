"""Pictures G(T'(f)), made behind a changed feature f, beside changed pictures T(G(f)), and how far they are apart.

Letters: B pictures, N codes, W numbers of a code, S side of a picture.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

from models.errors import UserError
from models.stylegan.generator import Generator
from models.stylegan.synthesis import Access, State
from models.warps import Change, Occlusion, rotation, shear, thin_plate, translation, zoom

NOISE = "none"  # StyleHEAT's generator adds none; noise would stay where it is while the picture moves
WINDOW = 11  # of SSIM, pixels
NOTHING_CHANGED = ""  # instead of a layer


def changes() -> dict[str, Change]:
    """What is done to picture and feature, by name; the amounts are ours."""
    bends = 0.12 * torch.randn(1, 4, 4, 2, generator=torch.Generator().manual_seed(5))
    return {
        "translation": translation(0.3125, 0.1875),
        "rotation": rotation(math.pi / 9),
        "zoom": zoom(0.75),
        "shear": shear(0.3),
        "occlusion": Occlusion(-0.5, 0.1, 0.25, 0.65),
        "thin plate": thin_plate(bends),
    }


@dataclass(frozen=True)
class Trial:
    """One change behind one layer.

    Attributes:
        change: its name.
        layer: whose feature was changed.
        side: of that feature.
        skip: whether the picture that the sizes before add up to was changed too; StyleHEAT leaves it as it is.
        made: G(T'(f)), (B, 3, S, S).
        wanted: T(G(f)).
        inside: where `wanted` shows a part of the picture, (1, S, S).
    """

    change: str
    layer: str
    side: int
    skip: bool
    made: Tensor
    wanted: Tensor
    inside: Tensor


def layers(generator: Generator) -> dict[str, int]:
    """The first layer of every size, and that size: conv4, up8, up16, ...

    Raises:
        UserError: a generator whose pictures are no sums over sizes.
    """
    states = generator(torch.zeros(1, generator.codes, generator.w_dim), NOISE, Access(keep=generator.names)).states
    if any(states[name].image is None for name in generator.names[1:]):
        raise UserError("the study is of StyleGAN2, whose pictures are sums over sizes; this is another generator")
    first: dict[int, str] = {}
    for name in generator.names:
        first.setdefault(states[name].feature.shape[-1], name)
    return {name: side for side, name in first.items()}


def middle(names: Sequence[str]) -> str:
    """The layer half-way between the smallest and the largest size: StyleHEAT's 64 of 1024."""
    return names[(len(names) - 1) // 2]


@torch.inference_mode()
def trials(generator: Generator, codes: Tensor, at: Sequence[str]) -> Iterator[Trial]:
    """For codes (B, N, W): every change of nothing, then behind every layer of `at`, without and with the skip."""
    whole = generator(codes, NOISE, Access(keep=at))
    for name, change in changes().items():
        wanted, inside = change.image(whole.image), change.inside(*whole.image.shape[2:])
        yield Trial(name, NOTHING_CHANGED, 0, False, whole.image, wanted, inside)
        for layer in at:
            state = whole.states[layer]
            both = State(change.image(state.feature), None if state.image is None else change.image(state.image))
            for skip, access in ((False, Access(edits={layer: change.image})), (True, Access(start=(layer, both)))):
                made = generator(codes, NOISE, access).image
                yield Trial(name, layer, state.feature.shape[-1], skip, made, wanted, inside)


def distances(trial: Trial) -> dict[str, Tensor]:
    """Numbers (B,) over the pixels whose surroundings are inside.

    `L1` in units of the [0, 1] range; `SSIM`; `detail`: mean |pixel - mean of 3 x 3 pixels| of the made picture over
    that of the wanted one: below 1 it is blurred, above 1 it is torn.
    """
    made, wanted = trial.made.clamp(-1, 1), trial.wanted.clamp(-1, 1)
    inside = F.max_pool2d(1 - trial.inside.float(), WINDOW, stride=1, padding=WINDOW // 2) == 0
    _, similar = structural_similarity_index_measure(
        (made + 1) / 2, (wanted + 1) / 2, data_range=1.0, reduction="none", return_full_image=True
    )
    return {
        "L1": mean_inside((made - wanted).abs() / 2, inside),
        "SSIM": mean_inside(similar, inside),
        "detail": mean_inside(detail(made), inside) / mean_inside(detail(wanted), inside),
    }


def detail(image: Tensor) -> Tensor:
    """What differs from the mean of 3 x 3 pixels, absolute."""
    return (image - F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="reflect"), 3, 1)).abs()


def mean_inside(values: Tensor, inside: Tensor) -> Tensor:
    """Mean of (B, C, S, S) over colours and the pixels inside, (B,)."""
    weight = inside[:, None].to(values.dtype).expand(values.shape)
    return (values * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))
