from pathlib import Path

import pytest
import yaml
from hydra.utils import get_object

from configs.instantiate import check_config

CONFIGS = Path(__file__).parents[3] / "configs" / "analyser"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_config_fits_its_constructor(path: Path) -> None:
    node = yaml.safe_load(path.read_text())
    check_config(node)
    assert get_object(node["_target_"]).name == path.stem
