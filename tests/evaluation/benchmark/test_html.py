import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.benchmark.build import full_table, paper_tables
from evaluation.benchmark.collect import blocks, collect
from evaluation.benchmark.html import gather_media, in_words, to_html
from evaluation.benchmark.layout import Layout
from evaluation.benchmark.plots import Plot
from tests.evaluation.benchmark.made_up import histogram, row, score, write_rows
from tests.evaluation.benchmark.test_tables import LAYOUT, scored

NASTY = "</script><b>a_b & 50%</b>"


class Elements(HTMLParser):
    """Every element with its attributes, and what stands in the lines of the tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def having(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(tmp_path: Path) -> Elements:
    metrics = {"CSIM[dlib]": score(0.9, higher=True, stand_in="dlib", histogram=histogram(0.9))}
    write_rows(tmp_path / "results", row(NASTY, metrics, unavailable={"LPIPS": NASTY}), scored("a", 0.9, "toy/same"))
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "results" / "grid.png")
    every = blocks(collect([tmp_path]))
    tables = [full_table(every[0], "full"), *paper_tables(Layout(**LAYOUT), every)]
    plot = Plot("x.png", b"png", "a plot", "what it shows")
    text = to_html(tables, [plot], every, NASTY, "today", 10**6)
    assert "NASTY" not in text
    return Elements(text)


def test_is_well_formed_and_asks_for_nothing(page: Elements) -> None:
    assert page.open == []
    sources = [
        value or ""
        for _, attributes in page.elements
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "poster", "action", "data")
    ]
    assert sources
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page.text)
    (policy,) = [item["content"] for item in page.having("meta") if "http-equiv" in item]
    assert policy is not None and policy.startswith("default-src 'none'")


def test_what_comes_from_rows_is_text(page: Elements) -> None:
    assert not page.having("b")
    assert NASTY in page.text
    assert len(page.having("script")) == 1


def test_can_be_used_without_seeing(page: Elements) -> None:
    assert all(image.get("alt") for image in page.having("img"))
    assert all(video.get("aria-label") for video in page.having("video"))
    assert all(head.get("scope") in ("col", "row", "colgroup", "rowgroup") for head in page.having("th"))
    names = {attributes.get("id") for _, attributes in page.elements}
    assert {(link["href"] or "")[1:] for link in page.having("a")} <= names


def test_says_how_numbers_were_made(page: Elements) -> None:
    for told in ("fingerprint 41c20e077af77801", "6cc72fb417b1", "torch 2.14.1", "dlib CC0-1.0", "Reported by P"):
        assert told in page.text
    assert "python evaluate.py 'method=" in page.text
    (facts,) = [json.loads(text) for text in re.findall(r"\{\n .*?\n\}", page.text, re.DOTALL)[:1]]
    assert "histogram" not in facts["metrics"].get("CSIM[dlib]", {})


def test_pictures_come_before_videos_and_what_does_not_fit_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = write_rows(tmp_path / name, row(name, {"L1": score(0.1)}))
        (folder / "sample.mp4").write_bytes(bytes(40_000))
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "grid.png")
    (tmp_path / "b" / "grid.png").write_bytes(b"no picture")
    every = blocks(collect([tmp_path]))
    first, second = gather_media(every, 50_000)
    assert (first.title, bool(first.picture), len(first.videos), first.left_out) == ("a, same_identity", True, 1, ())
    assert (second.picture, second.videos) == ("", ())
    assert [Path(text.split(" (")[0]).name for text in second.left_out] == ["grid.png", "sample.mp4"]
    assert gather_media(every, 0)[0].videos == ()
    (tmp_path / "a" / "sample_2.mp4").write_bytes(bytes(10))
    first, second = gather_media(every, 90_000)
    assert [len(item.videos) for item in (first, second)] == [2, 1]


def test_plain_values_in_words() -> None:
    assert in_words({"a": 1, "b": [2, 3], "c": None, "d": {}}) == "a 1; b 2, 3; c all; d none"
    assert in_words(None) == "not given"
