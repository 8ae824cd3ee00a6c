"""One clip of a speaker before anything is drawn: sound, and the motion that belongs to it."""

from dataclasses import dataclass

import numpy as np

from datamodules.synthetic import mouth
from datamodules.synthetic.motion import Motion, move
from datamodules.synthetic.speech import Accent, Sound, draw_utterance
from datamodules.synthetic.style import Style
from datamodules.synthetic.voice import RATE, Voice, speak

FPS = 25
_PER_FRAME = RATE // FPS


@dataclass(frozen=True)
class Performance:
    """audio: (640 T,) float32 at 16 kHz; motion: of T frames; mouth: (T, 7), see `mouth.NUMBERS`;
    visemes: (T,) int64 index into `phonemes.VISEMES`; sounds: what is said, empty for a given recording;
    accents: what the head beats on; phrases: start and end in seconds.

    Frame i shows the middle of its own stretch of sound, second (i + 0.5) / 25.
    """

    audio: np.ndarray
    motion: Motion
    mouth: np.ndarray
    visemes: np.ndarray
    sounds: tuple[Sound, ...]
    accents: tuple[Accent, ...]
    phrases: tuple[tuple[float, float], ...]


def perform(
    rng: np.random.Generator, voice: Voice, style: Style, frames: int, recording: np.ndarray | None = None
) -> Performance:
    """A random sentence, or a given recording, spoken by somebody.

    Args:
        rng: all that differs between two clips of the same speaker.
        voice: of the speaker; a recording has its own.
        style: of the speaker.
        frames: T.
        recording: (N,) at 16 kHz; cut or filled up with silence to T frames.
    """
    times = (np.arange(frames) + 0.5) / FPS
    if recording is not None:
        audio = np.zeros(frames * _PER_FRAME, np.float32)
        audio[: min(len(recording), len(audio))] = recording[: len(audio)]
        from datamodules.synthetic.listening import listen  # scipy's filters take a second to load

        sounds: tuple[Sound, ...] = ()
        heard = listen(audio, times, style.articulation)
        path, accents, phrases = heard.mouth, heard.accents, heard.phrases
        visemes = mouth.nearest_visemes(path)
    else:
        utterance = draw_utterance(rng, frames / FPS, voice.rate)
        audio = speak(utterance, voice, rng)
        path, visemes = mouth.follow(utterance, times, style.articulation), mouth.visemes(utterance, times)
        accents, phrases, sounds = utterance.accents(), utterance.phrases(), utterance.sounds
    motion = move(rng, style, times, path, accents, phrases)
    return Performance(audio, motion, path, visemes, sounds, accents, phrases)
