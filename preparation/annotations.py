"""Lists that some data sets publish beside their videos: time spans, crop boxes, and the picture height of the boxes.

Every list is a text file whose lines are a key and values, separated by blanks, as in HDTF:

    spans    Radio11.mp4 00:30-01:00 01:30-02:30     (each span is one clip, numbered from 0)
    boxes    Radio11_0.mp4 412 599 0 599             (of one clip; the order of the numbers is configured)
    heights  Radio11.mp4 720                         (of the picture to which the boxes belong)
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from models.errors import UserError
from preparation.clip import Clip


class ClipLists:
    """Turns one video into its published clips.

    File names and keys are templates over the fields of the tree's pattern; `{index}` is the number of the clip.

    Args:
        spans: file name of the list of time spans.
        spans_key: what its lines begin with.
        boxes: file name of the list of crop boxes.
        boxes_key: what its lines begin with.
        box_order: the meaning of its numbers, of x, y, width, height.
        heights: file name of the list of picture heights.
        heights_key: what its lines begin with.
        folder: where the lists are; default: anywhere below the input.
    """

    def __init__(
        self,
        spans: str,
        spans_key: str,
        boxes: str | None = None,
        boxes_key: str = "",
        box_order: list[str] | None = None,
        heights: str | None = None,
        heights_key: str = "",
        folder: str | None = None,
    ) -> None:
        self.span_list, self.span_key = spans, spans_key
        self.box_list, self.box_key = boxes, boxes_key
        self.box_order = box_order or ["x", "y", "width", "height"]
        self.height_list, self.height_key = heights, heights_key
        self.folder = folder

    def spans(self, clip: Clip, fields: Mapping[str, str], root: Path) -> Iterator[Clip]:
        """The clips that the lists name for one video; none where the video is not listed."""
        spans = self._values(self.span_list, self.span_key, fields, root)
        heights = self._values(self.height_list, self.height_key, fields, root)
        for index, span in enumerate(spans):
            start, end = (_seconds(text, span) for text in span.split("-"))
            numbers = self._values(self.box_list, self.box_key, {**fields, "index": str(index)}, root)
            box = None
            if self.box_list is not None:
                if len(numbers) != 4:
                    continue  # HDTF leaves out the boxes of clips that its makers found unfit
                at = dict(zip(self.box_order, map(float, numbers)))
                box = (at["x"], at["y"], at["x"] + at["width"], at["y"] + at["height"])
            yield replace(
                clip,
                name=f"{clip.name}_{index:03d}",
                start=start,
                end=end,
                box=box,
                box_height=int(heights[0]) if heights else None,
            )

    def _values(self, file: str | None, key: str, fields: Mapping[str, str], root: Path) -> list[str]:
        if file is None:
            return []
        return _read_list(file.format(**fields), Path(self.folder) if self.folder else root).get(
            key.format(**fields), []
        )


@lru_cache(maxsize=64)
def _read_list(name: str, folder: Path) -> dict[str, list[str]]:
    """Key -> values of the first file of that name below a folder."""
    path = next(iter(sorted(folder.rglob(name))), None)
    if path is None:
        raise UserError(f"the list {name} is not below {folder}; copy it there or set data.annotations.folder")
    lines = [line.split() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    return {words[0]: words[1:] for words in lines if words}


def _seconds(text: str, span: str) -> float:
    """`ss`, `mm:ss` or `hh:mm:ss` in seconds."""
    try:
        total = 0.0
        for part in text.split(":"):
            total = total * 60 + float(part)
    except ValueError as error:
        raise UserError(f"'{span}' is not a time span such as 00:30-01:00") from error
    return total
