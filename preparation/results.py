"""What has become of each clip, kept aside until all are done, so that a killed run goes on where it was."""

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from datamodules.shard_format import Kind, Segment, encode_segment
from models.aside import own_part, written_aside
from models.errors import UserError
from preparation.clip import Clip
from preparation.source_video import VideoError
from preparation.sources import Source


@dataclass(frozen=True)
class Outcome:
    """The result of one clip: its segments, or the reason why it has none."""

    key: str
    source: str
    identity: str
    split: str | None
    segments: int = 0
    frames: int = 0
    reason: str | None = None
    detail: str = ""


class Results:
    """One record (and, for a clip with segments, one tar of their members) per clip in a folder.

    The record is written last and renamed into place: a clip without it is simply done again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def identify(self, clip: Clip) -> str:
        """A name for a clip in its present state: another file or another span has another name."""
        state = clip.path.stat() if clip.path.is_file() else None
        parts = [clip.key, clip.path, clip.audio, clip.start, clip.end, clip.box, clip.box_height]
        parts += [clip.split, clip.licence, state and state.st_size, state and state.st_mtime_ns]
        return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:24]

    def outcome(self, name: str) -> Outcome | None:
        """The record of a clip, or None."""
        path = self.folder / f"{name}.json"
        return Outcome(**json.loads(path.read_bytes())) if path.is_file() else None

    def record(self, name: str, outcome: Outcome) -> None:
        """Writes the record of a clip."""
        with written_aside(self.folder / f"{name}.json") as part:
            part.write_text(json.dumps(asdict(outcome), ensure_ascii=False), encoding="utf-8")

    def store(self, name: str, clip: Clip, found: Iterator[Segment], kind: Kind, crf: int) -> Outcome:
        """Writes the segments of a clip as they come, then its record; a `VideoError` becomes the reason."""
        count = frames = 0
        reason, detail = None, ""
        part = own_part(self.folder / f"{name}.tar")
        try:
            with tarfile.open(part, "w") as tar:
                for segment in found:
                    for field, data in sorted(encode_segment(segment, kind, crf).items()):
                        member = tarfile.TarInfo(f"{segment.key}.{field}")
                        member.size = len(data)
                        tar.addfile(member, io.BytesIO(data))
                    count, frames = count + 1, frames + len(segment.frames)
            if count:
                part.replace(self.folder / f"{name}.tar")
        except VideoError as error:
            reason, detail, count, frames = error.reason, error.detail, 0, 0
        except OSError as error:
            raise UserError(f"cannot write to {self.folder}: {error.strerror or error}") from error
        finally:
            part.unlink(missing_ok=True)
        outcome = Outcome(clip.key, clip.source, clip.identity, clip.split, count, frames, reason, detail)
        self.record(name, outcome)
        return outcome

    def members(self, name: str) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Yields (key, members) of the segments of a clip."""
        key, members = "", dict[str, bytes]()
        with tarfile.open(self.folder / f"{name}.tar") as tar:
            for entry in tar:
                here, _, field = entry.name.partition(".")
                if here != key and members:
                    yield key, members
                    members = {}
                key = here
                file = tar.extractfile(entry)
                if file is not None:
                    with closing(file):
                        members[field] = file.read()
        if members:
            yield key, members


class ClipWorker:
    """Prepares clips, one call each, in a worker process on any machine that sees the same folders.

    Args:
        source: gives the segments of a clip.
        results: where the outcome is written.
        kind: of the shards.
        crf: quality of the mp4 members.
    """

    def __init__(self, source: Source, results: Path, kind: Kind, crf: int) -> None:
        self.source = source
        self.results = Results(results)
        self.kind, self.crf = kind, crf

    def __call__(self, name: str, clip: Clip) -> Outcome:
        """Does the clip and records its outcome under `name`."""
        _one_thread()
        return self.results.store(name, clip, self.source.segments(clip), self.kind, self.crf)


def _one_thread() -> None:
    """Workers share the cores; and sums keep their order."""
    import cv2

    cv2.setNumThreads(1)
    for library, setter in (("torch", "set_num_threads"), ("numba", "set_num_threads")):
        if library in sys.modules:
            getattr(sys.modules[library], setter)(1)
