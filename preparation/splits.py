"""Who belongs to the test split: decided by person, so that no face is in both."""

import hashlib
from collections.abc import Mapping


def assign_splits(given: Mapping[str, str | None], test_fraction: float, seed: int) -> dict[str, str]:
    """Identity -> `train` or `test`.

    A split that the data set gives is kept. Everybody else is put by a hash of seed and name, so that a person stays
    in the same split when others join. Where that leaves `test` or `train` empty although there are two people, the
    one nearest to the border changes sides; with `test_fraction` 0 or 1 nobody does.
    """
    places = {name: _place(name, seed) for name, split in given.items() if split is None}
    splits = {name: split or ("test" if places[name] < test_fraction else "train") for name, split in given.items()}
    if len(given) >= 2 and places and 0 < test_fraction < 1:
        if "test" not in splits.values():
            splits[min(places, key=lambda name: (places[name], name))] = "test"
        elif "train" not in splits.values():
            splits[max(places, key=lambda name: (places[name], name))] = "train"
    return dict(sorted(splits.items()))


def _place(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on the name and the seed alone."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8], "big") / 2**64
