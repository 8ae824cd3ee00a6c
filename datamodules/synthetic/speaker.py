"""A made-up speaker, and their clips as segments of shards with exact truth."""

from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from datamodules.shard_format import AUDIO_RATE, Segment
from datamodules.synthetic.embedded import head
from datamodules.synthetic.motion import expression_array
from datamodules.synthetic.origin import EMBEDDED, LICENCE, VERSION
from datamodules.synthetic.performance import Performance, perform
from datamodules.synthetic.person import Person, draw_person
from datamodules.synthetic.phonemes import VISEMES
from datamodules.synthetic.studio import film
from datamodules.synthetic.style import Style, draw_style
from datamodules.synthetic.voice import Voice, draw_voice
from datamodules.video import FPS
from models.face3d.camera import Camera
from models.face3d.coefficients import Coefficients
from models.face3d.rotation import place

_VOICE, _STYLE, _CLIP = 101, 102, 103  # streams of random numbers
_PIECE = 50  # frames whose truth is computed at once


@dataclass(frozen=True, eq=False)
class Speaker:
    """Looks, voice and habits, all drawn from one number."""

    number: int
    person: Person
    voice: Voice
    style: Style

    @property
    def name(self) -> str:
        """Part of keys."""
        return f"{self.number:08d}"


@dataclass(frozen=True, eq=False)
class Take:
    """One clip before it is filmed: what happens, and its coefficients (T, ...) of the procedural head."""

    speaker: Speaker
    number: int
    performance: Performance
    coefficients: Coefficients

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.performance.visemes)


@lru_cache(maxsize=4)  # what is made ready for filming hangs on the person
def draw_speaker(number: int) -> Speaker:
    """The speaker of a number: the same everywhere."""
    person = draw_person(number)
    voice = draw_voice(np.random.default_rng((number, _VOICE)), 0.8 if person.man else 0.2)
    return Speaker(number, person, voice, draw_style(np.random.default_rng((number, _STYLE))))


def rehearse(speaker: Speaker, number: int, seconds: float, recording: np.ndarray | None = None) -> Take:
    """What happens in clip `number` of a speaker, `seconds` long.

    recording: (N,) sound at 16 kHz that is spoken instead of a made-up sentence; cut or filled up to `seconds`.
    """
    frames, person, model = round(seconds * FPS), speaker.person, head()
    rng = np.random.default_rng((speaker.number, _CLIP, number))
    performance = perform(rng, speaker.voice, speaker.style, frames, recording)
    motion = performance.motion
    low, high = model.expression_low.numpy(), model.expression_high.numpy()
    expression = expression_array(motion.expression, model.expression_names, low, high)

    def every(part: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(part, np.float32)).expand(frames, -1).contiguous()

    coefficients = Coefficients(
        identity=every(person.identity),
        expression=torch.from_numpy(expression),
        texture=every(person.texture),
        rotation=every(motion.rotation),
        translation=every(motion.translation),
        lighting=every(person.lighting),
        gaze=every(motion.gaze),
    )
    return Take(speaker, number, performance, coefficients)


def clip(
    speaker_number: int, number: int, seconds: float, size: int, recording: np.ndarray | None = None, source: str = ""
) -> Segment:
    """Clip `number` of a speaker: pictures (T, size, size, 3), sound and exact tracks; its split is still None.

    Args:
        speaker_number: the speaker's seed.
        number: of the clip.
        seconds: of the clip; T is 25 of each.
        size: of the pictures in pixels, even.
        recording: see `rehearse`.
        source: where a recording comes from, for the info.
    """
    take = rehearse(draw_speaker(speaker_number), number, seconds, recording)
    return segment(take, np.arange(take.frames), size, source)


def segment(take: Take, frames: np.ndarray, size: int, source: str = "", still: bool = False) -> Segment:
    """The pictures of some frames (n,) of a take with their truth; with the sound where these are all of them.

    still: the first picture stays, while everything else goes on.
    """
    coefficients, performance = take.coefficients[torch.from_numpy(frames)], take.performance
    whole = len(frames) == take.frames
    pictures = film(take.speaker.person, coefficients[:1] if still else coefficients, size)
    if still:
        pictures = np.repeat(pictures, len(frames), axis=0)
    alignment = np.tile(np.array([size, size, 224 / size, size / 2, size / 2], np.float32), (len(frames), 1))
    arrays = {name: part.numpy() for name, part in coefficients.to_arrays().items()}
    landmarks = truth(coefficients, size)
    tracks = {
        "landmarks": landmarks,
        f"coefficients_{head().name}": {**arrays, "alignment": alignment},
        "visemes": {"viseme": performance.visemes[frames]},
    }
    key = f"synthetic/{take.speaker.name}/{take.number:04d}/0000"
    info = _info(take, landmarks["points"], size, source)
    if still:
        info["decisions"]["notes"].append("its first picture stays all along")
    return Segment(key, info, pictures, performance.audio if whole else None, tracks)


def truth(coefficients: Coefficients, size: int) -> dict[str, np.ndarray]:
    """Landmarks (T, 68, 2) and pupils (T, 2, 2) in pixels of a `size` x `size` picture, score (T,); float32."""
    model, camera = head(), Camera.deep3d(size)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(coefficients.identity), _PIECE):
        part = coefficients[start : start + _PIECE]
        shape = model.shape(part.identity, part.expression, part.gaze)
        pixels = [
            camera.project(camera.view(place(points, part.rotation, part.translation))).numpy()
            for points in (model.landmarks68(shape), model.pupils(shape))
        ]
        found.append((pixels[0], pixels[1]))
    points, pupils = (np.concatenate(parts) for parts in zip(*found, strict=True))
    score = np.ones(len(coefficients.identity), np.float32)
    return {"points": points, "pupils": pupils, "score": score}


def _info(take: Take, points: np.ndarray, size: int, source: str) -> dict[str, Any]:
    """The `json` member; see `preparation/segments.py` for what segments of videos say there."""
    speaker, performance, model = take.speaker, take.performance, head()
    count, box = take.frames, points.max(1) - points.min(1)
    return {
        "dataset": "synthetic",
        "identity": speaker.name,
        "clip": f"{take.number:04d}",
        "segment": "0000",
        "source": source or f"speaker {speaker.number}, clip {take.number}",
        "span": [0.0, round(count / FPS, 3)],
        "fps": FPS,
        "frames": count,
        "size": size,
        "split": None,
        "crop": None,
        "audio": {"rate": AUDIO_RATE, "source_rate": AUDIO_RATE, "source_channels": 1, "start_s": 0.0, "beside": False},
        "av_offset_s": 0.0,
        "analyser": dict(EMBEDDED),
        "coefficients": {
            model.name: {
                "model_version": model.version,
                "estimator": "truth",
                "estimator_version": VERSION,
                "licence": LICENCE,
            }
        },
        "licence": LICENCE,
        "video": None,
        "visemes": list(VISEMES),
        "phonemes": [
            [sound.phoneme.symbol, round(sound.start, 4), round(sound.end, 4), sound.stress]
            for sound in performance.sounds
        ],
        "voice": _rounded(asdict(speaker.voice)),
        "style": _rounded(asdict(speaker.style)),
        "decisions": {"face_px": round(float(np.median(box.max(1))), 1), "notes": []},
    }


def _rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Numbers for reading, and of the same text everywhere."""
    return {k: round(v, 4) if isinstance(v, float) else [round(x, 4) for x in v] for k, v in values.items()}
