"""The scoring of one pair: method and baselines side by side, piece by piece, never a whole clip in memory."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from datamodules.clip_shards import SAMPLES_PER_FRAME, Clip, ClipShards
from evaluation.baselines import GROUND_TRUTH, RANDOM_OTHER_IDENTITY, UNMOVED_SOURCE, shown, there_and_back
from evaluation.footage import Footage
from evaluation.measure import Measure
from evaluation.protocol import Pair, Protocol
from models.animator import Animator, Transfer
from models.errors import UserError
from models.images import to_frames, to_images
from preparation.faces import Analyser

LATE = 10  # frames
PIECE = 16  # frames that are scored at a time: one group of pictures of the shards' videos


@dataclass(frozen=True)
class Scene:
    """What a method is given of one pair.

    Attributes:
        source: `(1, 3, S, S)` in [-1, 1].
        driving: starts the driving frames again, in pieces `(n, 3, S, S)`.
        speech: the sound of these frames `(640 T,)`, None where the clip is silent.

    """

    source: Tensor
    driving: Callable[[], Iterator[Tensor]]
    speech: Tensor | None


Predictor = Callable[[Scene], Iterator[Tensor]]


@dataclass
class Tally:
    """What one method has scored so far."""

    measures: list[Measure]
    seconds: float = 0.0
    rendered: int = 0


def animated(animator: Animator, protocol: Protocol, batch: int) -> Predictor:
    """The method's frames `(n, 3, S, S)` of a scene, in pieces of at most `batch`."""
    transfer = Transfer(protocol.motion == "relative", protocol.scale, protocol.parts)

    def predict(scene: Scene) -> Iterator[Tensor]:
        encoded = animator.encode_source(scene.source.to(animator.device))
        if protocol.pairing == "same_image":
            motion = encoded.motion
        elif protocol.driving == "audio":
            assert scene.speech is not None  # silent clips were left out
            motion = animator.read_speech(scene.speech.to(animator.device), encoded)
        else:
            motion = animator.read_all(part for piece in scene.driving() for part in torch.split(piece, batch))
        yield from animator.render_all(encoded, transfer(motion, encoded.motion), batch)

    return predict


@dataclass
class Scorer:
    """Scores one pair at a time; fills the tallies, whose names are those of the method and of the baselines.

    Args:
        clips: the driving clips.
        sources: where source pictures come from.
        size: of the pictures that go into the method and come out.
        method: its name.
        predict: the method.
        tallies: by name, the method's too.
        finder: finds faces.
        protocol: of the pairs.
        third_person: the clip that `random_other_identity` shows.
        show: is given what people may look at; see `evaluation.gallery.Gallery.show`.

    """

    clips: ClipShards
    sources: ClipShards
    size: int
    method: str
    predict: Predictor
    tallies: Mapping[str, Tally]
    finder: Analyser
    protocol: Protocol
    third_person: Callable[[Pair], Clip | None]
    show: Callable[[Pair, int, Mapping[str, Tensor], Tensor | None], None]

    def __post_init__(self) -> None:
        self._driving = {clip.key: clip for clip in self.clips}
        self._sources = {clip.key: clip for clip in self.sources}

    def __call__(self, pair: Pair) -> None:
        """Score one pair with all methods."""
        clip = self._driving[pair.driving] if pair.driving in self._driving else self._sources[pair.driving]
        source = to_images(self._sources[pair.source].frames([pair.source_frame], self.size))
        speech = _sound(clip, pair.first, pair.frames) if pair.step == 1 else None
        scene = Scene(source, lambda: shown(clip, pair.moments, self.size, PIECE), speech)
        rows, streams = self._streams(pair, scene)
        footage = {name: Footage(self.finder, name == "source") for name in ("source", *streams)}
        for tally in self.tallies.values():
            for measure in tally.measures:
                measure.begin()
        heard = None if speech is None else self._heard(pair, clip)
        for start, pieces in _in_step(streams):
            pieces["source"] = source.expand(len(pieces["driving"]), -1, -1, -1)
            for name, piece in pieces.items():
                footage[name].show(piece)
            for row, name in rows.items():
                for measure in self.tallies[row].measures:
                    measure.show({**footage, "prediction": footage[name]})
            self.show(pair, start, {**pieces, "prediction": pieces[self.method]}, heard)
        for tally in self.tallies.values():
            for measure in tally.measures:
                measure.finish(pair.key, heard)

    def _heard(self, pair: Pair, clip: Clip) -> Tensor | None:
        """The sound of the scored frames, or what the protocol puts in its place."""
        first = pair.first + pair.unscored
        if self.protocol.sound == "late":
            first -= LATE
        if self.protocol.sound == "somebody_else":
            other = self.third_person(pair)
            if other is None:
                raise UserError(f"{pair.key}: there is nobody else whose sound could be taken")
            clip, first = other, other.first
        return _sound(clip, first, pair.scored)

    def _streams(self, pair: Pair, scene: Scene) -> tuple[dict[str, str], dict[str, Iterator[Tensor]]]:
        """For each row the name of the stream that it shows, and the scored pieces of each stream."""
        rows = {self.method: self.method, UNMOVED_SOURCE: "source", GROUND_TRUTH: "driving"}
        streams = {"driving": scene.driving(), self.method: self._timed(pair, scene)}
        other = self.third_person(pair) if RANDOM_OTHER_IDENTITY in self.tallies else None
        if other is not None:
            rows[RANDOM_OTHER_IDENTITY] = RANDOM_OTHER_IDENTITY
            streams[RANDOM_OTHER_IDENTITY] = shown(other, there_and_back(other, pair.frames), self.size, PIECE)
        pieces = {name: repiece(stream, pair.unscored, PIECE) for name, stream in streams.items()}
        return {row: name for row, name in rows.items() if row in self.tallies}, pieces

    def _timed(self, pair: Pair, scene: Scene) -> Iterator[Tensor]:
        """The method's frames as they would be in a written video, the time that they take being counted."""
        tally, made = self.tallies[self.method], self.predict(scene)
        while True:
            start = time.perf_counter()
            frames = next(made, None)
            frames = None if frames is None else to_images(to_frames(frames))  # waits for the device
            tally.seconds += time.perf_counter() - start
            if frames is None:
                return
            tally.rendered += len(frames)
            yield frames


def repiece(stream: Iterable[Tensor], skip: int, size: int) -> Iterator[Tensor]:
    """The frames of a stream without the first `skip`, in pieces of `size`, the last one shorter."""
    kept: list[Tensor] = []
    for frames in stream:
        skipped = min(skip, len(frames))
        skip -= skipped
        kept.append(frames[skipped:])
        while sum(map(len, kept)) >= size:
            whole = torch.cat(kept)
            yield whole[:size]
            kept = [whole[size:]]
    if sum(map(len, kept)):
        yield torch.cat(kept)


def _in_step(streams: Mapping[str, Iterator[Tensor]]) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Pieces of all streams side by side, with the number of their first scored frame."""
    start = 0
    for pieces in zip(*streams.values(), strict=True):
        yield start, dict(zip(streams, pieces))
        start += len(pieces[0])


def _sound(clip: Clip, first: int, frames: int) -> Tensor | None:
    """The sound `(640 T,)` of T frames of a clip, zeros outside it; None where the clip is silent."""
    if not clip.clips.has("flac")[clip.index]:
        return None
    return torch.from_numpy(clip.audio(first * SAMPLES_PER_FRAME, frames * SAMPLES_PER_FRAME))
