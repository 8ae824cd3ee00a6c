import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from evaluation.benchmark.build import full_table, paper_tables
from evaluation.benchmark.collect import blocks, collect
from evaluation.benchmark.latex import escape as latex_escape
from evaluation.benchmark.latex import to_latex
from evaluation.benchmark.layout import Layout
from evaluation.benchmark.markdown import escape as markdown_escape
from evaluation.benchmark.markdown import to_markdown
from evaluation.benchmark.table import Table
from tests.evaluation.benchmark.made_up import row, score, write_rows
from tests.evaluation.benchmark.test_tables import LAYOUT, scored

NASTY = r"*a_b & 50% <i>|x|</i> [1] #2 ~ ^ \ {} $y$ é 語 `c`"


@pytest.fixture
def tables(tmp_path: Path) -> list[Table]:
    """A table with a name full of signs, ties, dashes and notes, and one laid out like a paper's."""
    write_rows(
        tmp_path,
        row(NASTY, {"L1": score(0.1, spread=0.01), "CSIM[dlib]": score(0.9, higher=True, stand_in="dlib", missing=3)}),
        row("plain", {"L1": score(0.2, spread=0.02)}, unavailable={"CSIM": NASTY}),
        row("ground_truth", {"L1": score(0.0)}, kind="baseline"),
        scored("a", 0.9, "toy/same"),
        scored("a", 0.7, "toy/cross"),
    )
    every = blocks(collect([tmp_path]))
    return [full_table(every[0], "full"), *paper_tables(Layout(**LAYOUT), every)]


def read_markdown(text: str) -> list[list[list[str]]]:
    """The cells of every table, with escapes, tags and marks undone as a reader would see them."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("| "):
            found += [[]] if found[-1] else []
            continue
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        found[-1].append([re.sub(r"<sup>.*?</sup>", "", cell).strip() for cell in cells])
    return [table for table in found if table]


def seen(cell: str) -> str:
    return html.unescape(re.sub(r"\\([\\|*_`~(])", r"\1", cell))


def test_markdown_reads_back(tables: list[Table]) -> None:
    first, *_ = read_markdown(to_markdown(tables, "Title"))
    head, rule, *body = first
    assert [seen(text) for text in head] == ["method", *(column.heading for column in tables[0].columns)]
    assert {len(line) for line in first} == {len(head)}
    assert set(rule) == {"---", "---:"}
    by_name = {seen(cells[0]): cells[1:] for cells in body}
    assert by_name[NASTY][0] == "**0.1000** ± 0.0100"
    assert by_name["plain"][0] == "<ins>0.2000</ins> ± 0.0200"
    assert by_name["ground_truth"][0] == "0"
    assert by_name["*Baselines (not ranked)*"] == [""] * (len(head) - 1)
    assert by_name[NASTY][1] == "0.9000"


def test_markdown_footnotes_are_all_there(tables: list[Table]) -> None:
    for part in re.split(r"^## ", to_markdown(tables, "Title"), flags=re.MULTILINE)[1:]:
        grid, below = (lines for lines in (re.findall(r"^\|.*", part, re.M), re.findall(r"^<sup>.*", part, re.M)))
        used = {number for line in grid for sup in re.findall(r"<sup>(.*?)</sup>", line) for number in sup.split(",")}
        assert used == {re.findall(r"<sup>(\d+)</sup>", line)[0] for line in below}


def test_markdown_escape_is_undone_by_reading() -> None:
    assert seen(markdown_escape(NASTY)) == NASTY
    assert "](" not in markdown_escape("[click](address)")
    assert "\n" not in markdown_escape("two\nlines")


def test_latex_has_as_many_cells_as_columns(tables: list[Table]) -> None:
    text = to_latex(tables)
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    for block in re.findall(r"\\begin\{tabular\}\{l(r+)\}(.*?)\\end\{tabular\}", text, re.DOTALL):
        columns, body = len(block[0]) + 1, block[1]
        for line in body.splitlines():
            if line.endswith(r"\\"):
                spans = [int(width) - 1 for width in re.findall(r"\\multicolumn\{(\d+)\}", line)]
                assert len(re.findall(r"(?<!\\)&", line)) + 1 + sum(spans) == columns
    assert r"\textbf{0.1000}{\scriptsize$\pm$0.0100}" in text
    assert r"\underline{0.2000}" in text
    assert r"\emph{Reported by P}" in text


def test_latex_escapes() -> None:
    escaped = latex_escape(NASTY)
    assert escaped.startswith(r"{*}a\_b \& 50\% \textless{}i\textgreater{}\textbar{}x")
    assert r"{[}1{]} \#2 \textasciitilde{} \textasciicircum{} \textbackslash{} \{\} \$y\$ é U+8A9E" in escaped


def test_latex_compiles(tables: list[Table], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    (tmp_path / "tables.tex").write_text(to_latex(tables))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-draftmode", "-halt-on-error", "tables.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
