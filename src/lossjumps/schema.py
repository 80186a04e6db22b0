"""Dataclass schemas of the configuration: keys, types, defaults and ranges; the bottom module beside `errors`.

Hydra composes the YAML of `conf/`; `lossjumps.configuration` then merges the values into these classes by OmegaConf,
so a misspelt key or a wrong type is refused before any job starts.  Ranges are checked in ``__post_init__``, which
runs when the configuration becomes an object.  The keys that belong to one kind of data set are in its own module,
`lossjumps.data.<name>`.  Science code receives these objects and never sees Hydra.
"""

import math
import re
import string
from dataclasses import dataclass, field
from typing import Any

from lossjumps.errors import InputError, shown


def require(condition: bool, key: str, expected: str, value: Any) -> None:
    """Raise `InputError` naming the key, what was expected and what was given, unless the condition holds."""
    if not condition:
        raise InputError(f"{key}: expected {expected}, got {shown(value)}")


def readable_bytes(number: float) -> str:
    """A number of bytes with a unit: "12 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if number >= 10 or unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


@dataclass
class DatasetConfig:
    """What every data set has; each kind of data set adds its own keys (`lossjumps.data.registry`)."""

    name: str = "???"
    """Registry entry of the data set."""
    length_train: int = 5000
    """Samples of the training series (after embedding). Unit: samples."""
    length_test: int = 5000
    """Samples of the test series, which follows the training series. Unit: samples."""
    noise: float = 0.0
    """Observation noise of the training series, as a fraction of each column's standard deviation.
    Unit: standard deviations."""
    noise_seed: int = 0
    """Seed of the observation noise and of a simulation's initial state."""

    def __post_init__(self) -> None:
        require(self.length_train >= 2, "dataset.length_train", "at least 2 samples", self.length_train)
        require(self.length_test >= 2, "dataset.length_test", "at least 2 samples", self.length_test)
        require(0 <= self.noise < math.inf, "dataset.noise", "a finite fraction >= 0", self.noise)
        require(self.noise_seed >= 0, "dataset.noise_seed", "an integer >= 0", self.noise_seed)


@dataclass
class ModelConfig:
    """A family of ReLU networks and its size."""

    name: str = "???"
    """Family: an entry of `lossjumps.training.models.FAMILIES`."""
    latent: int | None = None
    """Latent states M; null: as many as observed."""
    hidden: int | None = None
    """Hidden units H, for families that have them; null otherwise."""

    def __post_init__(self) -> None:
        require(self.latent is None or self.latent >= 1, "model.latent", "null or an integer >= 1", self.latent)
        require(self.hidden is None or self.hidden >= 1, "model.hidden", "null or an integer >= 1", self.hidden)


@dataclass
class EvaluationConfig:
    """The losses every condition is compared on; the same evaluation set for all runs of a data set."""

    sequences: int = 32
    """Evaluation sequences, evenly spaced along the test series. Unit: sequences."""
    horizon: int = 20
    """Free-running steps of `loss_free`. Unit: steps."""
    horizon_long: int = 200
    """Free-running steps of `loss_free_long`; also the length of the sequences of `loss_forced`. Unit: steps."""
    alpha: float = 0.1
    """Forcing strength of `loss_forced`, the same whatever a run was trained with."""
    state_space_steps: int = 160
    """Free-running steps that follow those of `loss_free_long`, whose states `state_space_divergence` compares with the
    data; 0: it is not measured. Unit: steps."""
    state_space_bins: int = 30
    """Bins of each variable that it counts states in, for data of up to 5 variables. Unit: bins."""

    def __post_init__(self) -> None:
        require(self.sequences >= 1, "training.evaluation.sequences", "an integer >= 1", self.sequences)
        require(self.horizon >= 1, "training.evaluation.horizon", "an integer >= 1", self.horizon)
        require(
            self.horizon_long >= self.horizon,
            "training.evaluation.horizon_long",
            f"at least training.evaluation.horizon = {self.horizon}",
            self.horizon_long,
        )
        require(0 <= self.alpha <= 1, "training.evaluation.alpha", "a number in [0, 1]", self.alpha)
        steps, bins = self.state_space_steps, self.state_space_bins
        require(steps >= 0, "training.evaluation.state_space_steps", "an integer >= 0", steps)
        require(2 <= bins <= 1000, "training.evaluation.state_space_bins", "an integer in 2 ... 1000", bins)


