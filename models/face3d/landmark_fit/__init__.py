"""3DMM coefficients from 68 landmarks, without any network."""

from models.face3d.landmark_fit.clip import VERSION, Fit, fit_clip
from models.face3d.landmark_fit.problem import FitRules

__all__ = ["VERSION", "Fit", "FitRules", "fit_clip"]
