"""`python -m evaluation.feature_study --generator embedded --output FOLDER`: see the package."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import torch
from rich.progress import track

from evaluation.feature_study.figures import Shown, changes_figure, distances_figure, sizes_figure
from evaluation.feature_study.study import layers, middle, trials
from evaluation.feature_study.table import Table, write_csv, write_markdown
from models.aside import check_folder
from models.errors import UserError
from models.stylegan.generator import Generator
from models.stylegan.pretrained import read_generator

PEOPLE = 2  # in figure 2


def study(generator: Generator, output: Path, layer: str | None = None, pictures: int = 16, psi: float = 0.7) -> None:
    """Write figures and tables.

    Args:
        generator: StyleGAN2.
        output: a folder for `changes.png` (figure 2), `sizes.png` (figure 3), `sizes_skip.png` (figure 3 with the
            skip changed too), `distances.png`, `distances.md` and `distances.csv`.
        layer: the one of figure 2; None takes that of the middle size.
        pictures: that are measured; the first ones are shown.
        psi: truncation.
    """
    if pictures < 1:
        raise UserError("--pictures must be at least 1")
    if not math.isfinite(psi):
        raise UserError("--psi must be a number")
    names = list(layers(generator))
    layer = layer or middle(names)
    if layer not in generator.names:
        raise UserError(f"--layer {layer}: this generator has {', '.join(generator.names)}")
    at = names if layer in names else [*names, layer]
    z = torch.randn(pictures, generator.z_dim, generator=torch.Generator().manual_seed(0))
    table = Table()
    people: list[list[Shown]] = []
    for one in track(z[:, None], "pictures"):
        shown = []
        for trial in trials(generator, generator.map(one, psi), at):
            table.add(trial)
            shown += [Shown.of(trial)] if len(people) < PEOPLE else []
        people += [shown] if shown else []
    changes_figure(output / "changes.png", people, layer)
    sizes_figure(output / "sizes.png", people[0], names, skip=False)
    sizes_figure(output / "sizes_skip.png", people[0], names, skip=True)
    rows = table.rows()
    distances_figure(output / "distances.png", [row for row in rows if row.layer in names])
    write_csv(output / "distances.csv", rows)
    about = f"Between T(G(f)) and G(T'(f)), where T(G(f)) shows the picture: mean ± deviation over {pictures} pictures."
    write_markdown(output / "distances.md", rows, about)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see `python -m evaluation.feature_study --help`")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m evaluation.feature_study",
        description="Draw and measure how far a feature of StyleGAN2 can be moved like a picture: translation, "
        "rotation, zoom, shear, occlusion and thin-plate splines, at every size (StyleHEAT, section 3).",
    )
    parser.add_argument("--generator", required=True, help="embedded, an asset's name, or a file of weights")
    parser.add_argument("--output", type=Path, required=True, help="folder for the figures and tables")
    parser.add_argument("--layer", help="of figure 2, as up64; the first one of the middle size if not given")
    parser.add_argument("--pictures", type=int, default=16, help="that are measured (16)")
    parser.add_argument("--psi", type=float, default=0.7, help="truncation (0.7)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit code: 0, or 2 for a mistake of the user's."""
    try:
        options = _parser().parse_args(arguments)
        check_folder(options.output)
        study(read_generator(options.generator), options.output, options.layer, options.pictures, options.psi)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"figures and tables are in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
