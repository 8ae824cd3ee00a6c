"""LPIPS as the distance of two vectors, against the authors' package, with a backbone that nobody has trained."""

import pytest
import torch
from lpips import LPIPS as Authors

from metrics.lpips import LPIPS
from models.errors import UserError
from models.recognition.lpips_features import make_lpips_features
from models.weights import Weights


@pytest.mark.filterwarnings("ignore:.*weight.*:UserWarning:torchvision")
def test_against_the_authors_package() -> None:
    torch.manual_seed(0)
    authors = Authors(net="alex", pnet_rand=True, verbose=False)
    weights = {f"features.{name.split('.', 1)[1]}": value for name, value in authors.net.state_dict().items()}
    network = make_lpips_features(Weights(weights)).eval()
    for size in (64, 97):
        images = torch.rand(2, 4, 3, size, size) * 2 - 1
        images[0, 0] = images[1, 0]
        images[0, 1] = -1
        metric = LPIPS()
        with torch.inference_mode():
            expected = authors(images[0], images[1]).flatten()
            found = network(images[0]), network(images[1])
        metric.update(*found)
        assert (found[0] - found[1]).square().sum(dim=1).tolist() == pytest.approx(expected.tolist(), abs=1e-5)
        assert metric.compute().item() == pytest.approx(expected.mean().item(), abs=1e-5)
        assert expected[0] == 0 < expected[2]


def test_another_networks_file_is_refused() -> None:
    with pytest.raises(UserError, match=r"the weights do not fit LPIPSFeatures; 10 missing: features\.0\.bias"):
        make_lpips_features(Weights({"classifier.weight": torch.zeros(1)}))


def test_pictures_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"features are \(N, F\) of both, got \(2, 5\) and \(2, 6\)"):
        LPIPS().update(torch.zeros(2, 5), torch.zeros(2, 6))
