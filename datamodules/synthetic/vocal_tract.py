"""From timed sounds to the values that steer the synthesiser, 200 per second."""

from dataclasses import dataclass

import numpy as np

from datamodules.synthetic.speech import Sound, Utterance

CONTROL_RATE = 200
_SHUT_NOSE = 270.0  # Hz of the nasal zero where it cancels the pole
_HIGHER = np.array([[3500.0, 200.0], [4500.0, 300.0]])  # F4 and F5: Hz and bandwidth
_WIDTHS = np.array([60.0, 80.0, 130.0])  # bandwidths of F1 to F3
_FLIGHT = 13  # control values over which the tongue moves: 65 ms
_RELEASE = 0.012  # seconds of a stop's burst


@dataclass(frozen=True)
class Controls:
    """Tracks with n values, `CONTROL_RATE` per second.

    source: (n, 3) pitch in Hz, loudness of the voice, loudness of breath;
    resonators: (n, 5, 2) Hz and bandwidth of F1 to F5;
    nasal: (n,) Hz of the nose's zero; `_SHUT_NOSE` when it is shut;
    noise: (n, 3) Hz, bandwidth and loudness of the noise of a narrowing.
    """

    source: np.ndarray
    resonators: np.ndarray
    nasal: np.ndarray
    noise: np.ndarray


def controls(utterance: Utterance, pitch: float, melody: float, tract: float, rng: np.random.Generator) -> Controls:
    """How a vocal tract makes an utterance.

    Args:
        utterance: what to say.
        pitch: Hz, mean.
        melody: semitones of a strong accent.
        tract: scale of the formants.
        rng: of the melody's details.
    """
    count = round(utterance.seconds * CONTROL_RATE) + 2
    times = np.arange(count) / CONTROL_RATE
    voiced, breath, nasal, noise = _amplitudes(utterance, times)
    tone = _melody(utterance, times, melody, rng)
    formants = _formants(utterance, times) * tract
    widths = np.broadcast_to(_WIDTHS, formants.shape) * (1 + 0.6 * (nasal != _SHUT_NOSE))[:, None]
    higher = np.broadcast_to(_HIGHER * [min(tract, 1.08), 1.0], (count, 2, 2))
    return Controls(
        source=np.stack([pitch * 2 ** (tone / 12), voiced, breath], axis=1),
        resonators=np.concatenate([np.stack([formants, widths], axis=2), higher], axis=1),
        nasal=nasal,
        noise=noise,
    )


def _formants(utterance: Utterance, times: np.ndarray) -> np.ndarray:
    """(n, 3) Hz: targets held by each sound, consonants leaning to their neighbours, joined by smooth flight."""
    targets = _leaning(utterance.sounds)
    tracks = np.empty((len(times), 3))
    for sound, (first, last) in zip(utterance.sounds, targets, strict=True):
        inside = _inside(times, sound.start, sound.end)
        share = np.clip((times[inside] - sound.start) / max(sound.seconds, 1e-3) * 1.6 - 0.3, 0, 1)[:, None]
        tracks[inside] = first + (last - first) * share
    tracks[times >= utterance.sounds[-1].end] = targets[-1][1]
    return _smooth(tracks, _FLIGHT)


