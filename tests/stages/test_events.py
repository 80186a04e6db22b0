"""Stages jumps and coincidences on small tables worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from tests.stages.whole_tables import whole

from lossjumps.analysis.events import COUNTED_KINDS, LOSSES
from lossjumps.analysis.jumps import find_jumps
from lossjumps.errors import InputError
from lossjumps.schema import JumpsConfig
from lossjumps.stages import coincidences, jumps
from lossjumps.stages.files import write_table
from lossjumps.stages.tables import Bifurcations, Coincidences, History, Jumps, Status

RUNS = ("toy-s0", "toy-s1")


def history():
    """Run s0: loss_free halves at 19; at 9 loss_forced rises and the divergence falls, tenfold.

    Run s1 lives for 3 epochs and never jumps.
    """
    free = np.where(np.arange(41) <= 19, 1.0, 0.5)
    forced = np.where(np.arange(41) <= 9, 1.0, 10.0)
    long = pd.DataFrame(
        {"run": "toy-s0", "epoch": np.arange(41), "loss_free": free, "loss_free_long": 1.0, "loss_forced": forced}
    ).assign(state_space_divergence=4.0 / forced)
    short = pd.DataFrame(
        {
            "run": "toy-s1",
            "epoch": np.arange(4),
            "loss_free": [1, 1, 9, np.inf],
            "loss_free_long": 1,
            "loss_forced": 1.0,
            "state_space_divergence": np.inf,
        }
    )
    return pd.concat([short, long.sample(frac=1, random_state=0)])  # the order of the rows does not matter


def test_jumps_of_every_run_and_loss():
    table = jumps.jumps_table(history(), RUNS, JumpsConfig())
    assert table[["run", "loss", "epoch", "sign", "shape", "duration", "detector"]].values.tolist() == [
        ["toy-s0", "loss_free", 19, -1, "shift", 1, "robust-z"],
        ["toy-s0", "loss_forced", 9, 1, "shift", 1, "robust-z"],
        ["toy-s0", "state_space_divergence", 9, -1, "shift", 1, "robust-z"],
    ]
    assert table["confirmed"].all()  # steps between straight lines
    assert table["size"].tolist() == pytest.approx([-np.log10(2), 1.0, -1.0])
    assert dict(table.dtypes.astype(str)) == Jumps.dtypes()
    (jump,) = find_jumps(np.where(np.arange(41) <= 19, 1.0, 0.5))
    assert table["score"][0] == jump.score


def test_a_configuration_is_obeyed():
    assert len(jumps.jumps_table(history(), RUNS, JumpsConfig(min_change=0.5))) == 2
    assert len(jumps.jumps_table(history(), RUNS, JumpsConfig(threshold=1e6))) == 0


def test_a_table_without_jumps_has_the_same_columns():
    table = jumps.jumps_table(history(), RUNS[1:], JumpsConfig())
    assert len(table) == 0
    assert dict(table.dtypes.astype(str)) == Jumps.dtypes()


def test_holes_in_the_history_are_refused():
    with pytest.raises(InputError, match="run toy-s7 is missing"):
        jumps.jumps_table(history(), ("toy-s7",), JumpsConfig())
    holes = history().query("epoch != 2")
    with pytest.raises(InputError, match="run toy-s0: expected every epoch"):
        jumps.jumps_table(holes, RUNS, JumpsConfig())


def bifurcations():
    rows = [
        # run, epoch, kind, topological, occupied
        ("toy-s0", 8, "nonsmooth_fold", True, True),
        ("toy-s0", 8, "degenerate_flip", True, False),  # a second one in the same epoch
        ("toy-s0", 18, "persistence", False, True),  # keeps its stability: no bifurcation in the topological sense
        ("toy-s0", 19, "unresolved", True, True),
        ("toy-s0", 30, "persistence", True, False),
        ("toy-s0", 40, "nonsmooth_fold", True, True),  # beyond the last epoch that the run lived
        ("toy-s1", 2, "centre", True, False),
    ]
    return pd.DataFrame(rows, columns=["run", "epoch", "kind", "topological", "occupied"])


STATUS = pd.DataFrame({"run": ["toy-s1", "toy-s0"], "status": ["diverged", "finished"], "last_epoch": [3, 40]})


def test_coincidences_on_paper():
    found = jumps.jumps_table(history(), RUNS, JumpsConfig())
    table = coincidences.coincidences_table(found, bifurcations(), STATUS, RUNS, [1, 0])
    assert len(table) == 2 * len(LOSSES) * len(COUNTED_KINDS) * 2
    rows = table.set_index(["run", "loss", "kind", "window"])
    counts = ["jumps", "bifurcations", "precursor_hits", "trigger_hits", "epochs", "covered"]
    expected = {
        # loss_forced jumps at 9, one epoch after the fold and the flip at 8; loss_free at 19.  "any": epochs 8 and 30.
        ("toy-s0", "loss_forced", "any", 0): [1, 2, 0, 0, 40, 2],
        ("toy-s0", "loss_forced", "any", 1): [1, 2, 1, 1, 40, 4],
        ("toy-s0", "loss_forced", "occupied", 1): [1, 1, 1, 1, 40, 2],
        ("toy-s0", "loss_forced", "nonsmooth_fold", 1): [1, 1, 1, 1, 40, 2],
        ("toy-s0", "loss_forced", "degenerate_flip", 1): [1, 1, 1, 1, 40, 2],
        ("toy-s0", "loss_forced", "persistence", 1): [1, 1, 0, 0, 40, 2],
        ("toy-s0", "loss_free", "any", 1): [1, 2, 0, 0, 40, 4],
        ("toy-s0", "loss_free", "unresolved", 0): [1, 1, 1, 1, 40, 1],
        ("toy-s0", "loss_free_long", "any", 1): [0, 2, 0, 0, 40, 4],
        # Run s1 lived for the epochs 0, 1, 2: of the window after 2 only that epoch is left.
        ("toy-s1", "loss_free", "centre", 1): [0, 1, 0, 0, 3, 1],
        ("toy-s1", "loss_free", "any", 0): [0, 1, 0, 0, 3, 1],
    }
    for key, values in expected.items():
        assert rows.loc[key, counts].tolist() == values, key
    assert dict(table.dtypes.astype(str)) == Coincidences.dtypes()
    assert table["window"].tolist()[:2] == [0, 1]


def test_runs_without_events_are_counted():
    none = jumps.jumps_table(history(), RUNS[1:], JumpsConfig())
    table = coincidences.coincidences_table(none, bifurcations()[:0], STATUS, RUNS, [0])
    assert len(table) == 2 * len(LOSSES) * len(COUNTED_KINDS)
    assert (table[["jumps", "bifurcations", "precursor_hits", "trigger_hits", "covered"]] == 0).all(axis=None)
    with pytest.raises(InputError, match=r"status.parquet: run toy-s7 is missing"):
        coincidences.coincidences_table(none, bifurcations(), STATUS, ("toy-s7",), [0])


@pytest.fixture
def batch_folder(tmp_path):
    """A batch folder with two runs, as the stages train and dynamics leave it."""
    settings = tmp_path / "settings"
    settings.mkdir()
    (settings / "events.yaml").write_text(
        "jumps: {threshold: 8.0}\ncoincidence: {windows: [0, 1], primary_window: 1}\n"
    )
    folder = tmp_path / "batches" / "toy-s0-1"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "condition: toy\nlabel: toy\ndata: toy\nseeds: [0, 1]\ndataset: {name: lorenz63}\n"
        "model: {name: shallow_plrnn, latent: 3, hidden: 5}\ntraining: {name: bptt}\n"
    )
    write_table(folder / History.FILE, whole(history(), History), History)
    write_table(folder / Status.FILE, whole(STATUS, Status), Status)
    write_table(folder / Bifurcations.FILE, whole(bifurcations(), Bifurcations), Bifurcations)
    return folder


def test_the_stages_write_the_same_bytes_each_time(batch_folder):
    jumps.run(batch_folder)
    coincidences.run(batch_folder)
    table = pd.read_parquet(batch_folder / "jumps.parquet")
    pd.testing.assert_frame_equal(table, jumps.jumps_table(history(), RUNS, JumpsConfig()))
    counted = pd.read_parquet(batch_folder / "coincidences.parquet")
    pd.testing.assert_frame_equal(counted, coincidences.coincidences_table(table, bifurcations(), STATUS, RUNS, [0, 1]))
    before = [(batch_folder / name).read_bytes() for name in ("jumps.parquet", "coincidences.parquet")]
    jumps.run(batch_folder)
    coincidences.run(batch_folder)
    assert [(batch_folder / name).read_bytes() for name in ("jumps.parquet", "coincidences.parquet")] == before
