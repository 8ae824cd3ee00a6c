"""Made-up speakers as a source of segments."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datamodules.shard_format import AUDIO_RATE, Segment
from datamodules.synthetic.origin import EMBEDDED, LICENCE
from models.errors import UserError
from preparation.clip import Clip
from preparation.source_audio import read_audio
from preparation.source_video import VideoError

if TYPE_CHECKING:  # torch and the compiled kernels load in the workers alone
    from datamodules.synthetic.speaker import Take

AUDIO_EXTENSIONS = (".aac", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma")
_APART = 1_000_000  # from the first speaker of one seed to the first of the next
_LEAST, _MOST = 1.0, 8.0  # seconds of a clip, as those cut from videos
# The crop that frames a real face as these are filmed (measured: the union of a clip's faces fills 0.63 of the frame)
FRAMING = {"_target_": "preparation.crop.FommCrop", "margin": 0.3}


@dataclass(frozen=True)
class SpokenClip(Clip):
    """One clip of a made-up speaker.

    speaker: their number; number: of the clip; seconds: of the clip; from_second: where it begins in `path`, a
    recording (an empty path: none).
    """

    speaker: int = 0
    number: int = 0
    seconds: float = _LEAST


class Speakers:
    """Made-up speakers; see `datamodules/synthetic`.

    Args:
        size: width and height of the pictures in pixels.
        speakers: how many people.
        clips: of each.
        seconds: of each clip.
        seed: other seeds are other people.
        wavs: a folder of sound files that are spoken instead of made-up sentences; each clip takes the next file, and
            when all were taken, the next stretch of each.
        still: film the first picture of each clip only, which then stays: forty times faster, for what learns from
            sound and tracks alone.
    """

    def __init__(
        self,
        size: int,
        speakers: int = 24,
        clips: int = 4,
        seconds: float = 4.0,
        seed: int = 0,
        wavs: str | None = None,
        still: bool = False,
    ) -> None:
        if size < 32 or size % 2:
            raise UserError(f"size={size}: it must be even and at least 32")
        for name, count in (("speakers", speakers), ("clips", clips)):
            if not 1 <= count < _APART:
                raise UserError(f"source.{name}={count}: it must be at least 1 and less than {_APART}")
        if not _LEAST <= seconds <= _MOST:
            raise UserError(f"source.seconds={seconds}: a clip lasts from {_LEAST:g} to {_MOST:g} seconds")
        if seed < 0:
            raise UserError(f"source.seed={seed}: it must not be negative")
        self._size, self.speakers, self.clips_each, self.seconds, self.seed = size, speakers, clips, seconds, seed
        self.wavs = None if wavs is None else Path(wavs).expanduser()
        self.still = still

    @property
    def size(self) -> int:
        """Of the pictures in pixels."""
        return self._size

    @property
    def analyser(self) -> dict[str, str]:
        """See `Source`: nobody had to look for the faces."""
        return dict(EMBEDDED)

    def clips(self) -> list[Clip]:
        """See `Source`."""
        recordings = None if self.wavs is None else self._recordings(self.wavs)
        return [
            self._clip(person, number, recordings)
            for person in range(self.speakers)
            for number in range(self.clips_each)
        ]

    def segments(self, clip: Clip) -> Iterator[Segment]:
        """See `Source`: one."""
        from datamodules.synthetic import speaker

        take = self.rehearse(clip)
        yield speaker.segment(take, np.arange(take.frames), self.size, clip.source, self.still)

    def rehearse(self, clip: Clip) -> "Take":
        """What happens in a clip.

        Raises:
            VideoError: its recording cannot be used.
        """
        from datamodules.synthetic import speaker

        if not isinstance(clip, SpokenClip):
            raise TypeError(f"{clip.key} is of another source")
        recording = None if self.wavs is None else self._recording(clip)
        return speaker.rehearse(speaker.draw_speaker(clip.speaker), clip.number, clip.seconds, recording)

    def _clip(self, person: int, number: int, recordings: list[Path] | None) -> SpokenClip:
        speaking = self.seed * _APART + person
        path, source, start = Path(), f"speaker {speaking}, clip {number}", 0.0
        if recordings is not None and self.wavs is not None:
            turn, which = divmod(person * self.clips_each + number, len(recordings))
            path, start = recordings[which], turn * self.seconds
            source = path.relative_to(self.wavs).as_posix() if path != self.wavs else path.name
        return SpokenClip(
            dataset="synthetic",
            identity=f"{speaking:08d}",
            name=f"{number:04d}",
            path=path,
            source=source,
            start=start,
            licence=LICENCE if recordings is None else f"{LICENCE}; the sound is as {self.wavs} says",
            speaker=speaking,
            number=number,
            seconds=self.seconds,
        )

    def _recordings(self, folder: Path) -> list[Path]:
        if not folder.exists():
            raise UserError(f"source.wavs={folder} does not exist")
        found = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
        recordings = [path for path in found if path.suffix.lower() in AUDIO_EXTENSIONS]
        if not recordings:
            raise UserError(f"source.wavs={folder} holds no sound file ({', '.join(AUDIO_EXTENSIONS)})")
        return recordings

    def _recording(self, clip: SpokenClip) -> np.ndarray:
        """The stretch of a recording that the clip speaks; a file too short for it begins again."""
        samples = read_audio(clip.path, AUDIO_RATE)
        if samples is None or len(samples) < _LEAST * AUDIO_RATE:
            raise VideoError("no_sound", "no sound of at least a second could be read")
        start, count = round(clip.start * AUDIO_RATE), round(clip.seconds * AUDIO_RATE)
        rest = len(samples) - start % len(samples)
        return samples[-rest:][:count] if rest >= _LEAST * AUDIO_RATE else samples[:count]
