"""The recording is the one documented, and embedded as documented."""

import hashlib
import importlib.resources
import sys

import numpy as np
import pytest

from lossjumps.data import santafe_laser
from lossjumps.data.santafe_laser import SantaFeLaserConfig
from lossjumps.errors import InputError

pytest.importorskip("reservoirpy", reason="the recording is in the package reservoirpy, of the extra `pipeline`")


def test_the_file_is_the_documented_one():
    content = importlib.resources.files("reservoirpy.datasets").joinpath("santafe_laser.npy").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith("8c0728")


def test_recording():
    recording = santafe_laser.recording()
    assert recording.shape == (santafe_laser.SAMPLES, 1) == (10093, 1)
    np.testing.assert_array_equal(recording[:5, 0], [86, 141, 95, 41, 22])
    assert (recording.min(), recording.max()) == (recording.min().round(), 255)
    assert recording.mean() == pytest.approx(59.8316, abs=1e-4)


def test_series():
    series = santafe_laser.load(SantaFeLaserConfig(name="santafe_laser"))
    assert series.train.shape == series.test.shape == (5000, 3)
    np.testing.assert_array_equal(series.noise, 0.0)
    raw = santafe_laser.recording()[:, 0]
    train = series.train * series.standard_deviation + series.mean
    test = series.test * series.standard_deviation + series.mean
    for copy, lag in enumerate((0, 2, 4)):
        np.testing.assert_allclose(train[:, copy], raw[4 - lag : 5004 - lag], atol=1e-9)
        np.testing.assert_allclose(test[:, copy], raw[5008 - lag : 10008 - lag], atol=1e-9)


def test_too_long_a_series_is_refused():
    for refuse in (santafe_laser.load, santafe_laser.check):
        with pytest.raises(InputError, match=r"dataset santafe_laser: expected at least 14008 samples .*, found 10093"):
            refuse(SantaFeLaserConfig(name="santafe_laser", length_train=9000))
    santafe_laser.check(SantaFeLaserConfig(name="santafe_laser", length_train=5085))
    with pytest.raises(InputError, match="at least 10094 samples"):
        santafe_laser.check(SantaFeLaserConfig(name="santafe_laser", length_train=5086))


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "reservoirpy", None)
    monkeypatch.setitem(sys.modules, "reservoirpy.datasets", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        santafe_laser.load(SantaFeLaserConfig(name="santafe_laser"))
    assert caught.value.name.startswith("reservoirpy")
