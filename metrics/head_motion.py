"""How observers tell of the motion of a head: `(T, 3 + D)`, a row of NaN where there was no face.

The first three columns are yaw, pitch and roll in degrees, the others the D numbers of the estimator's own embedding
(of an estimator without one: the angles again). One row holds both, so that the network runs once.
"""

from torch import Tensor

from models.errors import UserError


def head_angles(motion: Tensor) -> Tensor:
    """Yaw, pitch, roll `(T, 3)` in degrees."""
    return checked(motion)[:, :3]


def head_embedding(motion: Tensor) -> Tensor:
    """The estimator's embedding `(T, D)`."""
    return checked(motion)[:, 3:]


def checked(motion: Tensor) -> Tensor:
    """`motion`, if it is of this kind.

    Raises:
        UserError: it is something else: the line of the metric looks through another kind of observer.
    """
    if motion.ndim != 2 or motion.shape[1] <= 3:
        raise UserError(f"head motion is (T, 3 + D), not {tuple(motion.shape)}: look through a head pose observer")
    return motion
