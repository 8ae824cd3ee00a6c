"""HifiHead's head angle distance."""

from metrics.ard import ARD


class Angle(ARD):
    """Angle of HifiHead's tables (Zhu et al. 2022, sec. 4): distance of the head's angles, in degrees.

    We know of no formula; it is taken as that of ARD: mean over frames and the three angles of |prediction - driving|.
    Lower is better.
    """

    title = "Angle"
