"""The shard format: how a segment becomes members of a tar, and what `dataset.json` says about the tars.

One sample of a tar is one segment, its members are named `<key>.<field>`:

| field        | what it holds                                                                              |
|--------------|--------------------------------------------------------------------------------------------|
| `mp4`        | kind `clips`: H.264, 25 fps (`datamodules/video.py`)                                       |
| `jpegs`      | kind `frames`: `u32 n`, `u32 offset[n + 1]` from the end of this table, n JPEGs; little-endian |
| `flac`       | 16 kHz mono, 16 bit; missing for a silent segment                                           |
| `<track>.npz`| one array per name, first axis = frames; never object arrays                               |
| `json`       | who, where from, and every decision of the preparation (`Segment.info`)                    |

Keys are `<dataset>/<identity>/<clip>/<segment>` without dots, because a tar reader cuts the key at the first dot.
Latents, which are as large as the videos and belong to one generator, lie in shards of their own with the same keys in
the same order: `latents/<name>/` (`datamodules/latents.py`).
Beside `NAME.tar` stands `NAME.index.json`: the shard's counts and hash, and per sample where each member lies, so that
readers open any sample with one `pread`. `dataset.json` sums up all shards of a folder. All bytes are deterministic.
Nothing is ever unpickled: a member that is not in the table above is ignored.
"""

import hashlib
import io
import json
import re
import struct
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from datamodules.audio_codec import decode_flac, encode_flac
from datamodules.location import Location, check_size
from datamodules.video import FPS, decode_frames, encode_mp4
from models.aside import own_part, written_aside
from models.errors import UserError

VERSION = 1
AUDIO_RATE = 16000
Kind = Literal["clips", "frames"]
Tracks = dict[str, dict[str, np.ndarray]]
_FIELD = re.compile(r"mp4|jpegs|flac|json|[a-z0-9_]+\.npz")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # of dataset.json: reaches paths, addresses and shells


@dataclass
class Segment:
    """One segment: up to 8 s of one shot of one face.

    Attributes:
        key: `<dataset>/<identity>/<clip>/<segment>` (see `safe_key_part`).
        info: the `json` member.
        frames: (T, H, W, 3) uint8 RGB at 25 fps.
        audio: (N,) float32 in [-1, 1] at 16 kHz, or None.
        tracks: track name -> array name -> (T, ...) array, such as tracks["landmarks"]["points"] (T, 68, 2) pixels.
    """

    key: str
    info: dict[str, Any]
    frames: np.ndarray
    audio: np.ndarray | None = None
    tracks: Tracks = field(default_factory=dict)


@dataclass(frozen=True)
class ShardRecord:
    """What `dataset.json` says about one shard; `identities` is a count."""

    file: str
    index: str
    split: str
    samples: int
    frames: int
    identities: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Dataset:
    """The contents of `dataset.json`.

    `identities` maps each split to its identities (`<dataset>/<identity>`); `latents` the name of each set of latents
    that lies beside the shards to what `datamodules/latents.py` says about it.
    """

    kind: Kind
    size: int
    shards: tuple[ShardRecord, ...]
    identities: dict[str, list[str]]
    licence: str
    analyser: dict[str, str]
    totals: dict[str, float]
    latents: dict[str, dict[str, Any]] = field(default_factory=dict)
    fps: int = FPS
    version: int = VERSION

    def split(self, name: str) -> tuple[ShardRecord, ...]:
        """The shards of one split; UserError names the splits that exist when there is none."""
        shards = tuple(shard for shard in self.shards if shard.split == name)
        if not shards:
            known = ", ".join(sorted({shard.split for shard in self.shards})) or "none"
            raise UserError(f"the data set has no split '{name}'; it has: {known}")
        return shards


def safe_key_part(text: str) -> str:
    """One part of a key: letters, digits, `_`, `-`; everything else becomes `_`. Never empty."""
    return re.sub(r"[^\w-]+", "_", text).strip("_") or "_"


