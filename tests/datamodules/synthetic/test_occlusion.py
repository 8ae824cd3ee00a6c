import torch

from datamodules.synthetic.cavities import light_inside
from datamodules.synthetic.embedded import head, triangles
from datamodules.synthetic.occlusion import darken, openness


def part(name: str) -> torch.Tensor:
    model = head()
    return model.vertex_part == model.part_names.index(name)


def test_neck_below_the_chin_gets_less_light_than_the_forehead() -> None:
    model = head()
    share = openness(model.mean, model.normals(model.mean[None])[0], triangles())
    assert share.min() >= 0
    assert share.max() <= 1.0001
    x, y, z = model.mean.unbind(1)
    forehead = part("skin") & (y > 0.7) & (z > 0.7)
    throat = part("neck") & (x.abs() < 0.3) & (z > 0.2) & (y > -1.1)
    assert share[forehead].mean() > 0.9
    assert share[throat].mean() < share[forehead].mean() - 0.1
    assert darken(share).min() > 0.29 and darken(share).max() <= 1


def test_teeth_lighten_as_the_mouth_opens() -> None:
    model = head()
    expression = torch.zeros(2, model.n_expression)
    expression[1, model.expression_names.index("jawOpen")] = 0.8
    shape = model.shape(torch.zeros(2, model.n_identity), expression, torch.zeros(2, 4))
    light = light_inside(model, shape, torch.ones(len(model.mean)))
    teeth = part("teeth_lower")
    assert light[1, teeth].mean() > 1.3 * light[0, teeth].mean()
    assert (light[:, part("skin")] == 1).all()
