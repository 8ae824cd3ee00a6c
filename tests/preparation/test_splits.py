from hypothesis import given
from hypothesis import strategies as st

from preparation.splits import assign_splits

names = st.sets(st.text("abcdefgh", min_size=1, max_size=6), min_size=2, max_size=60)


@given(names, st.floats(0.01, 0.99), st.integers(0, 100))
def test_both_splits_have_somebody(people: set[str], fraction: float, seed: int) -> None:
    splits = assign_splits(dict.fromkeys(people), fraction, seed)
    assert set(splits.values()) == {"train", "test"}
    assert splits == assign_splits(dict.fromkeys(sorted(people, reverse=True)), fraction, seed)


def test_people_stay_where_they_are_when_others_join() -> None:
    few = [f"person{n}" for n in range(200)]
    many = few + [f"guest{n}" for n in range(300)]
    before, after = assign_splits(dict.fromkeys(few), 0.2, 3), assign_splits(dict.fromkeys(many), 0.2, 3)
    assert all(after[name] == before[name] for name in few)
    assert 0.15 < sum(split == "test" for split in after.values()) / 500 < 0.25
    assert assign_splits(dict.fromkeys(few), 0.2, 4) != before


def test_given_splits_and_the_ends_are_kept() -> None:
    assert assign_splits({"a": "test", "b": "train", "c": None}, 0.0, 0) == {"a": "test", "b": "train", "c": "train"}
    assert set(assign_splits(dict.fromkeys("abcdef"), 0.0, 0).values()) == {"train"}
    assert set(assign_splits(dict.fromkeys("abcdef"), 1.0, 0).values()) == {"test"}
    assert assign_splits({"alone": None}, 0.1, 0) == {"alone": "train"}
