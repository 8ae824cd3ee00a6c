from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.benchmark.build import full_table, paper_tables
from evaluation.benchmark.cells import marks
from evaluation.benchmark.collect import blocks, collect
from evaluation.benchmark.layout import Layout
from evaluation.benchmark.table import DASH, Cell, Line, Table
from models.errors import UserError
from tests.evaluation.benchmark.made_up import row, score, write_rows


def tables(folder: Path, *rows: dict[str, Any]) -> list[Table]:
    write_rows(folder, *rows)
    return [full_table(block, f"t{number}") for number, block in enumerate(blocks(collect([folder])))]


def line(table: Table, name: str) -> Line:
    return next(line for section in table.sections for line in section.lines if line.name == name)


def cell(table: Table, name: str, label: str) -> Cell:
    return line(table, name).cells[[column.label for column in table.columns].index(label)]


@pytest.mark.parametrize("higher", [True, False])
def test_marks_agree_with_counting_who_is_better(higher: bool) -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        values = random.integers(0, 6, random.integers(2, 7)) / 10  # many ties
        found = marks([Cell(f"{value:.1f}", float(value)) for value in values], higher)
        for value, mark in zip(values, found):
            better = {other for other in values if (other > value if higher else other < value)}
            assert mark == {0: "best", 1: "second"}.get(len(better), "")


def test_marks_of_few_and_of_unknown_direction() -> None:
    one, nothing = Cell("1.0", 1.0), Cell(DASH)
    assert marks([one, nothing], True) == ["", ""]  # nobody to beat
    assert marks([one, Cell("2.0", 2.0)], None) == ["", ""]
    assert marks([Cell("∞", np.inf), one, nothing], True) == ["best", "second", ""]
    assert marks([Cell("0.12", 0.1203), Cell("0.12", 0.1198), Cell("0.20", 0.2)], False) == ["best", "best", "second"]


def test_baselines_do_not_compete(tmp_path: Path) -> None:
    (table,) = tables(
        tmp_path,
        row("good", {"L1": score(0.1), "PSNR": score(30.0, higher=True)}),
        row("bad", {"L1": score(0.2), "PSNR": score(20.0, higher=True)}),
        row("ground_truth", {"L1": score(0.0), "PSNR": score("inf", higher=True)}, kind="baseline"),
    )
    assert [section.kind for section in table.sections] == ["method", "baseline"]
    for label in ("L1", "PSNR"):
        found = [cell(table, name, label).mark for name in ("good", "bad", "ground_truth")]
        assert found == ["best", "second", ""]
    assert cell(table, "ground_truth", "PSNR").text == "∞"
    assert [column.heading for column in table.columns] == ["L1 ↓", "PSNR ↑", "seconds per frame ↓"]


def test_dashes_say_why(tmp_path: Path) -> None:
    unavailable = {"CSIM": "asset arcface is missing"}
    (table,) = tables(
        tmp_path,
        row("a", {"LMD[mesh]": score(None, stand_in="mesh", count=0, missing=6)}, unavailable=unavailable),
        row("b", {"LMD[mesh]": score(2.0, stand_in="mesh", count=4, missing=2), "LSE-D": score(7.0)}),
    )

    def notes(name: str, label: str) -> list[str]:
        found = cell(table, name, label)
        return [found.text, *(table.notes[number - 1] for number in found.notes)]

    assert notes("a", "CSIM") == [DASH, "CSIM cannot be measured: asset arcface is missing"]
    assert notes("b", "CSIM") == [DASH, "CSIM is no metric of the protocol same_identity."]
    assert notes("a", "LSE-D") == [DASH, "LSE-D is no metric of the protocol same_identity."]
    assert notes("a", "LMD[mesh]") == [DASH, "LMD[mesh]: none of 6 frames could be measured."]
    assert notes("b", "LMD[mesh]")[1:] == ["LMD[mesh] leaves out 2 of 6 frames in which no face was found."]
    (stand_in,) = next(column.notes for column in table.columns if column.label == "LMD[mesh]")
    assert "[mesh]: through a stand-in" in table.notes[stand_in - 1]
    assert {number for number, _ in table.used} == set(range(1, len(table.notes) + 1))


def test_interval_is_half_its_width_and_digits_follow_the_methods(tmp_path: Path) -> None:
    (table,) = tables(
        tmp_path,
        row("a", {"LMD": score(6.91234, spread=0.5)}),
        row("unmoved_source", {"LMD": score(1234.5)}, kind="baseline"),
    )
    found = cell(table, "a", "LMD")
    assert (found.text, found.spread) == ("6.912", "0.500")
    assert "6.41234 to 7.41234" in found.exact
    assert (cell(table, "unmoved_source", "LMD").text, cell(table, "unmoved_source", "LMD").spread) == ("1234.500", "")


def test_time_is_not_ranked_across_devices(tmp_path: Path) -> None:
    one = {"L1": score(0.1)}
    (same,) = tables(tmp_path / "1", row("a", one, seconds_per_frame=1.0), row("b", one, seconds_per_frame=0.5))
    (mixed,) = tables(tmp_path / "2", row("a", one), row("b", one, device="gpu", seconds_per_frame=0.5))
    assert [cell(same, name, "seconds per frame").mark for name in "ab"] == ["second", "best"]
    assert [cell(mixed, name, "seconds per frame").mark for name in "ab"] == ["", ""]
    assert any("different devices" in note for note in mixed.notes)


