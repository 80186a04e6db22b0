"""Stage `causes`: what the jumps of the free-running loss come from, and what of each happens at a bifurcation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lossjumps.analysis.event_shares import (
    EventShares,
    Level,
    Parameters,
    event_shares,
    matched_steps,
    parameters_on_the_way,
    together,
)
from lossjumps.analysis.events import LOSSES, RECORDED_LOSS, counted
from lossjumps.analysis.free_runs import FreeRuns, longest_linger
from lossjumps.analysis.jump_causes import (
    LINGERS,
    SLOW,
    SPIKE,
    Evidence,
    attractor_change,
    other_epochs,
    ratio_to_surroundings,
)
from lossjumps.analysis.jumps import log_loss
from lossjumps.configuration import load_batch, load_events, load_search
from lossjumps.configuration.loading import Batch
from lossjumps.data.none import NO_DATA
from lossjumps.progress import Progress, silent
from lossjumps.schema import EvaluationConfig, EventsConfig
from lossjumps.stages.files import as_table, read_arrays, read_table, write_table
from lossjumps.stages.networks import RunNetworks, latent_states, networks_of
from lossjumps.stages.tables import SERIES, Attractors, Bifurcations, Causes, Cycles, History, Jumps
from lossjumps.training.evaluation_set import evaluation_starts

SHORT, LONG = LOSSES[:2]
_NOTHING = EventShares(np.nan, None, np.nan, np.nan, np.nan, np.nan)


def run(folder: Path, progress: Progress = silent) -> None:
    """Write ``causes.parquet`` of a batch.

    Parameters
    ----------
    folder : Path
        The batch's folder.
    progress : callable
        Told how many jumps of how many are explained, with the run.

    Raises
    ------
    InputError
        If the folder is no batch folder, or a file of an earlier stage is missing or not whole.
    """
    batch = load_batch(folder)
    search, events = load_search(batch.experiment_folder), load_events(batch.experiment_folder)
    tables = BatchTables.read(batch)
    evaluation = None
    if batch.dataset.name != NO_DATA:
        evaluation = Evaluation.of(read_arrays(batch.data_file, SERIES)["test"], batch.training.evaluation)
    wanted = (SHORT, LONG) if evaluation else (RECORDED_LOSS,)
    jumps = tables.jumps[tables.jumps["loss"].isin(wanted)]
    rows: list[dict[str, object]] = []
    for name, seed, networks in zip(batch.runs, batch.seeds, networks_of(batch, search.attractor_states), strict=True):
        own = RunTables.of(tables, name, search.max_order)
        explained = RunCauses(
            networks, own, evaluation, events, search.max_order, seed, batch.training.points_per_epoch
        )
        for jump in jumps[jumps["run"] == name].itertuples():
            rows.append({"run": name} | explained.of(int(jump.epoch), jump.loss, int(jump.sign)))
            progress(len(rows), len(jumps), name)
    write_table(batch.folder / Causes.FILE, as_table(rows, Causes), Causes)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What the free-running losses are measured on."""

    runs: FreeRuns
    horizons: Mapping[str, int]
    median_step: float
    """Of the data."""

    @classmethod
    def of(cls, test: np.ndarray, config: EvaluationConfig) -> "Evaluation":
        """Take the evaluation set of a test series (samples, N)."""
        horizons = {SHORT: config.horizon, LONG: config.horizon_long}
        median_step = float(np.median(np.linalg.norm(np.diff(test, axis=0), axis=1)))
        samples = np.arange(config.horizon_long + 1)[:, None] + evaluation_starts(len(test), config)
        return cls(FreeRuns(test[samples]), horizons, median_step)


