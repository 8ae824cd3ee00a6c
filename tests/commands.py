"""Runs a root command in this process."""

import importlib
import sys
from collections.abc import Sequence

import pytest
import torch


def run_command(name: str, words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of `python <name>.py <words>`, on one thread: tiny networks only lose by more."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        importlib.import_module(name).main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        torch.set_num_threads(threads)
    return 0
