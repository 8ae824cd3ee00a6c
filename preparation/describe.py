"""What is in a folder of shards: a table for reading and a contact sheet for looking."""

import csv
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from datamodules.evaluation import segments
from datamodules.latents import LatentFacts, latent_sets
from datamodules.shard_format import Segment, read_dataset
from models.aside import written_aside
from preparation.run import REJECTED

TILE = 128  # pixels of a picture on the contact sheet
CAPTION = 30  # pixels of the line above a row
COLUMNS = 8


def describe(output: Path, rows: int = 40, landmarks: bool = True) -> Path:
    """Prints totals, a table of segments and the reasons of rejection; writes `contact_sheet.png`.

    Args:
        output: a folder written by prepare.py.
        rows: how many segments are shown, spread evenly over the data set.
        landmarks: draw them on every other picture.

    Returns:
        The path of the contact sheet.

    Raises:
        UserError: no data set there, or a truncated shard.
    """
    dataset = read_dataset(output)
    say = partial(Console().print, markup=False, highlight=False, soft_wrap=True)
    totals = dataset.totals
    say(
        f"{output}: {dataset.kind}, {dataset.size} px, {dataset.fps} fps, {totals['samples']} segments,"
        f" {totals['hours'] * 60:.1f} minutes, {totals['identities']} identities, {len(dataset.shards)} shards,"
        f" {totals['bytes'] / 1e6:.1f} MB; faces by {dataset.analyser.get('name', '?')}; licence: {dataset.licence}"
    )
    shown: list[Segment] = []
    for split, people in dataset.identities.items():
        of_split = sum(record.samples for record in dataset.split(split))
        say(f"{split}: {of_split} segments of {len(people)} identities")
        share = max(round(rows * of_split / max(int(totals["samples"]), 1)), 1)
        shown += segments(output, split, limit=share)
    for line in [*_coefficients(shown), *map(describe_latents, latent_sets(dataset).values())]:
        say(line)
    say("")
    for line in _table(shown):
        say(line)
    for reason, count in sorted(_reasons(output / REJECTED).items()):
        say(f"rejected, {reason}: {count}")
    sheet = output / "contact_sheet.png"
    with written_aside(sheet) as part:
        contact_sheet(shown, landmarks).save(part, format="PNG")
    say(f"contact sheet: {sheet}")
    return sheet


def caption(segment: Segment) -> str:
    """Where a segment comes from and what is in it."""
    info = segment.info
    sound = "sound" if segment.audio is not None else "silent"
    face, notes = info["decisions"]["face_px"], len(info["decisions"]["notes"])
    return f"{segment.key}  [{info['split']}]  {info['frames']} frames, {sound}, face {face:.0f} px, {notes} notes"


def contact_sheet(shown: list[Segment], landmarks: bool, caption: Callable[[Segment], str] = caption) -> Image.Image:
    """One row per segment: its caption, and pictures at even distances in time."""
    sheet = Image.new("RGB", (COLUMNS * TILE, len(shown) * (TILE + CAPTION)), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, segment in enumerate(shown):
        top = row * (TILE + CAPTION)
        draw.text((4, top + 6), caption(segment), fill="black", font=font)
        for column, index in enumerate(np.linspace(0, len(segment.frames) - 1, COLUMNS).astype(int)):
            picture = Image.fromarray(segment.frames[index]).resize((TILE, TILE), Image.Resampling.BOX)
            if landmarks and column % 2:
                factor = TILE / segment.frames.shape[1]
                _dots(picture, segment.tracks["landmarks"]["points"][index] * factor)
            sheet.paste(picture, (column * TILE, top + CAPTION))
    return sheet


def _dots(picture: Image.Image, points: np.ndarray) -> None:
    draw = ImageDraw.Draw(picture)
    for x, y in points:
        draw.rectangle((x - 0.5, y - 0.5, x + 0.5, y + 0.5), fill="lime")


def describe_latents(facts: LatentFacts) -> str:
    """One line: how many, whose, how they were found, how good they are."""
    made, frames = facts.generator, sum(shard.frames for shard in facts.shards)
    return (
        f"latents '{facts.name}': {frames} frames, {made.codes} x {made.width} codes of {made.name} ({made.id})"
        f" by {facts.inversion['method']}, {sum(shard.bytes for shard in facts.shards) / 1e6:.1f} MB;"
        f" L1 {facts.error['l1']:.4f}, PSNR {facts.error['psnr']:.1f} dB"
    )


def _table(shown: list[Segment]) -> list[str]:
    """One line per segment, and its notes below it."""
    width = max(len(segment.key) for segment in shown)
    lines = [f"{'key':<{width}}  split  seconds  sound     face px  sharpness"]
    for segment in shown:
        info, decisions = segment.info, segment.info["decisions"]
        sound = "-" if segment.audio is None else f"{info['audio']['source_rate']} Hz"
        lines.append(
            f"{segment.key:<{width}}  {info['split']:<5}  {info['frames'] / info['fps']:7.2f}  {sound:<8}"
            f"  {decisions['face_px']:7.0f}  {decisions.get('sharpness', float('nan')):9.0f}"
        )
        lines += [f"    {note}" for note in decisions["notes"]]
    return lines


def _coefficients(shown: list[Segment]) -> list[str]:
    """One line per face model and estimator."""
    made = Counter(
        f"coefficients of {model} {facts['model_version']} by {facts['estimator']} {facts['estimator_version']}"
        for segment in shown
        for model, facts in segment.info.get("coefficients", {}).items()
    )
    return [f"{what}: {count} of the {len(shown)} segments shown" for what, count in sorted(made.items())]


def _reasons(path: Path) -> Counter[str]:
    if not path.is_file():
        return Counter()
    with path.open(encoding="utf-8", newline="") as file:
        return Counter(row["reason"] for row in csv.DictReader(file))
