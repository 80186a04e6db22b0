"""`training.record=update`: a small training, recorded at epochs and at updates, trained, searched and replayed."""

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.random_maps import brute_force_fixed_points
from tests.stages.test_train import make_batch

from lossjumps import ReluMap
from lossjumps.configuration.objects import to_mapping
from lossjumps.schema import SearchConfig
from lossjumps.stages import dynamics, train
from lossjumps.stages.replay import replay

EPOCHS, UPDATES, SEEDS = 8, 3, [1, 2]
RUNS = [f"vanderpol-shallow_plrnn-bptt-0123abcd-s{seed}" for seed in SEEDS]
TABLES = ("cycles", "bifurcations", "attractors")
PARAMETERS = ("A", "W1", "W2", "h1", "h2")


def analysed(experiment, **training):
    """A batch that is trained and searched."""
    (experiment / "settings").mkdir(parents=True)
    search = to_mapping(SearchConfig(max_order=2, transient=200, attractor_states=2, certify_every=4))
    (experiment / "settings" / "search.yaml").write_text(yaml.safe_dump(search))
    options = {"epochs": EPOCHS, "learning_rate": 0.3, "learning_rate_end": 0.3} | training
    folder = make_batch(experiment, SEEDS, **options)
    train.run(folder)
    dynamics.run(folder)
    return folder


@pytest.fixture(scope="module")
def batches(tmp_path_factory):
    """The same training, its parameters recorded at epochs and at updates."""
    folder = tmp_path_factory.mktemp("both")
    return {
        record: analysed(folder / record, updates_per_epoch=UPDATES, record=record) for record in ("epoch", "update")
    }


def test_updates_lie_between_the_same_epochs_and_losses_are_those_of_epochs(batches, tmp_path):
    at_epochs, at_updates = (dict(np.load(folder / "parameters.npz")) for folder in batches.values())
    for name in PARAMETERS:
        assert at_updates[name].shape[:2] == (len(SEEDS), EPOCHS * UPDATES + 1)
        assert np.array_equal(at_updates[name][:, ::UPDATES], at_epochs[name])
        assert (np.diff(at_updates["h1"], axis=1) != 0.0).any(axis=2).all()
    for name in ("history", "status"):
        one, other = ((folder / f"{name}.parquet").read_bytes() for folder in batches.values())
        assert one == other
    list(replay(batches["epoch"], RUNS[1], 2, 5, tmp_path / "updates.npz"))
    replayed = np.load(tmp_path / "updates.npz")
    for name in PARAMETERS:
        assert np.array_equal(at_updates[name][1, 2 * UPDATES : 5 * UPDATES + 1], replayed[name])


def test_a_training_recorded_at_updates_is_replayed_as_one_recorded_at_epochs(batches):
    one, other = (list(replay(folder, RUNS[0], 0, EPOCHS)) for folder in batches.values())
    assert one == other
    tables = (pd.read_parquet(folder / "bifurcations.parquet") for folder in batches.values())
    chords, updates = (sum((table.run == RUNS[0]) & table.topological) for table in tables)
    assert one[-1].endswith(
        f": {chords} bifurcations on the straight lines between epochs, {updates} on those between updates"
    )
    assert chords != updates


def test_objects_and_attractors_are_those_of_epochs(batches):
    for name in ("cycles", "attractors"):
        one, other = (pd.read_parquet(folder / f"{name}.parquet") for folder in batches.values())
        assert set(other.epoch) == set(range(EPOCHS + 1))
        assert one.groupby(["run", "epoch"]).size().equals(other.groupby(["run", "epoch"]).size())
    one, other = (pd.read_parquet(folder / "cycles.parquet") for folder in batches.values())
    assert one[["run", "epoch", "itinerary"]].equals(other[["run", "epoch", "itinerary"]])


def test_events_account_for_every_fixed_point_at_every_update(batches):
    folder = batches["update"]
    arrays = dict(np.load(folder / "parameters.npz"))
    cycles, events = (pd.read_parquet(folder / f"{name}.parquet") for name in ("cycles", "bifurcations"))
    assert not (events.kind == "unresolved").any()
    assert set(events["update"]) == set(range(UPDATES))
    counted = inside = 0
    for position, run in enumerate(RUNS):
        fixed = cycles[(cycles.run == run) & (cycles.order == 1)]
        alive = set(fixed[fixed.epoch == 0].cycle)
        for point in range(1, EPOCHS * UPDATES + 1):
            epoch, update = divmod(point - 1, UPDATES)
            mine = events[(events.run == run) & (events.epoch == epoch) & (events["update"] == update)]
            assert mine.fraction.is_monotonic_increasing
            for event in mine[(mine.order == 1) & (mine.direction != "through")].itertuples():
                assert (event.cycle in alive) == (event.direction == "death")
                alive ^= {event.cycle, *event.companions[: event.kind == "nonsmooth_fold"]}
                counted, inside = counted + 1, inside + (update < UPDATES - 1)
            m = ReluMap.shallow_plrnn(*(arrays[name][position, point] for name in PARAMETERS))
            assert len(alive) == len(brute_force_fixed_points(m))
            if point % UPDATES == 0:
                assert alive == set(fixed[fixed.epoch == epoch + 1].cycle)
    assert counted > 10 and inside > 5


def test_with_one_update_an_epoch_both_are_the_same_bytes(tmp_path):
    one, other = (analysed(tmp_path / record, updates_per_epoch=1, record=record) for record in ("epoch", "update"))
    for name in ("parameters.npz", "history.parquet", *(f"{name}.parquet" for name in TABLES)):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert len(pd.read_parquet(one / "bifurcations.parquet")) > 5