@dataclass(frozen=True, eq=False)
class BatchTables:
    """The tables of a batch, all runs together."""

    history: pd.DataFrame
    jumps: pd.DataFrame
    bifurcations: pd.DataFrame
    attractors: pd.DataFrame
    cycles: pd.DataFrame

    @classmethod
    def read(cls, batch: Batch) -> "BatchTables":
        """Read the columns that are needed here."""
        columns = {
            History: ["run", "epoch", *LOSSES, RECORDED_LOSS, "grad_norm_max", "step_length"],
            Jumps: ["run", "epoch", "loss", "sign"],
            Bifurcations: ["run", "epoch", "update", "fraction", "kind", "cycle", "topological", "occupied"],
            Attractors: ["run", "epoch", "state", "attractor"],
            Cycles: ["run", "epoch", "order", "cycle", "stable"],
        }
        return cls(*(read_table(batch.folder / schema.FILE, schema, names) for schema, names in columns.items()))


@dataclass(frozen=True, eq=False)
class RunTables:
    """What the tables say of one run, by epoch."""

    history: pd.DataFrame
    jumps: Mapping[str, np.ndarray]
    """Epochs with a jump, by loss."""
    events: Mapping[int, pd.DataFrame]
    """Bifurcations that count."""
    attractors: Mapping[int, list[str]]
    stable: Mapping[int, set[str]]
    long: set[str]

    @classmethod
    def of(cls, tables: BatchTables, name: str, max_order: int) -> "RunTables":
        """Take the rows of one run."""

        def own(table: pd.DataFrame) -> pd.DataFrame:
            return table[table["run"] == name]

        bifurcations, cycles = own(tables.bifurcations), own(tables.cycles)
        cycles = cycles.assign(name="cycle:" + cycles["cycle"].astype(str))
        attractors = own(tables.attractors).sort_values(["epoch", "state"])
        return cls(
            own(tables.history).sort_values("epoch").reset_index(drop=True),
            {str(loss): rows.to_numpy() for loss, rows in own(tables.jumps).groupby("loss")["epoch"]},
            dict(tuple(bifurcations[counted(bifurcations)].groupby("epoch"))),
            {int(epoch): list(rows) for epoch, rows in attractors.groupby("epoch")["attractor"]},
            {int(epoch): set(rows) for epoch, rows in cycles[cycles["stable"]].groupby("epoch")["name"]},
            set(cycles.loc[cycles["order"] > max_order, "name"]),
        )


