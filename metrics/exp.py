"""HifiHead's expression distance."""

from metrics.aed import AED


class Exp(AED):
    """Exp of HifiHead's tables (Zhu et al. 2022, sec. 4): distance of the expression coefficients.

    We know of no formula; it is taken as that of AED: mean over frames and coefficients of |prediction - driving|. The
    paper's network for 261 coefficients is not public; through Deep3D's it is a number like AED. Lower is better.
    """

    title = "Exp"
