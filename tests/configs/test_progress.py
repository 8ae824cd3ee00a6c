"""The bar of an optimisation says where it is and what its losses are."""

from io import StringIO

from rich.console import Console

from configs.progress import losses, progress


def test_losses_stand_beside_the_bar() -> None:
    text = StringIO()
    with progress(Console(file=text, force_terminal=True, width=120)) as bar:
        watch = losses(bar, "invert")
        watch(0, 300, {"pixels": 0.5, "perceptual": 0.25})
        watch(120, 300, {"pixels": 0.125, "perceptual": 0.0625})
    assert "invert: loss 0.1875 pixels 0.1250 perceptual 0.0625" in text.getvalue()
    assert "120/300" in text.getvalue()
