"""The folder trees in which data sets come, described by `configs/data/*.yaml`, and lists of clips."""

import csv
import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from datamodules.shard_format import safe_key_part
from models.errors import UserError
from preparation.annotations import ClipLists
from preparation.clip import Clip

VIDEO_EXTENSIONS = ("avi", "flv", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "ts", "webm", "wmv")
LIST_EXTENSIONS = (".csv", ".txt")


class VideoTree:
    """Finds the clips of a data set.

    In a pattern `{field}` stands for one folder or file name (or a part of one), `*` for the same without a field, and
    `**/` for any number of folders; file names end in any of `extensions`. The other templates may use every field of
    the pattern that matched, and `{stem}` (file name), `{parent}` (the folder of the file, or the stem where it lies in
    the input itself) and `{path}` (the whole relative path without extension).

    Args:
        name: of the data set, the first part of every key.
        patterns: relative to the input; the first one that matches a file counts.
        identity: template for who is seen.
        identity_without: regular expression; what it matches is taken out of the identity.
        clip: template for the clip's name.
        audio: template of a sound file that belongs to the video, relative to the input.
        where: field -> values; other files are left out.
        split: template for the split, looked up in `split_names`.
        split_names: the data set's words -> `train` or `test`.
        test_identities: who belongs to `test`; everybody else then belongs to `train`.
        annotations: published time spans and crop boxes.
        identities: CSV file with the columns `file` and `identity` that overrules the template.
        licence: of the data set.
        extensions: of video files, without a dot.
    """

    def __init__(
        self,
        name: str,
        patterns: list[str],
        identity: str = "{parent}",
        identity_without: str | None = None,
        clip: str = "{path}",
        audio: str | None = None,
        where: dict[str, list[str]] | None = None,
        split: str | None = None,
        split_names: dict[str, str] | None = None,
        test_identities: list[str] | None = None,
        annotations: ClipLists | None = None,
        identities: str | None = None,
        licence: str = "unknown",
        extensions: list[str] | None = None,
    ) -> None:
        self.name = safe_key_part(name)
        self.patterns = [_pattern(text) for text in patterns]
        self.described = ", ".join(patterns)
        self.identity, self.identity_without, self.clip = identity, identity_without, clip
        self.audio, self.where = audio, where or {}
        self.split, self.split_names = split, split_names or {}
        self.test_identities = None if test_identities is None else set(test_identities)
        self.annotations, self.identities = annotations, identities
        self.licence = licence
        self.extensions = {f".{text.lower().lstrip('.')}" for text in extensions or VIDEO_EXTENSIONS}

    def clips(self, source: Path) -> list[Clip]:
        """All clips of a folder, one video file, or a list, sorted by key.

        Raises:
            UserError: nothing there, nothing that fits, or contradictory splits.
        """
        if not source.exists():
            raise UserError(f"input {source} does not exist; give a folder of videos, a video, or a list (.csv, .txt)")
        listed = source.is_file() and source.suffix.lower() in LIST_EXTENSIONS
        found = list(self._listed(source) if listed else self._matched(source))
        if not found:
            kinds = "" if listed else f" with a path like {self.described} ({', '.join(sorted(self.extensions))})"
            raise UserError(f"input {source} holds no videos{kinds}; check input= and data=")
        if self.identities is not None:
            found = _renamed(found, Path(self.identities), source)
        clips = _unique(found)
        _check_splits(clips)
        return clips

    def _matched(self, root: Path) -> Iterator[Clip]:
        folder = root if root.is_dir() else root.parent
        for path in _videos(root, self.extensions):
            fields = self._fields(path.relative_to(folder))
            if fields is None or any(fields.get(key) not in values for key, values in self.where.items()):
                continue
            clip = self._clip(path, folder, fields)
            yield from [clip] if self.annotations is None else self.annotations.spans(clip, fields, folder)

    def _fields(self, relative: Path) -> dict[str, str] | None:
        text = relative.with_suffix("").as_posix()
        found = next((match for pattern in self.patterns if (match := pattern.fullmatch(text))), None)
        if found is None:
            return None
        parent = relative.parent.name or relative.stem
        return {"stem": relative.stem, "parent": parent, "path": text, **found.groupdict()}

    def _clip(self, path: Path, folder: Path, fields: Mapping[str, str]) -> Clip:
        identity = _filled(self.identity, fields)
        if self.identity_without:
            identity = re.sub(self.identity_without, "", identity)
        split = None
        if self.split is not None:
            word = _filled(self.split, fields)
            split = self.split_names.get(word, word)
        elif self.test_identities is not None:
            split = "test" if identity in self.test_identities else "train"
        beside = None if self.audio is None else folder / _filled(self.audio, fields)
        return Clip(
            dataset=self.name,
            identity=safe_key_part(identity),
            name=safe_key_part(_filled(self.clip, fields)),
            path=path,
            source=path.relative_to(folder).as_posix(),
            audio=beside if beside is not None and beside.is_file() else None,
            split=split,
            licence=self.licence,
        )

    def _listed(self, source: Path) -> Iterator[Clip]:
        for number, row in enumerate(_rows(source), 1):
            path = Path(row["path"])
            path = path if path.is_absolute() else source.parent / path
            try:
                start, end = float(row.get("start") or 0), float(row["end"]) if row.get("end") else None
            except ValueError as error:
                raise UserError(f"{source}, entry {number}: start and end are seconds, such as 12.5") from error
            if end is not None and end <= start:
                raise UserError(f"{source}, entry {number}: end {end} is not after start {start}")
            name = safe_key_part(Path(row["path"]).stem)
            audio = row.get("audio")
            yield Clip(
                dataset=self.name,
                identity=safe_key_part(row.get("identity") or path.stem),
                name=f"{name}_{round(start * 1000):07d}" if start or end else name,
                path=path,
                source=row["path"],
                audio=source.parent / audio if audio else None,
                start=start,
                end=end,
                split=row.get("split") or None,
                licence=row.get("licence") or self.licence,
            )


