"""Training of encoders from pictures to codes of a frozen generator: pSp, refined as ReStyle or not, and e4e.

Letters: B batch, W numbers of a code.
"""

from typing import Unpack

import torch
from torch import Tensor, nn

from lightning_modules.adversarial import AdversarialModule, Game
from lightning_modules.encoding import Encoding
from lightning_modules.stage import Batch, OptimizerFactory, Training
from lightning_modules.supervised import SupervisedModule
from losses.adversarial import AdversarialLoss
from losses.delta_regularisation import DeltaRegularisation
from losses.gradient_penalty import r1_penalty
from models.errors import UserError
from models.inversion.e4e import Encoder4Editing
from models.inversion.gradual_style import GradualStyleEncoder
from models.stylegan.generator import Generator


class PSP(Encoding, SupervisedModule):
    """pSp (Richardson et al., CVPR 2021): every code from the picture.

    An encoder of 6 channels sees what its codes of the pass before look like behind the picture, at first the mean
    picture, and says how to change them (ReStyle, Alaluf et al., ICCV 2021, sec. 3.2). Arguments beside those of
    `SupervisedModule`:

        model: the encoder.
        generator: StyleGAN2 or 3; it is not trained.
        weights: of `l2`, `perceptual`, `identity`, `w_norm` (distance of the codes from the mean of W) and `codes`
            (mean squared error of the codes of generated pictures). 0: not computed.
        perceptual: (pictures, pictures) -> scalar.
        identity: the same.
        start: weights that the encoder's trunk starts from, see `start_trunk`; None: random ones.
        passes: of an encoder of 6 channels; their losses are averaged, and gradients stay inside of a pass.
    """

    known = ("l2", "perceptual", "identity", "w_norm", "codes")

    def __init__(
        self,
        model: GradualStyleEncoder,
        generator: Generator,
        weights: dict[str, float],
        optimizer: OptimizerFactory,
        perceptual: nn.Module,
        identity: nn.Module | None = None,
        start: str | None = None,
        passes: int = 1,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(model, weights, optimizer, **training)
        self.hold(generator, perceptual, identity, start)
        self.refines = model.settings["input_channels"] == 6
        if passes < 1 or (passes > 1 and not self.refines):
            raise UserError(
                f"module.passes={passes}: an encoder of model.input_channels=6 makes one or more, else it is 1"
            )
        self.passes = passes

    def invert(self, image: Tensor) -> list[Tensor]:
        """See `Encoding`: one entry for each pass."""
        if not self.refines:
            return [self.model(image)]
        codes, found = self.model.latent_avg[None], []
        for _ in range(self.passes):
            with torch.no_grad():
                seen = self.picture(codes).expand_as(image)
            codes = codes.detach() + self.model(torch.cat([image, seen], dim=1)) - self.model.latent_avg
            found.append(codes)
        return found

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """See the class."""
        image = batch["image"]
        w = self.mapped(len(image))
        passes = [self.judged(image, codes, w) for codes in self.invert(self.shown(image, w))]
        return {name: torch.stack([losses[name] for losses in passes]).mean() for name in passes[0]}

    def judged(self, image: Tensor, codes: Tensor, w: Tensor) -> dict[str, Tensor]:
        """Losses of one pass."""
        losses = self.compare(image, codes, w)
        if self.wants("w_norm"):
            losses["w_norm"] = (codes[: len(image)] - self.model.latent_avg).float().flatten(1).norm(dim=1).mean()
        return losses


class E4E(Encoding, AdversarialModule):
    """e4e (Tov et al., ACM TOG 2021): codes near to W, by small deltas that come one after the other, and by a game.

    The game is about codes: `discriminator` (..., W) -> logits (..., 1) tells those of z from those of the encoder, of
    which all count that have their delta already. The public code takes one of them at random, out of a pool of earlier
    ones; there is no pool here. Arguments beside those of `AdversarialModule`:

        model: the encoder.
        generator: StyleGAN2 or 3; it is not trained.
        weights: of `l2`, `perceptual`, `identity`, `delta`, `adversarial` and `codes` (mean squared error of the codes
            of generated pictures). 0: not computed.
        perceptual: (pictures, pictures) -> scalar.
        identity: the same.
        start: weights that the encoder's trunk starts from, see `start_trunk`; None: random ones.
        first_delta: generator steps before the first delta.
        delta_every: generator steps between two.
        r1: gamma; the discriminator minimises gamma / 2 |gradient|^2 too (R1).
        r1_every: batches between two such terms, which then count as often.
    """

    known = ("l2", "perceptual", "identity", "delta", "adversarial", "codes")

    model: Encoder4Editing

    def __init__(
        self,
        model: Encoder4Editing,
        generator: Generator,
        discriminator: nn.Module,
        adversarial: AdversarialLoss,
        weights: dict[str, float],
        generator_optimizer: OptimizerFactory,
        discriminator_optimizer: OptimizerFactory,
        perceptual: nn.Module,
        identity: nn.Module | None = None,
        start: str | None = None,
        first_delta: int = 20000,
        delta_every: int = 2000,
        r1: float = 10.0,
        r1_every: int = 16,
        **training: Unpack[Training],
    ) -> None:
        super().__init__(
            model, discriminator, adversarial, weights, generator_optimizer, discriminator_optimizer, **training
        )
        self.hold(generator, perceptual, identity, start)
        self.delta = DeltaRegularisation()
        self.first_delta, self.delta_every, self.r1, self.r1_every = first_delta, delta_every, r1, r1_every

    @property
    def deltas(self) -> int:
        """How many codes have their delta, from the second on, at this generator step."""
        after = self.generator_steps - self.first_delta
        return 0 if after < 0 else min(1 + after // self.delta_every, self.model.codes - 1)

    def invert(self, image: Tensor) -> list[Tensor]:
        """See `Encoding`: one entry."""
        return [self.model(image, self.deltas)]

    def play(self, batch: Batch) -> Game:
        """Codes of pictures, and as many codes (B, W) of z for the discriminator."""
        image = batch["image"]
        w = self.mapped(len(image))
        (codes,) = self.invert(self.shown(image, w))
        losses = self.compare(image, codes, w)
        unlike = codes[: len(image), : self.deltas + 1]
        if self.wants("delta"):
            losses["delta"] = self.delta(unlike).mean()
        if self.wants("adversarial"):
            losses["adversarial"] = self.adversarial.generator([self.discriminator(unlike)])
        return Game(losses, real=w, fake=unlike)

    def judge(self, game: Game) -> dict[str, Tensor]:
        """The adversarial loss, and in some steps R1."""
        lazy = self.batches % self.r1_every == 0
        real = game.real.detach().requires_grad_(lazy)
        logits = self.discriminator(real)
        losses = {"discriminator": self.adversarial.discriminator([logits], [self.discriminator(game.fake.detach())])}
        if lazy:
            losses["r1"] = self.r1_every * self.r1 / 2 * r1_penalty(logits, real)
        return losses