def _leaning(sounds: tuple[Sound, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Formants at the beginning and end of each sound."""
    vowels = [np.array(s.phoneme.formants) if s.phoneme.kind == "vowel" else None for s in sounds]
    found = []
    for number, sound in enumerate(sounds):
        phoneme = sound.phoneme
        here = np.array(phoneme.formants)
        around = (*vowels[number + 1 : number + 3], *vowels[max(number - 2, 0) : number][::-1])
        near = next((vowel for vowel in around if vowel is not None), None)
        if phoneme.kind not in ("vowel", "pause") and near is not None:
            mouth = 1.0 if phoneme.kind == "aspirate" else 0.15  # a consonant's narrowing keeps F1 low
            here = here + (near - here) * np.array([mouth, phoneme.leans, phoneme.leans / 2])
        elif phoneme.kind == "vowel" and not sound.stress:
            here = here + (np.array([500.0, 1480.0, 2450.0]) - here) * 0.25  # weak vowels fall to the middle
        found.append((here, here if phoneme.glide_to is None else np.array(phoneme.glide_to)))
    return found


def _amplitudes(utterance: Utterance, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Loudness of voice and breath (n,), the nasal zero (n,), and the noise (n, 3)."""
    voiced, breath, nasal = np.zeros(len(times)), np.zeros(len(times)), np.full(len(times), _SHUT_NOSE)
    noise = np.tile([4000.0, 2000.0, 0.0], (len(times), 1))
    for sound, after in zip(utterance.sounds, (*utterance.sounds[1:], None), strict=True):
        phoneme, inside = sound.phoneme, _inside(times, sound.start, sound.end)
        voiced[inside] = phoneme.loud * (0.8, 1.0, 1.2)[sound.stress]
        if phoneme.kind == "nasal":
            nasal[inside] = {"M": 800.0, "N": 1500.0}.get(phoneme.symbol, 2600.0)
        if phoneme.kind == "aspirate":
            breath[inside] = 0.5
        if phoneme.noise is not None:
            _make_noise(sound, after, times, noise, voiced, breath)
    voiced = _smooth(voiced, 5) * _fading(utterance, times)
    noise[:, 2] = _smooth(noise[:, 2], 3)
    return voiced, _smooth(breath, 5), nasal, noise


def _make_noise(
    sound: Sound, after: Sound | None, times: np.ndarray, noise: np.ndarray, voiced: np.ndarray, breath: np.ndarray
) -> None:
    """Writes the noise of a fricative, or the closure, burst and breath of a stop, into the tracks."""
    assert sound.phoneme.noise is not None
    hertz, width, loud = sound.phoneme.noise
    opens = sound.closed_until
    if sound.phoneme.kind == "stop":
        burst = _inside(times, opens, max(opens + _RELEASE, opens + 1 / CONTROL_RATE))
        rest = _inside(times, opens + _RELEASE, sound.end)
        if not sound.phoneme.voiced:
            followed = after is not None and after.phoneme.kind in ("vowel", "glide")
            breath[rest] = 0.35 * (1.0 if followed and sound.stress else 0.4)
        else:
            voiced[rest] = 0.6
    else:
        burst = _inside(times, opens, sound.end)
    spread = slice(max(burst.start - 2, 0), burst.stop + 2)  # the smoothed edges keep their colour
    noise[spread, :2] = hertz, width
    noise[burst, 2] = loud


def _melody(utterance: Utterance, times: np.ndarray, melody: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) semitones about the mean pitch: declination and final fall or rise of phrases, accents, slow wander."""
    tone = np.zeros(len(times))
    for start, end in utterance.phrases():
        inside = _inside(times, start - 0.05, end + 0.1)
        share = np.clip((times[inside] - start) / (end - start), 0, 1)
        final = 3.5 if rng.random() < 0.2 else -2.5
        tone[inside] = 1.8 - 3.2 * share + final * np.clip((share - 0.8) / 0.2, 0, 1) ** 1.5
    for accent in utterance.accents():
        height = melody * accent.strength * rng.uniform(0.7, 1.2)
        tone += height * np.exp(-(((times - accent.time - 0.02) / 0.09) ** 2))
    wander = _smooth(rng.standard_normal(len(times)), 61) * 61**0.5
    return _smooth(tone, 15) + 0.25 * wander


def _fading(utterance: Utterance, times: np.ndarray) -> np.ndarray:
    """(n,) factor: a phrase loses breath towards its end."""
    factor = np.ones(len(times))
    for start, end in utterance.phrases():
        share = np.clip((times - start) / (end - start), 0, 1)
        factor = np.where((times >= start) & (times <= end), 1.05 - 0.3 * share, factor)
    return factor


def _inside(times: np.ndarray, start: float, end: float) -> slice:
    """The control values from `start` up to `end`; at least one."""
    first, last = np.searchsorted(times, [start, end])
    return slice(int(first), max(int(last), int(first) + 1))


def _smooth(track: np.ndarray, width: int) -> np.ndarray:
    """A track (n, ...) averaged over `width` values, an odd number, under a Hann window."""
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(track, [(width // 2, width // 2), *[(0, 0)] * (track.ndim - 1)], "edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, axis=0) @ (window / window.sum())
