"""Result rows to Weights & Biases: rows and tables as tables, numbers as summary, pictures and videos by file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.benchmark.collect import Row, parse_row
from evaluation.benchmark.flat import FIELDS, flat
from models.wandb_key import goes_offline

Sheet = tuple[Sequence[str], Sequence[Sequence[str]]]  # heads and lines


def log_rows(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    *,
    project: str = "figurehead",
    name: str | None = None,
    group: str | None = None,
    offline: bool | None = None,
) -> Path:
    """Log what evaluate.py has written to `folder`; call it in one process only, after everything else is written.

    Args:
        rows: as in rows.json.
        folder: of rows.json, grid.png and sample*.mp4; the `wandb` folder goes there.
        project: of the run.
        name: of the run; made up by W&B when None.
        group: of the run.
        offline: None means offline exactly when there is no key (WANDB_API_KEY or `wandb login`).

    Returns:
        The folder of the run, for `wandb sync`.

    Raises:
        UserError: the package is not installed, or `offline=False` without a key.

    """
    parsed = [parse_row(row, f"row {number}", folder) for number, row in enumerate(rows, 1)]
    media = {"grid": folder / "grid.png", **{path.stem: path for path in folder.glob("sample*.mp4")}}
    return log_run(parsed, folder, media, {}, "evaluate", project=project, name=name, group=group, offline=offline)


def log_run(
    rows: Sequence[Row],
    folder: Path,
    media: Mapping[str, Path],
    sheets: Mapping[str, Sheet],
    job: str,
    *,
    project: str,
    name: str | None,
    group: str | None,
    offline: bool | None,
) -> Path:
    """As `log_rows`, with `media` (by title: .png or .mp4 files, passed over where absent) and tables of text."""
    here = goes_offline(offline, "wandb.offline")
    import wandb

    settings = wandb.Settings(console="off", silent=True)
    run = wandb.init(
        project=project,
        name=name,
        group=group,
        job_type=job,
        dir=str(folder),
        mode="offline" if here else "online",
        settings=settings,
    )
    try:
        lines = [[None if value is None else str(value) for value in line] for line in flat(rows)]
        run.log({"rows": wandb.Table(columns=list(FIELDS), data=lines)})
        for title, (heads, cells) in sheets.items():
            run.log({f"tables/{title}": wandb.Table(columns=list(heads), data=[list(line) for line in cells])})
        for title, path in media.items():
            if path.is_file():
                picture = path.suffix == ".png"
                run.log({title: wandb.Image(str(path)) if picture else wandb.Video(str(path), format="mp4")})
        run.summary.update(summary(rows))
        return Path(run.dir).parent
    finally:
        run.finish()


def summary(rows: Sequence[Row]) -> dict[str, float]:
    """Every number as `protocol/method/metric`."""
    numbers = {}
    for row in rows:
        known = {label: score.value for label, score in row.scores.items()}
        for label, value in {**known, "seconds_per_frame": row.seconds_per_frame}.items():
            if value is not None:
                numbers[f"{row.protocol}/{row.method}/{label}"] = value
    return numbers
