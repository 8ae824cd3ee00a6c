"""Put result rows side by side: tables, plots and one report. `python benchmark.py --help` lists the options."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from configs.command import CONFIGS, command, nearest, options
from configs.schema import Benchmark
from models.aside import check_folder
from models.errors import UserError

if TYPE_CHECKING:
    from evaluation.benchmark.collect import Row
    from evaluation.benchmark.layout import Layout
    from evaluation.benchmark.plots import Plot
    from evaluation.benchmark.table import Table


@command("benchmark", Benchmark)
def main(config: DictConfig) -> None:
    """Compare any set of results of evaluate.py, each protocol in a table of its own, beside what papers report.

    Writes report.html (everything in one file that opens offline), tables.md, tables.tex, plots/*.png, rows.csv and
    rows.json into the output folder.
    """
    output = Path(config.output)
    check_folder(output)
    if config.media_mb < 0:
        raise UserError(f"media_mb={config.media_mb}: it starts at 0")

    from rich.console import Console

    from configs.row_logger import wandb_settings
    from evaluation.benchmark.build import full_table, paper_tables
    from evaluation.benchmark.collect import blocks, collect
    from evaluation.benchmark.html import to_html
    from evaluation.benchmark.latex import to_latex
    from evaluation.benchmark.markdown import to_markdown
    from evaluation.benchmark.plots import make_plots

    settings = wandb_settings(config.get("logger"))
    layouts = read_layouts(None if config.tables is None else as_list(config.tables))
    rows = collect(as_list(config.rows))
    every = blocks(rows)
    tables = [table for layout in layouts for table in paper_tables(layout, every)]
    tables += [full_table(block, f"all-{number}") for number, block in enumerate(every, 1)]
    plots = make_plots(every)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    texts = {
        "tables.md": to_markdown(tables, config.title),
        "tables.tex": to_latex(tables),
        "report.html": to_html(tables, plots, every, config.title, now, int(config.media_mb * 2**20)),
    }
    write_results(output, rows, plots, texts)
    if settings is not None:
        log_to_wandb(settings, output, rows, tables, plots)
    told = f"{len(rows)} rows, {len(every)} tables of results, {len(tables) - len(every)} laid out like a paper's"
    Console().print(f"{told}\nwritten to {output / 'report.html'}", markup=False, highlight=False, soft_wrap=True)


def as_list(value: Any) -> list[str]:
    """One word as a list of one."""
    return [value] if isinstance(value, str) else list(value)


def read_layouts(wanted: list[str] | None) -> list[Layout]:
    """The layouts of configs/table, all of them or those that are asked for.

    Raises:
        UserError: one is not there, or is no layout.
    """
    import yaml

    from configs.instantiate import build

    known = options("table")
    chosen = known if wanted is None else wanted
    for name in chosen:
        if name not in known:
            raise UserError(f"tables: {name} is not there{nearest(name, known)}; known: {', '.join(known)}")
    nodes = {name: yaml.safe_load((CONFIGS / "table" / f"{name}.yaml").read_text()) for name in chosen}
    return [build(node, name=name) for name, node in nodes.items()]


def write_results(output: Path, rows: list[Row], plots: list[Plot], texts: dict[str, str]) -> None:
    """Write everything, the report last; the plots of an earlier benchmark go."""
    from evaluation.benchmark.flat import to_csv
    from models.aside import written_aside

    facts = json.dumps([row.facts for row in rows], indent=1, ensure_ascii=False) + "\n"
    contents = {f"plots/{plot.name}": plot.png for plot in plots}
    for name, text in {"rows.json": facts, "rows.csv": to_csv(rows), **texts}.items():
        contents[name] = text.encode()
    for name, content in contents.items():
        with written_aside(output / name) as part:
            part.write_bytes(content)
    for old in (output / "plots").glob("*_[0-9][0-9]_*.png"):
        if f"plots/{old.name}" not in contents:
            old.unlink()


def log_to_wandb(
    settings: dict[str, Any], output: Path, rows: list[Row], tables: list[Table], plots: list[Plot]
) -> None:
    """One run with the rows, the tables, the plots, and each result's picture and video."""
    from evaluation.wandb_log import log_run

    media = {f"plots/{plot.name.removesuffix('.png')}": output / "plots" / plot.name for plot in plots}
    for row in rows:
        if row.kind == "method":
            files = [row.folder / "grid.png", *row.folder.glob("sample*.mp4")]
            media |= {f"{row.protocol}/{row.method}/{path.stem}": path for path in files}
    sheets = {
        table.name: (
            ["method", *(column.heading for column in table.columns)],
            [[line.name, *(cell.text for cell in line.cells)] for part in table.sections for line in part.lines],
        )
        for table in tables
    }
    log_run(rows, output, media, sheets, "benchmark", **settings)


if __name__ == "__main__":
    main()
