"""The optimisers against those of torch, which is another implementation of the same papers."""

import numpy as np
import pytest
import torch

from lossjumps import schema
from lossjumps.training.optimisers import OPTIMISERS

REFERENCES = {"adam": torch.optim.Adam, "radam": torch.optim.RAdam, "sgd": torch.optim.SGD}


def test_every_optimiser_of_the_configuration_is_one_of_torch():
    assert tuple(OPTIMISERS) == schema.OPTIMISERS == tuple(REFERENCES)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_updates_are_those_of_torch(name):
    """Rates decay exponentially; RAdam's first five updates are not adaptive, so there are more."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    mine, other = start.clone(), start.clone().requires_grad_()
    optimiser, reference = OPTIMISERS[name](mine), REFERENCES[name]([other], lr=1e-2)
    decay = torch.optim.lr_scheduler.ExponentialLR(reference, 0.97)
    for update in range(60):
        gradient = torch.randn(3, 7, generator=generator, dtype=torch.float64) * 10.0 ** (update % 5 - 3)
        other.grad = gradient.clone()
        reference.step()
        optimiser.step(gradient, 1e-2 * 0.97**update)
        np.testing.assert_allclose(mine, other.detach(), rtol=1e-13, atol=1e-15)
        decay.step()
    assert not torch.equal(mine, start)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_what_is_remembered_can_be_put_into_another(name):
    start = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)
    ones, others = start.clone(), start.clone()
    one, other = OPTIMISERS[name](ones), OPTIMISERS[name](others)
    for update in range(12):
        if update == 7:
            other.set_state(one.state())
            others.copy_(ones)
            one.step(-start, 0.1)
            other.step(-start, 0.1)
        one.step(start * (update + 1), 0.1)
        if update > 6:
            other.step(start * (update + 1), 0.1)
    assert torch.equal(ones, others) and not torch.equal(ones, start)
