"""What may be chosen of a training, and what it means epoch by epoch."""

import pytest

from xpmodel import InputError
from xpmodel.training.config import PRESETS, TrainingConfig

pytestmark = pytest.mark.usefixtures("one_thread")


def test_warmup_of_the_kl():
    recipe = TrainingConfig(kl_warmup=4, beta=2.0)
    found = [recipe.kl_weight(epoch) for epoch in range(1, 8)]
    assert found == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0, 2.0, 2.0])
    assert TrainingConfig().kl_weight(1) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0}, {"batch": 1}, {"restart": 0}, {"learning_rate": 0.0}, {"seed": -1},
        {"learning_rate": float("inf")}, {"beta": -1.0}, {"beta": float("nan")},
        {"free_bits": -0.1}, {"kl_warmup": -1}, {"loss": "other"}, {"variant": "other"},
        {"variant": "autoencoder", "beta": 2.0}, {"variant": "autoencoder", "free_bits": 0.1},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_recipes(change):
    with pytest.raises(InputError):
        TrainingConfig(**change)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_recipes(name):
    recipe = TrainingConfig(**PRESETS[name])
    assert (recipe.batch, recipe.loss, recipe.variant) == (1024, "released", "scatter-vae")
