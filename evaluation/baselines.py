"""The rows that frame every table: what doing nothing scores, what the truth does, what anybody's video does."""

import random
from collections.abc import Iterator, Sequence

from torch import Tensor

from datamodules.clip_shards import Clip, ClipShards
from evaluation.protocol import Pair, identity_of
from models.images import to_images

UNMOVED_SOURCE = "unmoved_source"  # shows the source all the time
GROUND_TRUTH = "ground_truth"  # shows the driving: the truth, or with another identity the best motion to be had
RANDOM_OTHER_IDENTITY = "random_other_identity"  # shows a clip of a third person
BASELINES = (UNMOVED_SOURCE, GROUND_TRUTH, RANDOM_OTHER_IDENTITY)


def third_person(clips: ClipShards, pair: Pair, seed: int) -> Clip | None:
    """A clip of somebody who is neither source nor driving, drawn by the seed and the pair; None if there is nobody."""
    known = {identity_of(pair.source), identity_of(pair.driving)}
    others = sorted((clip for clip in clips if identity_of(clip.key) not in known), key=lambda clip: clip.key)
    return random.Random(f"{seed}/{pair.key}/third").choice(others) if others else None


def shown(clip: Clip, moments: Sequence[int], size: int, piece: int) -> Iterator[Tensor]:
    """Frames `(n, 3, size, size)` of a clip in pieces."""
    for start in range(0, len(moments), piece):
        yield to_images(clip.frames(list(moments[start : start + piece]), size))


def there_and_back(clip: Clip, count: int) -> list[int]:
    """`count` frame numbers of a clip, forwards and backwards again, so that nothing jumps."""
    forth = list(range(clip.first, clip.last))
    cycle = forth + forth[-2:0:-1]
    return [cycle[number % len(cycle)] for number in range(count)]
