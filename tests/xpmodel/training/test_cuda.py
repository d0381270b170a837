"""Steps that are compiled and recorded as a CUDA graph, against those that are not."""

import dataclasses

import numpy as np
import pytest

from tests.support.training import SMALL, some_spectra
from xpmodel.training import on_disk
from xpmodel.training.metrics import to_array
from xpmodel.training.on_disk import prepare_files
from xpmodel.training.steps import Steps
from xpmodel.training.train import Store, train

pytestmark = pytest.mark.cuda
RECIPE = dataclasses.replace(SMALL, epochs=3, learning_rate=1e-4, kl_warmup=2)


def curves(epochs) -> np.ndarray:
    """All but the seconds."""
    return to_array(epochs, 2)[:, :-1]


def trained(spectra=None, device="cuda", **options) -> np.ndarray:
    epochs = []
    spectra = some_spectra() if spectra is None else spectra
    train(spectra, RECIPE, device=device, progress=epochs.append, **options)
    return curves(epochs)


def test_steps_are_compiled_and_recorded(monkeypatch):
    made, begin = [], Steps.begin

    def watched(steps, epoch):
        made.append(steps)
        begin(steps, epoch)

    monkeypatch.setattr(Steps, "begin", watched)
    trained()
    assert made[0].compiled
    assert made[0]._graph is not None


def test_they_train_as_plain_steps_do(monkeypatch):
    found = trained()
    monkeypatch.setattr(Steps, "_compile", lambda steps: None)
    recorded = trained()
    monkeypatch.setattr(Steps, "_take_recorded", Steps._take)
    plain = trained()
    np.testing.assert_allclose(recorded, plain, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(found, plain, rtol=1e-3, atol=1e-4)


def test_stopped_and_resumed(tmp_path):
    whole = trained()

    def stop(epoch):
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(some_spectra(), RECIPE, device="cuda", store=Store(tmp_path, every=1), progress=stop)
    store = Store(tmp_path, every=1, resume=True)
    assert len(trained(store=store)) == 1
    np.testing.assert_allclose(curves(store.epochs), whole, rtol=1e-3, atol=1e-4)


def test_from_disk_as_on_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr(on_disk, "PART_ROWS", 128)
    files = prepare_files([some_spectra()], tmp_path)
    cpu, gpu = (trained(files, device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-3, atol=1e-4)
