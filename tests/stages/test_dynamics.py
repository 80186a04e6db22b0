"""Stage `dynamics` on parameters that wander: its tables against brute force, and against each other."""

import numpy as np
import pandas as pd
import pytest
import yaml
from tests.random_maps import brute_force_fixed_points

from lossjumps import ReluMap
from lossjumps.configuration.objects import to_mapping
from lossjumps.configuration.registries import dataset_object, model_object, training_object
from lossjumps.errors import InputError
from lossjumps.maps.paths import Segment
from lossjumps.schema import SearchConfig
from lossjumps.search import itineraries
from lossjumps.stages import dynamics
from lossjumps.stages.files import write_arrays, write_table
from lossjumps.stages.tables import SERIES, Status, recorded_parameters

EPOCHS, HIDDEN, OBSERVED, LATENT = 25, 6, 2, 3
SHAPES = {"A": (LATENT,), "W1": (LATENT, HIDDEN), "W2": (HIDDEN, LATENT), "h1": (LATENT,), "h2": (HIDDEN,)}
LAST = (EPOCHS, 11)
ALPHA = 0.25


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """A batch folder with two runs, the second of which diverged, and its tables."""
    experiment = tmp_path_factory.mktemp("experiment")
    folder = experiment / "batches" / "vanderpol-shallow_plrnn-gtf-s0-1-00000000"
    folder.mkdir(parents=True)
    generator = np.random.default_rng(31)
    config = {
        "dataset": to_mapping(dataset_object({"name": "vanderpol"})),
        "model": to_mapping(model_object({"name": "shallow_plrnn", "latent": LATENT, "hidden": HIDDEN})),
        "training": to_mapping(training_object({"name": "gtf", "alpha": ALPHA, "epochs": EPOCHS})),
        "seeds": [0, 1],
        "condition": "c",
        "label": "c",
        "data": "series",
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (experiment / "settings").mkdir()
    search = to_mapping(SearchConfig(max_order=2, transient=300, attractor_states=3, certified_units=4))
    (experiment / "settings" / "search.yaml").write_text(yaml.safe_dump(search))
    series = generator.normal(size=(50, OBSERVED))
    one = np.ones(OBSERVED)
    arrays = {"train": series, "test": series, "mean": 0 * one, "standard_deviation": one, "time_step": np.array(1.0)}
    write_arrays(experiment / "data" / "series.npz", arrays | {"noise": 0 * series}, SERIES)
    arrays = {"seeds": np.array([0, 1])}
    shapes = SHAPES | {"L": (LATENT - OBSERVED, OBSERVED)}
    for name, shape in shapes.items():
        walk = generator.normal(size=(2, 1, *shape)) * (0.3 if name == "A" else 0.5)
        steps = generator.normal(size=(2, EPOCHS, *shape)) * (0.02 if name == "A" else 0.15)
        arrays[name] = np.concatenate([walk, walk + np.cumsum(steps, axis=1)], axis=1)
        arrays[name][1, LAST[1] + 1 :] = np.nan
    write_arrays(folder / "parameters.npz", arrays, recorded_parameters(shapes, 2, EPOCHS + 1))
    status = {"run": ["c-s0", "c-s1"], "status": ["finished", "diverged"], "last_epoch": LAST, "why": ["", "loss"]}
    write_table(folder / Status.FILE, pd.DataFrame(status), Status)
    dynamics.run(folder)
    tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("cycles", "bifurcations", "attractors")}
    maps = {
        f"c-s{run}": [
            ReluMap.shallow_plrnn(*(arrays[name][run, epoch] for name in ("A", "W1", "W2", "h1", "h2")))
            for epoch in range(LAST[run] + 1)
        ]
        for run in range(2)
    }
    return folder, tables, maps


def test_fixed_points_of_every_epoch_are_those_of_brute_force(batch):
    _, tables, maps = batch
    fixed = tables["cycles"].query("order == 1")
    for run, run_maps in maps.items():
        for epoch, m in enumerate(run_maps):
            rows = fixed[(fixed.run == run) & (fixed.epoch == epoch)]
            expected = {
                itineraries.text(np.frombuffer(key, dtype=bool)): point
                for key, point in brute_force_fixed_points(m).items()
            }
            assert set(rows.itinerary) == set(expected)
            assert rows.complete.all()
            for row in rows.itertuples():
                np.testing.assert_allclose(row.point, expected[row.itinerary], rtol=1e-9, atol=1e-12)
                radius = np.abs(np.linalg.eigvals(m.jacobian(expected[row.itinerary]))).max()
                np.testing.assert_allclose(row.largest_multiplier, radius, rtol=1e-9)
                assert row.stable == (radius < 1)


