"""Where segments come from: videos of people here, made-up speakers in `synthetic.py`."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from datamodules.shard_format import Segment
from models.errors import UserError
from preparation.clip import Clip
from preparation.coefficients import Estimator, Nothing, add
from preparation.faces import Analyser
from preparation.planning import SegmentRules
from preparation.segments import segments
from preparation.trees import VideoTree


class Source(Protocol):
    """Lists clips in the main process, and gives the segments of each in worker processes (so it must be picklable)."""

    @property
    def size(self) -> int:
        """Of the pictures in pixels."""
        ...

    @property
    def analyser(self) -> Mapping[str, str]:
        """Name, version and licence of what knows where the faces are."""
        ...

    def clips(self) -> list[Clip]:
        """What there is, sorted by key; `UserError` when that is nothing."""
        ...

    def segments(self, clip: Clip) -> Iterator[Segment]:
        """The segments of a clip in the order of time; `VideoError` when it has none."""
        ...


class Videos:
    """Videos of people, found in a folder tree, analysed, tracked, cut and cropped.

    Args:
        tree: how the data set lies in its folder.
        input: the folder, a video, or a list.
        rules: what becomes of a clip.
        make_analyser: makes the face analyser; called once per process that analyses.
        coefficients: adds 3DMM coefficients to each segment.
    """

    def __init__(
        self,
        tree: VideoTree,
        input: str | None,
        rules: SegmentRules,
        make_analyser: Callable[[], Analyser],
        coefficients: Estimator | None = None,
    ) -> None:
        self.tree, self.input, self.rules, self.make_analyser = tree, input, rules, make_analyser
        self.coefficients = Nothing() if coefficients is None else coefficients
        self._analyser: Analyser | None = None

    @property
    def size(self) -> int:
        """Of the pictures in pixels."""
        return self.rules.size

    @property
    def analyser(self) -> dict[str, str]:
        """See `Source`; a missing package or model is said here."""
        analyser = self.make_analyser()  # not kept: few analysers can travel to a worker process
        return {"name": analyser.name, "version": analyser.version, "licence": analyser.licence}

    def clips(self) -> list[Clip]:
        """See `Source`."""
        if self.input is None:
            raise UserError("please give input=... (a folder of videos, a video, or a list; see --help)")
        return self.tree.clips(Path(self.input).expanduser())

    def segments(self, clip: Clip) -> Iterator[Segment]:
        """See `Source`."""
        if self._analyser is None:
            self._analyser = self.make_analyser()
        for segment in segments(clip, self._analyser, self.rules):
            yield add(segment, self.coefficients)
