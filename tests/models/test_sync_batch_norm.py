"""Two processes with unequal halves of a batch against one process with all of it."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn

from models.sync_batch_norm import SyncBatchNorm, synchronise_batch_norms

SPLIT = 3  # of 8 examples, the first rank has 3


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return 5 + torch.randn(8, 2, 9, 9, generator=generator), torch.randn(8, 3, 5, 5, generator=generator)


def step(model: nn.Module, images: Tensor, direction: Tensor) -> dict[str, Tensor]:
    """Outputs, gradients of the summed loss, and state after one training pass."""
    outputs = model(images)
    (outputs * direction).sum().backward()
    gradients = {f"grad {name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"outputs": outputs.detach(), **gradients, **{k: v for k, v in model.state_dict().items() if "running" in k}}


def one_of_two(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    model = network()
    synchronise_batch_norms(model)
    part = slice(0, SPLIT) if rank == 0 else slice(SPLIT, None)
    images, direction = batch()
    torch.save(step(model, images[part], direction[part]), Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_are_one(tmp_path: Path) -> None:
    spawn(one_of_two, args=(str(tmp_path),), nprocs=2)  # type: ignore[no-untyped-call]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    whole = step(network(), *batch())
    torch.testing.assert_close(torch.cat([first["outputs"], second["outputs"]]), whole["outputs"])
    for key in whole.keys() - {"outputs"}:
        together = first[key] + second[key] if key.startswith("grad") else first[key]
        torch.testing.assert_close(together, whole[key], rtol=1e-4, atol=1e-4)
        if not key.startswith("grad"):
            torch.testing.assert_close(first[key], second[key])


@pytest.mark.parametrize("training", [True, False])
def test_alone_it_is_batch_norm_under_the_same_names(training: bool) -> None:
    plain, synchronised = network().train(training), network().train(training)
    synchronise_batch_norms(synchronised)
    assert sum(isinstance(m, SyncBatchNorm) and m.training == training for m in synchronised.modules()) == 2
    torch.testing.assert_close(synchronised(batch()[0]), plain(batch()[0]))
    torch.testing.assert_close(synchronised.state_dict(), plain.state_dict())