def test_births_and_deaths_account_for_every_object(batch):
    _, tables, maps = batch
    changes = 0
    for run, run_maps in maps.items():
        cycles, events = (tables[name][tables[name].run == run] for name in ("cycles", "bifurcations"))
        cycles = cycles[cycles.order <= 2]
        for epoch in range(len(run_maps) - 1):
            before, after = (set(cycles[cycles.epoch == e].cycle) for e in (epoch, epoch + 1))
            alive = set(before)
            for event in events[events.epoch == epoch].sort_values("fraction").itertuples():
                if event.direction != "through":
                    assert (event.cycle in alive) == (event.direction == "death")
                    alive ^= {event.cycle}
                    changes += 1
                alive ^= set(event.companions)
            assert alive == after
    assert changes > 5


def test_the_object_of_a_fold_is_the_one_whose_stability_is_told(batch):
    _, tables, _ = batch
    cycles = tables["cycles"].set_index(["run", "epoch", "cycle"])
    looked_at = 0
    folds = tables["bifurcations"].query("kind == 'nonsmooth_fold'")
    for fold in folds.itertuples():
        dies = fold.direction == "death"
        there = (fold.run, fold.epoch if dies else fold.epoch + 1, fold.cycle)
        others = tables["bifurcations"].query("run == @fold.run and epoch == @fold.epoch and cycle == @fold.cycle")
        if there in cycles.index and len(others) == 1:
            assert cycles.stable[there] == (fold.stable_before if dies else fold.stable_after)
            looked_at += 1
    assert looked_at > 0


def test_the_point_of_an_event_is_a_point_of_its_object_there(batch):
    _, tables, maps = batch
    looked_at = set()
    for event in tables["bifurcations"].itertuples():
        m = Segment(*maps[event.run][event.epoch : event.epoch + 2])(event.fraction)
        size = np.abs(event.point).max()
        if event.kind != "degenerate_transcritical" and size < 1e3:
            np.testing.assert_allclose(m.orbit(event.point, event.order)[-1], event.point, atol=1e-6 * max(1.0, size))
            looked_at.add((event.kind, event.order))
    assert {("nonsmooth_fold", 1), ("persistence", 1), ("persistence", 2)} <= looked_at


def test_stability_changes_only_at_events(batch):
    _, tables, _ = batch
    cycles = tables["cycles"].sort_values(["run", "cycle", "epoch"])
    changed = cycles[(cycles.groupby(["run", "cycle"]).stable.shift() != cycles.stable)]
    changed = changed[changed.groupby(["run", "cycle"]).cumcount() > 0]
    events = tables["bifurcations"]
    for row in changed.itertuples():
        there = events[(events.run == row.run) & (events.epoch == row.epoch - 1) & (events.cycle == row.cycle)]
        assert (there.topological & (there.direction == "through")).any()


def test_attractors_are_rows_of_the_cycles_and_the_certificate_is_the_inequality(batch):
    _, tables, maps = batch
    attractors, cycles = tables["attractors"], tables["cycles"]
    assert attractors.groupby(["run", "epoch"]).size().eq(3).all()
    on_cycle = attractors[attractors.attractor.str.startswith("cycle:")]
    assert len(on_cycle) > 0
    known = set(cycles[cycles.stable][["run", "epoch", "cycle"]].itertuples(index=False, name=None))
    for row in on_cycle.itertuples():
        assert (row.run, row.epoch, int(row.attractor.removeprefix("cycle:"))) in known
    assert set(attractors.attractor[~attractors.attractor.str.startswith("cycle:")]) <= {"aperiodic", "diverged"}
    assert (attractors.forced_certificate == ((1 - ALPHA) * attractors.jacobian_norm < 1)).all()
    generator = np.random.default_rng(0)
    for run, run_maps in maps.items():
        for epoch, m in enumerate(run_maps):
            norm = attractors[(attractors.run == run) & (attractors.epoch == epoch)].jacobian_norm.iloc[0]
            assert max(np.linalg.norm(m.jacobian(z), 2) for z in generator.normal(size=(50, LATENT))) <= norm * (
                1 + 1e-12
            )


def test_same_bytes_again(batch):
    folder, _, _ = batch
    names = ("cycles", "bifurcations", "attractors")
    before = [(folder / f"{name}.parquet").read_bytes() for name in names]
    dynamics.run(folder)
    assert [(folder / f"{name}.parquet").read_bytes() for name in names] == before


def test_a_missing_file_is_named(batch, tmp_path):
    folder, _, _ = batch
    empty = tmp_path / "batches" / folder.name
    empty.mkdir(parents=True)
    (empty / "config.yaml").write_bytes((folder / "config.yaml").read_bytes())
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "search.yaml").write_bytes(
        (folder.parent.parent / "settings" / "search.yaml").read_bytes()
    )
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "series.npz").write_bytes((folder.parent.parent / "data" / "series.npz").read_bytes())
    with pytest.raises(InputError, match=r"parameters\.npz: file not found"):
        dynamics.run(empty)
    assert not (empty / "cycles.parquet").exists()