OPTIMISERS = ("adam", "radam", "sgd")
PRECISIONS = ("float64", "float32")
_DEVICE = re.compile(r"cpu|cuda(:\d+)?")


@dataclass
class TrainingConfig:
    """How a network is trained and recorded."""

    name: str = "???"
    """Forcing: an entry of `lossjumps.training.forcing.FORCINGS` (`bptt` or `gtf`)."""
    alpha: float | None = None
    """Forcing strength of generalized teacher forcing; null for `bptt`."""
    epochs: int = 1000
    """Epochs E; losses, and parameters, are recorded at 0, 1, ..., E. Unit: epochs."""
    updates_per_epoch: int = 5
    """Optimiser updates an epoch. Unit: updates."""
    batch_size: int = 16
    """Sequences an update. Unit: sequences."""
    sequence_length: int = 60
    """Steps of a training sequence. Unit: steps."""
    learning_rate: float = 5e-3
    """Learning rate of the first update."""
    learning_rate_end: float = 1e-3
    """Learning rate of the last update; in between it decays exponentially."""
    optimiser: str = "adam"
    """`adam`, `radam` (rectified Adam) or `sgd` (gradient descent); all with the learning rates above."""
    gradient_clip: float | None = None
    """Largest length of a run's gradient, a longer one is scaled down to it; null: none is, as clipping hides what is
    studied here."""
    input_noise: float = 0.0
    """Standard deviation of Gaussian noise, drawn anew for each sequence, on the data that enter the network; those it
    is compared with stay as they are. Unit: standard deviations."""
    l2: float = 0.0
    """Weight of the sum of the squares of all parameters in the loss that is minimised."""
    manifold_attractor: float = 0.0
    """Weight of the manifold-attractor regulariser, which draws the maps of some states towards z' = z."""
    manifold_share: float = 0.5
    """Which states it acts on: the last floor(share x M)."""
    precision: str = "float64"
    """`float64` or `float32`, in which a network is trained; recorded and analysed it is in float64."""
    device: str = "cpu"
    """`cpu`, where a compiled kernel trains; `cuda` or `cuda:N`: step by step in torch, for large networks and many
    seeds a batch, where a run's last bits may depend on its batch."""
    record: str = "epoch"
    """Where parameters are recorded: at every `epoch`, or at every `update`. Bifurcations are located on the straight
    lines between recorded parameters; with update, so on the way that the training took. Losses are those of epochs
    either way."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        for key in ("epochs", "updates_per_epoch", "batch_size", "sequence_length"):
            require(getattr(self, key) >= 1, f"training.{key}", "an integer >= 1", getattr(self, key))
        for key in ("learning_rate", "learning_rate_end"):
            require(0 < getattr(self, key) < math.inf, f"training.{key}", "a finite number > 0", getattr(self, key))
        require(self.alpha is None or 0 <= self.alpha <= 1, "training.alpha", "a number in [0, 1]", self.alpha)
        for key in ("input_noise", "l2", "manifold_attractor"):
            require(0 <= getattr(self, key) < math.inf, f"training.{key}", "a finite number >= 0", getattr(self, key))
        clip = self.gradient_clip
        require(clip is None or 0 < clip < math.inf, "training.gradient_clip", "null or a finite number > 0", clip)
        require(0 < self.manifold_share <= 1, "training.manifold_share", "a number in (0, 1]", self.manifold_share)
        require(self.optimiser in OPTIMISERS, "training.optimiser", " or ".join(OPTIMISERS), self.optimiser)
        require(self.precision in PRECISIONS, "training.precision", " or ".join(PRECISIONS), self.precision)
        require(_DEVICE.fullmatch(self.device) is not None, "training.device", "cpu, cuda or cuda:N", self.device)
        require(self.record in ("epoch", "update"), "training.record", "epoch or update", self.record)

    @property
    def points_per_epoch(self) -> int:
        """How many times parameters are recorded from one epoch to the next."""
        return self.updates_per_epoch if self.record == "update" else 1

    @property
    def points(self) -> int:
        """How many times the parameters of a run are recorded, the initial ones included."""
        return self.epochs * self.points_per_epoch + 1


@dataclass
class RecordedConfig:
    """A training made elsewhere: where its parameters and its loss were recorded."""

    name: str = "???"
    """`recorded`."""
    path: str = field(default="???", metadata={"expected": "an .npz file or a folder of torch checkpoints"})
    """An .npz file or a folder of torch checkpoints, relative to the working directory; {seed}: the seed of a run."""
    losses: str | None = None
    """A file with the loss at every recorded epoch (.csv, .npy or .npz); null: it is with the parameters."""
    keys: dict[str, str] = field(default_factory=dict)
    """Names of parameters in the files, where they are not those of the family: W1: rnn.W1."""
    alpha: float | None = None
    """Forcing strength the network was trained with, for the certificate of the forced map; null for none."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    def __post_init__(self) -> None:
        for key in ("path", "losses"):
            text = getattr(self, key)
            if text is not None:
                require(text.strip() != "" and _has_seeds_alone(text), f"training.{key}", _SEED_PATH, text)
        if self.losses is not None:
            suffix = self.losses.rpartition(".")[2]
            require(suffix in ("csv", "npy", "npz"), "training.losses", "a .csv, .npy or .npz file", self.losses)
        require(self.alpha is None or 0 <= self.alpha <= 1, "training.alpha", "a number in [0, 1]", self.alpha)

    @property
    def points_per_epoch(self) -> int:
        """Whatever lies between two recorded points is an epoch."""
        return 1


