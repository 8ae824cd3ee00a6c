"""What must hold for the tree as a whole: who may import whom, what stands nowhere, what loads with few packages."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "models": {"models"},
    "losses": {"losses", "models"},
    "metrics": {"metrics", "models"},
    "datamodules": {"datamodules", "models"},
    "preparation": {"preparation", "datamodules", "models"},
    "evaluation": {"evaluation", "preparation", "datamodules", "models", "metrics"},
    "lightning_modules": {"lightning_modules", "models", "losses", "metrics"},
}
SOURCES = sorted(path for room in MAY_IMPORT for path in (ROOT / room).rglob("*.py")) + sorted(ROOT.glob("*.py"))
FORBIDDEN = {
    r"\.cuda\(|['\"]cuda(:\d)?['\"]": "a device by name",
    r"weights_only\s*=\s*False|\bpickle\.loads?\(|allow_pickle\s*=\s*True": "may run code from a file",
    r"os\.system|shell\s*=\s*True": "a shell",
    r"\b(TODO|FIXME|XXX|HACK)\b": "unfinished",
    r"['\"]/(home|work|tmp|root|data)/": "an absolute path",
}


def imported(tree: ast.Module, *, deep: bool = True) -> set[str]:
    """The first words of all modules that a file imports, inside functions too where `deep`."""
    names: set[str] = set()
    for node in ast.walk(tree) if deep else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_dependencies_point_one_way() -> None:
    wrong = []
    for path in SOURCES:
        room = path.relative_to(ROOT).parts[0]
        if room in MAY_IMPORT:
            wrong += [
                f"{path}: {name}"
                for name in imported(ast.parse(path.read_text())) & (set(MAY_IMPORT) | {"configs"}) - MAY_IMPORT[room]
            ]
    assert not wrong


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=FORBIDDEN.values())
def test_stands_nowhere(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found


@pytest.mark.parametrize("room", ["models", "losses", "metrics"])
def test_core_imports_with_few_packages(room: str) -> None:
    """At module level only torch, numpy and einops (metrics: torchmetrics too); the rest inside functions."""
    light = {"torch", "numpy", "einops", *MAY_IMPORT[room], *sys.stdlib_module_names}
    light |= {"torchmetrics"} if room == "metrics" else set()
    heavy = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / room).rglob("*.py")
        for name in imported(ast.parse(path.read_text()), deep=False) - light
    ]
    assert not heavy
