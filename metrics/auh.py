"""Hamming distance of facial action units."""

from torch import Tensor

from metrics.frame_mean import FrameMean


class AUH(FrameMean):
    """Action-unit Hamming distance, AU-H (HeadGAN, Doukas et al. 2021, sec. 4).

    Share of facial action units that are present in only one of prediction and driving, mean over frames:
    1/K sum_k [a_k != b_k]. The papers detect them by OpenFace. Takes 0 and 1 `(N, K)`, a row of NaN where there was no
    face. Lower is better; from 0 to 1.
    """

    title = "AUH"
    higher_is_better = False

    def update(self, prediction: Tensor, driving: Tensor) -> None:
        """Add presences `(N, K)` of the same frames."""
        if prediction.ndim != 2 or prediction.shape != driving.shape:
            raise ValueError(f"action units are (N, K) twice, got {tuple(prediction.shape)}, {tuple(driving.shape)}")
        difference = (prediction - driving).abs()  # NaN stays
        if bool((difference > 0).logical_and(difference != 1).any()):
            raise ValueError("action units are present (1) or not (0), nothing between")
        self.add(difference.mean(dim=1))
