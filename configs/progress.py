"""Progress bars of the commands."""

from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress(console: Console) -> Progress:
    """A bar with counts and the time left, to be used in a `with` block."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


def counter(bar: Progress, what: str, total: int | None) -> Callable[[int], None]:
    """A new line in the bar; call the result with how many are done."""
    task = bar.add_task(what, total=total)
    return lambda done: bar.update(task, completed=done)


def note(console: Console, *lines: str) -> None:
    """Lines that a user should know of, but that stop nothing."""
    for line in lines:
        console.print(f"note: {line}", style="yellow", highlight=False, markup=False, soft_wrap=True)


def losses(bar: Progress, what: str) -> Callable[[int, int, Mapping[str, float]], None]:
    """A new line in the bar for what is optimised in steps: a `Watch` of `models.inversion.inversion`."""
    task = bar.add_task(what, total=None)

    def watch(done: int, steps: int, parts: Mapping[str, float]) -> None:
        total = sum(parts.values())
        words = " ".join(f"{name} {value:.4f}" for name, value in {"loss": total, **parts}.items())
        bar.update(task, completed=done, total=steps, description=f"{what}: {words}")

    return watch