def check_key(key: str) -> None:
    """Raise ValueError unless `key` has four parts, none of which `safe_key_part` would change."""
    parts = key.split("/")
    if len(parts) != 4 or any(part != safe_key_part(part) for part in parts):
        raise ValueError(f"a key is <dataset>/<identity>/<clip>/<segment> of letters, digits, _ and -; got '{key}'")


def encode_segment(segment: Segment, kind: Kind = "clips", crf: int = 16) -> dict[str, bytes]:
    """The members of a segment, field -> bytes. Equal segments give equal bytes."""
    check_key(segment.key)
    count = len(segment.frames)
    members = {"json": json_bytes({**segment.info, "frames": count})}
    if kind == "clips":
        members["mp4"] = encode_mp4(segment.frames, crf=crf)
    else:
        members["jpegs"] = pack_jpegs(segment.frames)
    if segment.audio is not None:
        members["flac"] = encode_flac(segment.audio, AUDIO_RATE)
    for name, arrays in segment.tracks.items():
        wrong = [key for key, array in arrays.items() if len(array) != count or array.dtype.hasobject]
        if wrong:
            raise ValueError(f"{segment.key}: track {name}: {', '.join(wrong)} must be plain arrays of {count} frames")
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        members[f"{name}.npz"] = buffer.getvalue()
    if bad := [name for name in members if not _FIELD.fullmatch(name)]:
        raise ValueError(f"{segment.key}: track names are lower-case letters, digits and _; got {bad}")
    return members


def decode_segment(key: str, members: Mapping[str, bytes | memoryview]) -> Segment:
    """The whole segment that `encode_segment` wrote."""
    info = decode_json(members["json"])
    packed = "jpegs" in members
    frames = unpack_jpegs(members["jpegs"]) if packed else decode_frames(members["mp4"], range(info["frames"]))
    audio = decode_flac(members["flac"]) if "flac" in members else None
    tracks = {name[:-4]: decode_track(data) for name, data in members.items() if name.endswith(".npz")}
    return Segment(key, info, frames, audio, tracks)


def decode_json(data: bytes | memoryview) -> dict[str, Any]:
    """The `json` member."""
    return json.loads(bytes(data))


