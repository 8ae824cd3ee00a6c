"""What made-up speakers look and sound like, before any shard is written."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from datamodules.shard_format import Segment
from datamodules.synthetic import speaker
from datamodules.video import VideoWriter
from models.aside import written_aside
from preparation.clip import Clip
from preparation.describe import COLUMNS, contact_sheet
from preparation.synthetic import Speakers

SHEET, VIDEO, PORTRAIT = "preview.png", "preview.mp4", "portrait.png"


def write_preview(source: Speakers, output: Path, rows: int) -> None:
    """Writes a contact sheet of the speakers, the first clip of the first one with sound, a portrait of the last one.

    Args:
        source: of the speakers.
        output: the folder; files of the same names are overwritten.
        rows: how many clips the sheet shows, spread evenly over the speakers.
    """
    clips = source.clips()
    chosen = [clips[number * len(clips) // rows] for number in range(rows)] if rows < len(clips) else clips
    with written_aside(output / SHEET) as part:
        contact_sheet([_glimpse(source, clip) for clip in chosen], True, _caption).save(part, format="PNG")
    first = next(source.segments(clips[0]))
    tags = {"comment": "synthetic: made by Figurehead, shows nobody"}
    with VideoWriter(output / VIDEO, (source.size, source.size), audio=first.audio, metadata=tags) as video:
        for frame in first.frames:
            video.write(frame)
    last = source.rehearse(clips[-1])
    portrait = speaker.segment(last, np.array([0]), source.size, clips[-1].source).frames[0]
    with written_aside(output / PORTRAIT) as part:
        Image.fromarray(portrait).save(part, format="PNG")
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    say(f"{len(chosen)} of {len(clips)} clips: {output / SHEET}; {clips[0].key} with its sound: {output / VIDEO}")
    say(f"{clips[-1].key}, to be animated by it: {output / PORTRAIT}")


def _glimpse(source: Speakers, clip: Clip) -> Segment:
    """A few pictures of a clip, evenly spread: filming all would take minutes."""
    take = source.rehearse(clip)
    return speaker.segment(take, np.linspace(0, take.frames - 1, COLUMNS).astype(int), source.size, clip.source)


def _caption(segment: Segment) -> str:
    info = segment.info
    face, pitch = info["decisions"]["face_px"], info["voice"]["pitch"]
    return f"{segment.key}  {info['frames'] / info['fps']:g} s, face {face:.0f} px, voice at {pitch:.0f} Hz"