def test_blocks_of_other_conditions_warn(tmp_path: Path) -> None:
    found = tables(tmp_path, row("a", {"L1": score(0.1)}), row("a", {"L1": score(0.1)}, size=128))
    assert len(found) == 2
    for table, size in zip(found, (64, 128)):
        ((_, caption),) = table.captions
        assert "Not to be compared with the other rows of same_identity" in caption
        assert f"size {size} px" in caption and f"size {size} px" in table.title


LAYOUT: dict[str, Any] = {
    "title": "As a paper",
    "parts": {
        "same": {"heading": "same", "protocols": ["*/same"], "columns": ["CSIM ↑", "FID ↓", "AED ↓"]},
        "cross": {"heading": "cross", "protocols": ["*/cross"], "columns": ["CSIM ↑"]},
    },
    "reported": [
        {"paper": "P", "table": "Table 1", "source": "its text", "rows": {"Theirs": {"same": {"FID": "0.10"}}}}
    ],
}


def scored(method: str, value: float, protocol: str, **changes: Any) -> dict[str, Any]:
    metrics = {"FID": score(20 * value), "CSIM[dlib]": score(value, higher=True, stand_in="dlib")}
    return row(method, metrics, protocol=protocol, unavailable={"CSIM": "no arcface"}, **changes)


def test_layout_puts_parts_side_by_side(tmp_path: Path) -> None:
    write_rows(tmp_path, scored("a", 0.9, "toy/same"), scored("b", 0.8, "toy/same"), scored("a", 0.7, "toy/cross"))
    (table,) = paper_tables(Layout(**LAYOUT), blocks(collect([tmp_path])))
    assert [(column.group, column.label) for column in table.columns] == [
        ("same", "CSIM"),
        ("same", "CSIM[dlib]"),
        ("same", "FID"),
        ("cross", "CSIM"),
        ("cross", "CSIM[dlib]"),
    ]  # AED: known to nobody
    assert [column.heading for column in table.columns][:3] == ["CSIM ↑", "CSIM[dlib] ↑", "FID ↓"]
    texts = [found.text for found in line(table, "a").cells]
    assert texts == [DASH, "0.9000", "18.00", DASH, "0.7000"]
    assert table.notes[line(table, "b").cells[4].notes[0] - 1] == "Not scored: no row of the part cross."
    assert [group for group, _ in table.captions] == ["same", "cross"]


def test_reported_numbers_stand_apart_and_never_compete(tmp_path: Path) -> None:
    write_rows(tmp_path, scored("a", 0.9, "toy/same"), scored("b", 0.8, "toy/same"))
    (table,) = paper_tables(Layout(**LAYOUT), blocks(collect([tmp_path])))
    own, reported = table.sections
    assert (own.kind, reported.kind) == ("method", "reported")
    assert [line.name for line in reported.lines] == ["Theirs"]
    cells = reported.lines[0].cells
    assert [found.text for found in cells] == [DASH, DASH, "0.10"]  # the paper's digits
    assert {found.mark for found in cells} == {""}
    assert [line.cells[2].mark for line in own.lines] == ["second", "best"]
    (note,) = reported.notes
    assert "its text" in table.notes[note - 1] and "not ranked" in table.notes[note - 1]


def test_layout_never_joins_other_conditions_or_checkpoints(tmp_path: Path) -> None:
    old, new = ({"file": f"{name}.ckpt", "sha256": name * 16} for name in "xy")
    write_rows(
        tmp_path,
        scored("a", 0.9, "toy/same", checkpoint=old),
        scored("a", 0.8, "toy/cross", checkpoint=new),
        scored("a", 0.7, "toy/same", checkpoint=old, config_hash="other"),
        scored("a", 0.6, "toy/cross", checkpoint=new, size=128),
    )
    found = paper_tables(Layout(**LAYOUT), blocks(collect([tmp_path])))
    assert [len(table.columns) for table in found] == [5, 3, 2]
    first = found[0].sections[0].lines
    assert [line.name for line in first] == ["a (xxxxxx)", "a (yyyyyy)"]
    assert [line.cells[-1].text for line in first] == [DASH, "0.8000"]


def test_wide_tables_are_split_by_part_with_their_own_notes(tmp_path: Path) -> None:
    write_rows(tmp_path, scored("a", 0.9, "toy/same"), scored("a", 0.7, "toy/cross"))
    (table,) = paper_tables(Layout(**LAYOUT), blocks(collect([tmp_path])))
    assert table.split(5) == [table]
    pieces = table.split(2)
    assert [[column.label for column in piece.columns] for piece in pieces] == [
        ["CSIM", "CSIM[dlib]"],
        ["FID"],
        ["CSIM", "CSIM[dlib]"],
    ]
    assert [[section.kind for section in piece.sections] for piece in pieces] == [
        ["method"],
        ["method", "reported"],
        ["method"],
    ]
    assert not any("Reported" in text or "Read in" in text for _, text in pieces[0].used)
    assert [piece.captions[0][0] for piece in pieces] == ["same", "same", "cross"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parts": {"same": {"heading": "x", "protocols": []}}}, "should have heading, protocols, columns"),
        ({"parts": {"same": {"heading": "x", "protocols": [], "columns": ["FID"]}}}, "should end in ↑ or ↓"),
        ({"reported": [{"paper": "P"}]}, "should have paper, table, source, rows"),
        (
            {"reported": [{"paper": "P", "table": "1", "source": "s", "rows": {"M": {"same": {"L1": "1"}}}}]},
            "M: same: L1 is no column",
        ),
    ],
)
def test_wrong_layouts_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Layout(**{**LAYOUT, **changes}, name="toy")