_SEED_PATH = "a path in which only {seed} is in braces, as runs/seed{seed}.npz"


def _has_seeds_alone(text: str) -> bool:
    """Whether a path can be filled in with a seed, and has no other placeholder."""
    try:
        fields = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        text.format(seed=0)
    except (ValueError, KeyError, IndexError):
        return False
    return fields <= {"seed"}


@dataclass
class SearchConfig:
    """The search for fixed points, cycles and occupied attractors at every recorded epoch."""

    max_order: int = 4
    """Largest order of the cycles that are searched; occupied cycles of higher order are kept as well. Unit: steps."""
    max_nodes: int = 20_000
    """Nodes of a branch and bound, or linear regions, after which a complete list is given up."""
    max_visits: int = 300
    """Region sequences solved at each order that is searched by walks."""
    certified_units: int = 16
    """Cycles of order k are listed completely, not searched, where k times the number of units is at most this."""
    certify_every: int = 500
    """Epochs between two at which complete lists of all orders are tried, and index sums compared. Unit: epochs."""
    seed: int = 0
    """Seed of the random starts of SCYFI."""
    attractor_states: int = 8
    """Data states from which the occupied attractors are looked for. Unit: states."""
    transient: int = 1000
    """Free-running steps before an orbit counts as having reached its attractor. Unit: steps."""
    max_period: int = 128
    """Longest period recognised as an occupied cycle. Unit: steps."""

    def __post_init__(self) -> None:
        for key in (
            "max_order",
            "max_nodes",
            "max_visits",
            "certified_units",
            "certify_every",
            "attractor_states",
            "transient",
            "max_period",
        ):
            require(getattr(self, key) >= 1, f"search.{key}", "an integer >= 1", getattr(self, key))
        for key, largest in (("max_order", 1000), ("attractor_states", 10_000), ("max_period", 100_000)):
            value = getattr(self, key)
            require(value <= largest, f"search.{key}", f"an integer from 1 to {largest}", value)
        require(self.seed >= 0, "search.seed", "an integer >= 0", self.seed)


