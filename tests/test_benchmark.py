"""benchmark.py from end to end over made-up rows, and its report in a browser."""

import csv
import html
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from configs.command import CONFIGS, options
from datamodules.video import encode_mp4
from evaluation.benchmark.plots import Plot
from tests.commands import run_command
from tests.evaluation.benchmark.made_up import histogram, row, score, write_rows

Benchmark = Callable[..., tuple[int, str]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three methods under two protocols with baselines, as their evaluations leave them."""
    random = np.random.default_rng(0)
    for number, method in enumerate(("sadtalker", "feature_warp", "a_b<c>")):
        metrics = {
            "FID": score([9.0, 100.0, 20.0][number]),
            "CSIM[dlib]": score(
                0.9 - number / 10, higher=True, stand_in="dlib", histogram=histogram(0.9 - number / 10)
            ),
        }
        for protocol in ("embedded/same_identity", "embedded/cross_identity"):
            about: dict[str, Any] = {"protocol": protocol, "unavailable": {"CSIM": "asset arcface is missing"}}
            truth = row("ground_truth", {"FID": score(0.0)}, kind="baseline", **about)
            folder = write_rows(tmp_path / "results" / f"{number}_{protocol.replace('/', '_')}", truth)
            write_rows(folder, row(method, metrics, **about, seconds_per_frame=0.1 * 10**number), truth)
            Image.fromarray(random.integers(0, 255, (64, 96, 3), np.uint8)).save(folder / "grid.png")
            frames = random.integers(0, 255, (5, 4, 6, 3), np.uint8).repeat(16, axis=1).repeat(16, axis=2)
            (folder / "sample.mp4").write_bytes(encode_mp4(frames))
    return tmp_path / "results"


@pytest.fixture
def one_plot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes the longest and has its own tests."""
    buffer = io.BytesIO()
    Image.new("RGB", (40, 30)).save(buffer, format="PNG")
    plot = Plot("bars_01_toy.png", buffer.getvalue(), "a plot", "nothing to see")
    monkeypatch.setattr("evaluation.benchmark.plots.make_plots", lambda every: [plot])


@pytest.fixture
def command(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Benchmark:
    """Run the command; returns its exit code and what it said."""

    def run(*words: str, rows: object = results) -> tuple[int, str]:
        code = run_command("benchmark", [f"rows='{rows}'", f"output='{tmp_path / 'out'}'", *words], monkeypatch)
        return code, "".join(capsys.readouterr())

    return run


@pytest.mark.slow
def test_writes_everything(command: Benchmark, tmp_path: Path) -> None:
    code, said = command("title='Five & one'")
    assert code == 0, said
    assert "8 rows, 2 tables of results, 1 laid out like a paper's" in said  # the truth of each protocol counts once
    out = tmp_path / "out"
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert found == [
        "plots/bars_01_embedded_cross_identity.png",
        "plots/bars_02_embedded_same_identity.png",
        "plots/identity_01_embedded_cross_identity_CSIM_dlib.png",
        "plots/identity_02_embedded_same_identity_CSIM_dlib.png",
        "plots/speed_01_embedded_cross_identity.png",
        "plots/speed_02_embedded_same_identity.png",
        "report.html",
        "rows.csv",
        "rows.json",
        "tables.md",
        "tables.tex",
    ]
    report, markdown = (out / "report.html").read_text(), (out / "tables.md").read_text()
    assert "<title>Five &amp; one</title>" in report
    assert report.count("data:video/mp4;base64,") == 6
    assert not re.search(r"(src|href)=.?https?:", report)
    assert "| sadtalker | **9.0** |" in markdown and "Reported by HyperReenact" in markdown
    lines = list(csv.DictReader((out / "rows.csv").read_text().splitlines()))
    (line,) = [
        line
        for line in lines
        if (line["method"], line["protocol"], line["metric"]) == ("sadtalker", "embedded/same_identity", "CSIM[dlib]")
    ]
    assert (float(line["value"]), line["stand_in"], line["size"], line["count"]) == (0.9, "dlib", "64", "100")
    assert {line["unavailable"] for line in lines if line["metric"] == "CSIM"} == {"asset arcface is missing"}


@pytest.mark.usefixtures("one_plot")
def test_what_was_written_can_be_compared_again(command: Benchmark, tmp_path: Path) -> None:
    assert command()[0] == 0
    out = tmp_path / "out"
    assert len(json.loads((out / "rows.json").read_text())) == 8
    for name in ("bars_07_old.png", "mine.png"):
        (out / "plots" / name).write_bytes(b"")
    code, said = command("tables=[]", rows=out / "rows.json")
    assert (code, "8 rows, 2 tables of results, 0 laid out" in said) == (0, True), said
    assert sorted(path.name for path in (out / "plots").iterdir()) == ["bars_01_toy.png", "mine.png"]


@pytest.mark.parametrize(
    ("words", "rows", "message"),
    [
        ((), "/absent", "rows=/absent: there is no such file or folder; give the output of evaluate.py"),
        ((), CONFIGS / "table", "no rows.json in it or below it"),
        ((), CONFIGS / "benchmark.yaml", "not readable as JSON"),
        (("tables=[sadtalkre]",), None, "tables: sadtalkre is not there; did you mean sadtalker?"),
        (("media_mb=-1",), None, "media_mb=-1: it starts at 0"),
        (("output='{file}'",), None, "is no folder that can be written to"),
        (("rowz=3",), None, "did you mean rows?"),
    ],
)
def test_mistakes_end_in_one_line_and_write_nothing(
    command: Benchmark, results: Path, tmp_path: Path, words: tuple[str, ...], rows: object, message: str
) -> None:
    (tmp_path / "file").write_text("mine")
    code, said = command(*(word.format(file=tmp_path / "file") for word in words), rows=rows or results)
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "out").exists() and (tmp_path / "file").read_text() == "mine"


def test_rows_are_needed(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    assert run_command("benchmark", ["output=x"], monkeypatch) == 2
    assert "please give rows=..." in capsys.readouterr().err


def test_every_layout_can_be_read_and_names_protocols_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmark import read_layouts

    layouts = read_layouts(None)
    assert {layout.name for layout in layouts} == set(options("table"))
    protocols = set(options("protocol"))
    for layout in layouts:
        for part in layout.sections.values():
            assert any(part.takes(protocol) for protocol in protocols), f"{layout.name}: {part.heading}"
        assert all(
            float(number) >= 0 for line in layout.lines for part in line.values.values() for number in part.values()
        )


CHECK = """
<script>
window.problems = [];
window.addEventListener("error", (event) => window.problems.push(String(event.message)));
document.addEventListener("securitypolicyviolation", (event) => window.problems.push("policy: " + event.blockedURI));
window.addEventListener("load", () => {
  const table = document.querySelector("table.sortable");
  const heads = [...table.querySelectorAll("thead tr:last-child th")];
  const names = () => [...table.querySelectorAll("tbody")].map((body) =>
    [...body.querySelectorAll("tr:not(.section) th")].map((head) => head.firstChild.textContent));
  const head = heads.find((head) => head.textContent.startsWith("FID"));
  const told = { before: names() };
  head.querySelector("button").click();
  told.first = [names(), head.getAttribute("aria-sort")];
  head.querySelector("button").click();
  told.second = [names(), head.getAttribute("aria-sort")];
  told.pictures = [...document.images].map((image) => image.complete && image.naturalWidth > 0);
  told.videos = [...document.querySelectorAll("video")].map((video) => [video.readyState >= 2, video.videoWidth]);
  told.requests = performance.getEntriesByType("resource").map((entry) => entry.name.slice(0, 5));
  told.visible = table.getBoundingClientRect().height > 50;
  told.problems = window.problems;
  const result = document.createElement("pre");
  result.id = "told";
  result.textContent = JSON.stringify(told);
  document.body.append(result);
});
</script>
"""


@pytest.mark.slow
@pytest.mark.usefixtures("one_plot")
def test_report_in_a_browser(command: Benchmark, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no chromium here")
    assert command()[0] == 0
    report = (tmp_path / "out" / "report.html").read_text()
    page = tmp_path / "page.html"
    page.write_text(report.replace("</head>", f"{CHECK}</head>", 1))
    quiet = "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update"
    options = [*quiet.split(), "--disable-sync", "--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
    words = [browser, "--headless", "--no-sandbox", *options, "--dump-dom", page.as_uri()]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not console
    (told,) = [json.loads(html.unescape(text)) for text in re.findall(r'<pre id="told">(.*?)</pre>', done.stdout)]
    assert told["problems"] == []
    assert told["visible"]
    methods, baselines, reported = told["before"]
    assert (sorted(methods), baselines) == (["a_b<c>", "feature_warp", "sadtalker"], ["ground_truth"])
    order = ["sadtalker", "a_b<c>", "feature_warp"]
    assert told["first"][0][:2] == [order, baselines] and told["first"][1] == "ascending"
    papers = ["PIRenderer", "FOMM", "LIA", "HyperReenact", "X2Face"]  # by the FID that they report, from 50.5 to 25.6
    assert sorted(reported) == sorted(papers) and told["first"][0][2] == papers[::-1]
    assert told["second"] == [[order[::-1], baselines, papers], "descending"]
    assert all(told["pictures"]) and len(told["pictures"]) == 6 + 1
    assert told["videos"] == [[True, 96]] * 6
    assert set(told["requests"]) <= {"data:"}


@pytest.mark.slow
@pytest.mark.usefixtures("one_plot")
def test_wandb_offline(command: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no key in ~/.netrc
    code, said = command("logger=wandb", "~logger.csv", "tables=[]")  # the CSV logger imports Lightning
    assert code == 0, said
    import wandb

    wandb.teardown()  # what it has read of this test's environment does not reach the tests that follow
    (run,) = (tmp_path / "out" / "wandb").glob("offline-run-*/")
    media = run / "files" / "media"
    assert len(list((media / "images").rglob("*.png"))) == 6 + 1
    assert len(list((media / "videos").rglob("*.mp4"))) == 6
    sheets = [json.loads(path.read_text()) for path in (media / "table").rglob("*.json")]
    assert len(sheets) == 1 + 2
    (rows,) = [sheet for sheet in sheets if sheet["columns"][0] == "method" and "kind" in sheet["columns"]]
    assert ["sadtalker", "FID", "9.0"] in [[line[0], line[3], line[4]] for line in rows["data"]]