@dataclass(frozen=True, eq=False)
class RunCauses:
    """What the jumps of one run come from."""

    networks: RunNetworks
    tables: RunTables
    evaluation: Evaluation | None
    events: EventsConfig
    max_order: int
    seed: int
    points_per_epoch: int

    def of(self, epoch: int, loss: str, sign: int) -> dict[str, object]:
        """Make the row of the jump of a loss that begins at an epoch, without its run."""
        events = self.tables.events.get(epoch)
        places = np.empty(0) if events is None else self._places(events)
        shares, of_long = self._shares(epoch, loss, places)
        carries = None
        if shares.place is not None:
            there = together(places) == shares.place
            carries = events[there].sort_values("occupied", kind="stable").iloc[-1]
        evidence = Evidence(
            share=float(np.fmax(shares.share, of_long.share)),
            occupied=events is not None and bool(events["occupied"].any()),
            measured=self.evaluation is not None,
            attractor_change=self._attractor_change(epoch),
            ghost_steps=self._ghost_steps(epoch),
            step_ratio=self._ratio("step_length", epoch),
        )
        level = log_loss(self.tables.history[loss].to_numpy())
        elsewhere = self._elsewhere(epoch, loss)
        return {
            "epoch": epoch,
            "loss": loss,
            "sign": sign,
            "change": float(level[epoch + 1] - level[epoch]),
            "events": 0 if events is None else len(events),
            "update": pd.NA if carries is None else carries["update"],
            "fraction": np.nan if carries is None else carries["fraction"],
            "kind": "" if carries is None else carries["kind"],
            "cycle": pd.NA if carries is None else carries["cycle"],
            "occupied": pd.NA if carries is None else carries["occupied"],
            "share": shares.share,
            "share_random": shares.random,
            "share_reversed": shares.reversed,
            "share_matched": shares.matched,
            "share_long": of_long.share,
            "share_long_random": of_long.random,
            "step_ratio": evidence.step_ratio,
            "gradient_ratio": self._ratio("grad_norm_max", epoch),
            "attractor_change": evidence.attractor_change,
            "ghost_steps": evidence.ghost_steps,
            "cause": evidence.cause,
            "others": len(elsewhere),
            "others_attractor_change": sum(bool(self._attractor_change(other)) for other in elsewhere),
            "others_ghost": sum(self._ghost_steps(other) >= LINGERS for other in elsewhere),
            "others_step_spike": sum(self._ratio("step_length", other) >= SPIKE for other in elsewhere),
        }

    def _elsewhere(self, epoch: int, loss: str) -> np.ndarray:
        """Epochs near a jump without one: what is found there as well is no sign of a cause."""
        generator = np.random.default_rng([self.events.coincidence.seed, self.seed, epoch, 1])
        jumps = self.tables.jumps.get(loss, np.empty(0, dtype=np.int64))
        return other_epochs(epoch, jumps, len(self.tables.attractors) - 1, self.events.jumps.window, generator)

    def _places(self, events: pd.DataFrame) -> np.ndarray:
        """Where on the way through the epoch, from 0 to 1, bifurcations lie."""
        return ((events["update"] + events["fraction"]) / self.points_per_epoch).to_numpy()

    def _shares(self, epoch: int, loss: str, places: np.ndarray) -> tuple[EventShares, EventShares]:
        """Shares of the change of the jump's own loss, and of that over the long horizon."""
        if self.evaluation is None or not places.size:
            return _NOTHING, _NOTHING
        generator = np.random.default_rng([self.events.coincidence.seed, self.seed, epoch])
        first = epoch * self.points_per_epoch
        way = [self._parameters(point) for point in range(first, first + self.points_per_epoch + 1)]
        starts = latent_states(way[0], self.evaluation.runs.data[0])
        others = matched_steps(way[0], way[-1], self.networks.network, starts, generator)
        found = {
            name: event_shares(
                self._level(name, way), [self._level(name, [way[0], other]) for other in others], places, generator
            )
            for name in dict.fromkeys((loss, LONG))
        }
        of_long = found[LONG]
        return found[loss], of_long if abs(of_long.change) >= self.events.jumps.min_change else _NOTHING

    def _parameters(self, point: int) -> dict[str, np.ndarray]:
        return {key: array[point] for key, array in self.networks.parameters.items()}

    def _level(self, loss: str, way: Sequence[Parameters]) -> Level:
        """log10 of a loss along a way through an epoch; what is not finite counts as in the detector."""
        evaluation = self.evaluation
        recorded = self.tables.history[loss].to_numpy()
        ceiling = np.max(recorded[np.isfinite(recorded)], initial=0.0) * 10.0

        def level(place: float) -> float:
            there = parameters_on_the_way(way, place)
            starts = latent_states(there, evaluation.runs.data[0])
            value = evaluation.runs.loss(self.networks.network(there), starts, evaluation.horizons[loss])
            return float(np.log10(np.clip(value, np.finfo(float).tiny, ceiling or 1.0)))

        return level

    def _attractor_change(self, epoch: int) -> str:
        tables = self.tables
        before, after = (tables.attractors[at] for at in (epoch, epoch + 1))
        stable = [tables.stable.get(at, set()) for at in (epoch, epoch + 1)]
        return attractor_change(before, after, *stable, tables.long)

    def _ghost_steps(self, epoch: int) -> int:
        if self.evaluation is None:
            return 0
        horizon, slow = self.evaluation.horizons[LONG], SLOW * self.evaluation.median_step
        starts = self.evaluation.runs.data[0]
        points = [(epoch + after) * self.points_per_epoch for after in (0, 1)]
        return max(
            longest_linger(
                self.networks.maps[point], latent_states(self._parameters(point), starts), horizon, self.max_order, slow
            )
            for point in points
        )

    def _ratio(self, column: str, epoch: int) -> float:
        """Of the epoch that ends at the next row."""
        return ratio_to_surroundings(self.tables.history[column].to_numpy(), epoch + 1, self.events.jumps.window)