def decode_track(data: bytes | memoryview, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an `npz` member, or only those in `names`; object arrays raise ValueError."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in (arrays.files if names is None else names)}


def pack_jpegs(frames: np.ndarray, quality: int = 95) -> bytes:
    """(T, H, W, 3) uint8 RGB as one `jpegs` member."""
    import simplejpeg

    images = [simplejpeg.encode_jpeg(np.ascontiguousarray(f), quality=quality, colorsubsampling="420") for f in frames]
    offsets = np.cumsum([0, *map(len, images)], dtype="<u4")
    return b"".join([struct.pack("<I", len(images)), offsets.tobytes(), *images])


def unpack_jpegs(data: bytes | memoryview, indices: Sequence[int] | None = None) -> np.ndarray:
    """The frames `indices` (default: all) of a `jpegs` member as (len(indices), H, W, 3) uint8 RGB."""
    import simplejpeg

    data = memoryview(data)
    (count,) = struct.unpack_from("<I", data)
    offsets = np.frombuffer(data, "<u4", count + 1, offset=4).astype(np.int64) + 4 * (count + 2)
    wanted = range(count) if indices is None else indices
    if any(not 0 <= i < count for i in wanted):
        raise IndexError(f"the segment has {count} frames, asked for {list(wanted)}")
    return np.stack([simplejpeg.decode_jpeg(data[offsets[i] : offsets[i + 1]], "RGB") for i in wanted])


def json_bytes(value: Any) -> bytes:
    """Deterministic UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class ShardWriter:
    """Write samples of one split into `<folder>/<prefix>-00000.tar`, `...-00001.tar` and their indices.

    A tar carries its final name only when it is complete. Leaving the `with` block by an exception removes the tar
    that was open. `shards` names the finished files.
    """

    def __init__(
        self, folder: Path, prefix: str, split: str, max_bytes: int = 256 * 2**20, max_samples: int = 1000
    ) -> None:
        self.folder, self.prefix, self.split = Path(folder), prefix, split
        self.max_bytes, self.max_samples = max_bytes, max_samples
        self.shards: list[Path] = []
        self._tar: Any = None
        self._part = own_part(self._path)
        self._samples: list[dict[str, Any]] = []
        self._bytes = 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, key: str, members: Mapping[str, bytes], **facts: int) -> None:
        """Append one sample: the result of `encode_segment`. `facts` go into its entry of the index."""
        import webdataset

        check_key(key)
        size = sum(map(len, members.values()))
        if self._samples and (self._bytes + size > self.max_bytes or len(self._samples) >= self.max_samples):
            self._finish()
        if self._tar is None:
            self._part = own_part(self._path)
            self._tar = webdataset.TarWriter(str(self._part), encoder=False, mtime=0)
        self._tar.write({"__key__": key, **members})
        info = decode_json(members["json"])
        self._bytes += size
        identity, frames = "/".join(key.split("/")[:2]), int(info["frames"])
        known = {"key": key, "identity": identity, "frames": frames, "has_audio": "flac" in members}
        self._samples.append({**known, **facts})

    @property
    def _path(self) -> Path:
        return self.folder / f"{self.prefix}-{len(self.shards):05d}.tar"

    def _finish(self) -> None:
        self._tar.close()
        path, part = self._path, self._part
        members = index_tar(part)
        samples = [{**sample, "members": members[sample["key"]]} for sample in self._samples]
        record = ShardRecord(
            file=path.name,
            index=path.with_suffix(".index.json").name,
            split=self.split,
            samples=len(samples),
            frames=sum(sample["frames"] for sample in samples),
            identities=len({sample["identity"] for sample in samples}),
            bytes=part.stat().st_size,
            sha256=sha256(part),
        )
        with written_aside(self.folder / record.index) as index:
            index.write_bytes(json_bytes({"shard": asdict(record), "samples": samples}))
        part.replace(path)
        self.shards.append(path)
        self._tar, self._samples, self._bytes = None, [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._tar is None:
            return
        if kind is None:
            self._finish()
        else:
            self._tar.close()
            self._part.unlink(missing_ok=True)


def rename_shard(made: Path, path: Path) -> ShardRecord:
    """Give a finished shard another place and name, over one that is there; the tar is renamed last."""
    index = json.loads(made.with_suffix(".index.json").read_bytes())
    index["shard"] |= {"file": path.name, "index": path.with_suffix(".index.json").name}
    with written_aside(path.with_suffix(".index.json")) as part:
        part.write_bytes(json_bytes(index))
    made.replace(path)
    return ShardRecord(**index["shard"])


def read_index(location: Location, shard: ShardRecord, folder: str = "") -> list[dict[str, Any]]:
    """The samples of a shard as its index lists them, in their order; UserError when the index is of another shard.

    Args:
        location: of `dataset.json`.
        shard: which one.
        folder: under the location, with a slash at its end.
    """
    path = location.path(folder + shard.index, f"{shard.sha256[:16]}-{shard.index}")
    try:
        index = json.loads(path.read_bytes())
        if index["shard"]["sha256"] != shard.sha256 or len(index["samples"]) != shard.samples:
            raise ValueError("it belongs to another shard")
        return index["samples"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} cannot be used ({error}); copy it again or prepare the data again") from error


def index_tar(path: Path) -> dict[str, dict[str, tuple[int, int]]]:
    """Key -> field -> (offset, size) of the known members of a tar; others are ignored."""
    found: dict[str, dict[str, tuple[int, int]]] = {}
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            folder, _, name = member.name.rpartition("/")
            stem, _, kind = name.partition(".")
            if member.isfile() and _FIELD.fullmatch(kind):
                found.setdefault(f"{folder}/{stem}" if folder else stem, {})[kind] = (member.offset_data, member.size)
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_dataset_json(
    folder: Path,
    *,
    kind: Kind,
    size: int,
    licence: str = "unknown",
    analyser: Mapping[str, str] | None = None,
    shards: Sequence[Path] | None = None,
    latents: Mapping[str, dict[str, Any]] | None = None,
) -> Dataset:
    """Sum up the finished shards of `folder` (or those given) in `dataset.json`, from their indices alone.

    Args:
        folder: where the shards and their indices are.
        kind: `clips` or `frames`.
        size: width and height of every frame in pixels.
        licence: of the data.
        analyser: name, version and licence of what found the faces.
        shards: paths of tars in the folder; default: every tar.
        latents: what is known of latents beside the shards.
    """
    folder = Path(folder)
    records, identities = [], dict[str, set[str]]()
    for path in sorted(folder.glob("*.tar") if shards is None else shards):
        index = json.loads(path.with_suffix(".index.json").read_bytes())
        records.append(ShardRecord(**index["shard"]))
        identities.setdefault(records[-1].split, set()).update(sample["identity"] for sample in index["samples"])
    totals: dict[str, float] = {
        "samples": sum(record.samples for record in records),
        "frames": sum(record.frames for record in records),
        "identities": len(set().union(*identities.values())),
        "hours": round(sum(record.frames for record in records) / FPS / 3600, 4),
        "bytes": sum(record.bytes for record in records),
    }
    people = {split: sorted(names) for split, names in sorted(identities.items())}
    dataset = Dataset(kind, size, tuple(records), people, licence, dict(analyser or {}), totals, dict(latents or {}))
    save_dataset(folder, dataset)
    return dataset


def save_dataset(folder: Path, dataset: Dataset) -> None:
    """Writes `dataset.json`."""
    text = json.dumps({"format": "figurehead", **asdict(dataset)}, ensure_ascii=False, indent=1, sort_keys=True)
    with written_aside(folder / "dataset.json") as part:
        part.write_text(text, encoding="utf-8")


def parse_dataset(data: bytes, name: str) -> Dataset:
    """The data set that the bytes of a `dataset.json` describe; UserError when they do not. `name` is for messages."""
    try:
        fields = json.loads(data)
        if fields.pop("format") != "figurehead":
            raise ValueError("it is not a figurehead data set")
        if fields["version"] != VERSION:
            raise ValueError(f"its version is {fields['version']}, this code reads version {VERSION}")
        dataset = Dataset(**{**fields, "shards": read_records(fields["shards"])})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{name} cannot be read ({error}); prepare the data again") from error
    return dataset


def read_records(entries: Sequence[Mapping[str, Any]]) -> tuple[ShardRecord, ...]:
    """Entries of `dataset.json` as records; ValueError or TypeError where they are none or name a file elsewhere."""
    records = tuple(ShardRecord(**entry) for entry in entries)
    unsafe = [file for r in records for file in (r.file, r.index) if not _FILE_NAME.fullmatch(file)]
    if unsafe:
        raise ValueError(f"it lists a file outside its folder: {unsafe[0]}")
    return records


def read_dataset(location: str | Path | Location) -> Dataset:
    """The `dataset.json` of a folder or address (see `Location`), and the size of every local shard checked."""
    place = location if isinstance(location, Location) else Location(location)
    dataset = parse_dataset(place.read("dataset.json"), f"{place.text}/dataset.json")
    if not dataset.shards:
        raise UserError(f"{place.text}/dataset.json lists no shards; prepare.py found nothing it could use")
    if not place.remote:
        for shard in dataset.shards:
            check_size(Path(place.text).expanduser() / shard.file, shard.bytes)
    return dataset


def verify(folder: Path) -> Dataset:
    """Like `read_dataset`, and the SHA-256 of every shard is compared; UserError names the first that differs."""
    dataset = read_dataset(folder)
    for shard in dataset.shards:
        if (found := sha256(Path(folder) / shard.file)) != shard.sha256:
            raise UserError(f"shard {shard.file} is damaged: sha256 {found}, dataset.json says {shard.sha256}")
    return dataset
