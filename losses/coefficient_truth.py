"""Coefficients against known ones (synthetic heads). Letters: B batch."""

from torch import Tensor

from models.face3d.coefficients import Coefficients

SQUARED = ("identity", "expression", "texture", "lighting")  # in units of about one standard deviation
ABSOLUTE = ("rotation", "translation", "gaze")  # radians, decimetres: the last tenth of a degree counts as the first


def coefficient_truth(estimate: Coefficients, truth: Coefficients) -> dict[str, Tensor]:
    """By part, mean over its numbers and the batch: squared differences, or absolute ones for pose and gaze.

    Squares give the mean of what a picture leaves open (such as the back of the head), absolute values the median.
    """
    ours, theirs = estimate.to_arrays(), truth.to_arrays()
    errors = {name: (ours[name].float() - theirs[name].float()) for name in (*SQUARED, *ABSOLUTE)}
    return {name: (error.square() if name in SQUARED else error.abs()).mean() for name, error in errors.items()}