def _pattern(text: str) -> re.Pattern[str]:
    """The regular expression of a path pattern such as `**/{identity}/{clip}`; a field named twice must be equal."""
    parts, seen = [], set[str]()
    for piece in re.split(r"(\*\*/|\*|\{\w+\})", text):
        if piece == "**/":
            parts.append("(?:.*/)?")
        elif piece == "*":
            parts.append("[^/]*")
        elif piece.startswith("{"):
            name = piece[1:-1]
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+?)")
            seen.add(name)
        else:
            parts.append(re.escape(piece))
    return re.compile("".join(parts))


def _filled(template: str, fields: Mapping[str, str]) -> str:
    try:
        return template.format(**fields)
    except KeyError as error:
        raise UserError(f"the template '{template}' wants {error}, the pattern gives {', '.join(fields)}") from error


def _videos(root: Path, extensions: set[str]) -> list[Path]:
    """Video files below a folder (or the one file given), sorted; hidden files and folders are left out."""
    if root.is_file():
        return [root]
    found = []
    for folder, inner, files in os.walk(root, followlinks=True):
        inner[:] = [name for name in inner if not name.startswith(".")]
        paths = [Path(folder, name) for name in files if not name.startswith(".")]
        found += [path for path in paths if path.suffix.lower() in extensions]
    return sorted(found)


def _rows(source: Path) -> list[dict[str, str]]:
    """The rows of a list of clips: a CSV file with a header (`path` or `file`), or one path per line."""
    try:
        text = source.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{source} is not UTF-8 text; a list has one path per line, a CSV file a header") from error
    if source.suffix.lower() == ".txt":
        return [{"path": line.strip()} for line in text.splitlines() if line.strip() and not line.startswith("#")]
    rows = [
        {key: (value or "").strip() for key, value in row.items() if key} for row in csv.DictReader(text.splitlines())
    ]
    if rows and not {"path", "file"} & rows[0].keys():
        raise UserError(f"{source} has no column 'path'; its columns are {', '.join(rows[0])}")
    return [{**row, "path": row.get("path") or row.get("file", "")} for row in rows]


def _renamed(clips: Sequence[Clip], table: Path, source: Path) -> list[Clip]:
    """The clips with the identities of a CSV file: matched by whole path, else by file name."""
    if not table.is_file():
        raise UserError(f"identities={table} does not exist; it is a CSV file with the columns file and identity")
    rows = _rows(table)
    if rows and "identity" not in rows[0]:
        raise UserError(f"{table} has no column 'identity'; its columns are {', '.join(rows[0])}")
    folder = source if source.is_dir() else source.parent
    names = Counter(Path(row["path"]).name for row in rows)
    known: dict[Path | str, str] = {}
    for row in rows:
        if row["identity"]:
            known[(table.parent / row["path"]).resolve()] = known[(folder / row["path"]).resolve()] = row["identity"]
            if names[Path(row["path"]).name] == 1:
                known[Path(row["path"]).name] = row["identity"]
    found = [known.get(clip.path.resolve(), known.get(clip.path.name)) for clip in clips]
    if not any(found):
        raise UserError(
            f"{table} names none of the videos of {source}; its first file is {rows[0]['path'] if rows else 'missing'}"
        )
    return [replace(clip, identity=safe_key_part(name)) if name else clip for clip, name in zip(clips, found)]


def _unique(clips: Sequence[Clip]) -> list[Clip]:
    """Sorted by key; names that became equal (`a b`, `a_b`) get a few letters of the hash of their source."""
    counts = Counter(clip.key for clip in clips)
    unique = [
        clip
        if counts[clip.key] == 1
        else replace(clip, name=f"{clip.name}_{hashlib.sha256(f'{clip.source} {clip.start}'.encode()).hexdigest()[:8]}")
        for clip in clips
    ]
    twice = [key for key, count in Counter(clip.key for clip in unique).items() if count > 1]
    if twice:
        source = next(clip.source for clip in unique if clip.key == twice[0])
        raise UserError(f"the input lists {source} twice; remove one of the entries")
    return sorted(unique, key=lambda clip: clip.key)


def _check_splits(clips: Sequence[Clip]) -> None:
    """Raises UserError for a person in two splits, and for a split that is neither train nor test."""
    splits: dict[str, str] = {}
    for clip in clips:
        if clip.split is None:
            continue
        if clip.split not in ("train", "test"):
            raise UserError(f"{clip.source}: the split is '{clip.split}'; it is train or test (see data.split_names)")
        if splits.setdefault(clip.identity, clip.split) != clip.split:
            raise UserError(f"{clip.identity} is in train and in test; a person belongs to one of them")
