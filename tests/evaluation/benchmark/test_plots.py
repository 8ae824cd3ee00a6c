import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from PIL import Image

from evaluation.benchmark import plots
from evaluation.benchmark.collect import Block, blocks, collect
from evaluation.benchmark.plots import Plot
from tests.evaluation.benchmark.made_up import histogram, row, score, write_rows


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Block:
    """Seven methods with long names and two baselines; one number infinite, one missing."""
    rows = [
        row(
            f"a_method_with_$a$_rather_long_name_{number}",
            {
                "L1": score(0.1 + number / 100, spread=0.01),
                "PSNR": score("inf" if number == 0 else 20.0 + number, higher=True),
                "CSIM": score(None, higher=True),
                "CSIM[dlib]": score(0.8, higher=True, stand_in="dlib", histogram=histogram(0.5 + number / 20)),
            },
            seconds_per_frame=10.0 ** (number - 3),
        )
        for number in range(7)
    ]
    baselines = [row(name, {"L1": score(0.3)}, kind="baseline") for name in ("unmoved_source", "ground_truth")]
    folder = write_rows(tmp_path_factory.mktemp("plots"), *rows, *baselines)
    return blocks(collect([folder]))[0]


@pytest.fixture(scope="module")
def drawn(block: Block) -> list[tuple[Plot, Figure]]:
    """The plots with the figures behind them."""
    kept: list[Figure] = []

    def canvas(figure: Figure) -> FigureCanvasAgg:
        kept.append(figure)
        return FigureCanvasAgg(figure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "FigureCanvasAgg", canvas)
        return list(zip(plots.make_plots([block]), kept))


def test_no_two_texts_overlap(drawn: list[tuple[Plot, Figure]]) -> None:
    assert [plot.name for plot, _ in drawn] == [
        "identity_01_same_identity_CSIM_dlib.png",
        "speed_01_same_identity.png",
        "bars_01_same_identity.png",
    ]
    for plot, figure in drawn:
        width, height = Image.open(io.BytesIO(plot.png)).size
        assert min(width, height) > 300
        boxes = [box for box in text_boxes(figure) if box.x0 >= 0 and box.x1 <= width + 1 and box.y1 <= height + 1]
        assert len(boxes) > 8
        for place, box in enumerate(boxes):
            for other in boxes[place + 1 :]:
                overlap = min(box.x1, other.x1) - max(box.x0, other.x0), min(box.y1, other.y1) - max(box.y0, other.y0)
                assert min(overlap) < 2, plot.name


def text_boxes(figure: Figure) -> list[Bbox]:
    """Where the texts of a drawn figure stand, in pixels."""
    texts = [text for legend in figure.legends for text in legend.get_texts()]
    for axes in figure.axes:
        texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            texts += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [text.get_window_extent() for text in texts if text.get_text() and text.get_visible()]


def test_density_has_area_one_and_alt_tells_numbers(drawn: list[tuple[Plot, Figure]]) -> None:
    plot, figure = drawn[0]
    for patch in figure.axes[0].patches:
        values, edges, _ = patch.get_data()  # type: ignore[attr-defined]
        assert (values * np.diff(edges)).sum() == pytest.approx(1)
    assert "a_method_with_$a$_rather_long_name_3 mean 0.8" in plot.alt


def test_a_method_looks_alike_in_every_plot(block: Block) -> None:
    looks = plots.appearance([block, block])
    methods = [looks[name] for name in block.names[:7]]
    assert len({(look.colour, look.marker) for look in methods}) == 7
    assert {looks[name].colour for name in block.names[7:]} <= set(plots.GREYS)


def test_the_papers_version_of_a_metric_is_the_main_one(tmp_path: Path) -> None:
    metrics = {"CSIM[dlib]": score(0.9), "CSIM": score(0.8), "LMD[mesh]": score(1.0), "LMD[dlib]": score(2.0)}
    write_rows(tmp_path, row("a", metrics))
    (block,) = blocks(collect([tmp_path]))
    assert plots.main_metrics(block) == ["CSIM", "LMD[mesh]"]


def test_nothing_to_draw(tmp_path: Path) -> None:
    write_rows(tmp_path, row("a", {"L1": score(None)}, seconds_per_frame=None))
    assert plots.make_plots(blocks(collect([tmp_path]))) == []