@dataclass
class JumpsConfig:
    """What counts as a loss jump."""

    threshold: float = 8.0
    """Smallest robust z-score of the change of the log10 loss. Unit: robust standard deviations."""
    min_change: float = 0.1
    """Smallest change of the log10 loss. Unit: log10 of the loss."""
    window: int = 25
    """Epochs on each side that give the spread a change is compared with. Unit: epochs."""

    def __post_init__(self) -> None:
        require(0 < self.threshold < math.inf, "events.jumps.threshold", "a finite number > 0", self.threshold)
        require(0 <= self.min_change < math.inf, "events.jumps.min_change", "a finite number >= 0", self.min_change)
        require(self.window >= 5, "events.jumps.window", "an integer >= 5", self.window)


@dataclass
class CoincidenceConfig:
    """When a jump and a bifurcation coincide, and what chance would do."""

    windows: list[int] = field(default_factory=lambda: [0, 1, 2, 5])
    """Tolerance windows in epochs: a bifurcation precedes its jump by 0 ... w epochs. Unit: epochs."""
    primary_window: int = 1
    """The window the summary speaks of; one of `windows`. Unit: epochs."""
    null_model: str = "auto"
    """An entry of `lossjumps.analysis.nulls.MOVING`, or auto, the larger p of swap and local."""
    surrogates: int = 999
    """Surrogates of the null models."""
    seed: int = 0
    """Seed of the surrogates."""

    def __post_init__(self) -> None:
        require(
            len(set(self.windows)) == len(self.windows) > 0 and all(w >= 0 for w in self.windows),
            "events.coincidence.windows",
            "a list of distinct integers >= 0",
            self.windows,
        )
        require(
            self.primary_window in self.windows,
            "events.coincidence.primary_window",
            f"one of events.coincidence.windows = {list(self.windows)}",
            self.primary_window,
        )
        require(
            1 <= self.surrogates <= 100_000,
            "events.coincidence.surrogates",
            "an integer from 1 to 100000",
            self.surrogates,
        )
        require(self.seed >= 0, "events.coincidence.seed", "an integer >= 0", self.seed)


@dataclass
class EventsConfig:
    """Loss jumps and their coincidence with bifurcations."""

    jumps: JumpsConfig = field(default_factory=JumpsConfig)
    coincidence: CoincidenceConfig = field(default_factory=CoincidenceConfig)


TRACKING_SCHEMES = ("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks")
"""Of the stores that MLflow knows."""


@dataclass
class TrackingConfig:
    """The import into MLflow."""

    uri: str | None = None
    """Tracking URI; null: `MLFLOW_TRACKING_URI` if set, else SQLite at `<results>/mlflow.db`."""

    def __post_init__(self) -> None:
        scheme = (self.uri or "").partition(":")[0].partition("+")[0]
        require(
            self.uri is None or ("://" in self.uri and scheme in TRACKING_SCHEMES) or self.uri == "databricks",
            "tracking.uri",
            "null or an address such as http://host:5000 or sqlite:///mlflow.db",
            self.uri,
        )


_FOLDER = re.compile(r"[\w./+=@,][\w./+=@,-]*")
"""What the rules' commands and patterns, and addresses of databases, carry as it is."""


@dataclass
class GeneralConfig:
    """The keys outside of all groups."""

    seed: int = 0
    """Seed of the initial parameters and of the order of the training sequences."""
    results: str = "results"
    """Folder of all results, relative to the working directory."""
    seeds_per_batch: int = 8
    """Seeds trained side by side in one job: 0 to 7, 8 to 15, ...; a run's bits do not depend on it."""

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", "an integer >= 0", self.seed)
        require(
            _FOLDER.fullmatch(self.results) is not None,
            "results",
            "the name of a folder without spaces, of letters, digits and / . _ - + = @ ,",
            self.results,
        )
        require(self.seeds_per_batch >= 1, "seeds_per_batch", "an integer >= 1", self.seeds_per_batch)


@dataclass
class Configuration:
    """One composed configuration.

    `dataset`, `model`, `training` and the seed decide a training's bits; they alone make the digest of a
    batch.  `search`, `events` and `tracking` are shared by all runs of an experiment.
    """

    dataset: Any
    model: ModelConfig
    training: TrainingConfig | RecordedConfig
    search: SearchConfig
    events: EventsConfig
    tracking: TrackingConfig
    general: GeneralConfig
