"""The schemas of all result files: every table with its columns, every array with its shape.

Files are checked against them when they are written and when they are read, and ``docs/columns.md`` is made from them.
How to read a class: `lossjumps.stages.formats`.
"""

from collections.abc import Mapping
from typing import Annotated

import numpy as np

from lossjumps.stages.formats import ArrayFile, Epochs, Steps, Table, Updates
from lossjumps.stages.statistics_tables import Comparisons, Conditions, Hypotheses, Sensitivity


class Plan(Table, file="plan.parquet", stage="plan", swept=True):
    """A row a run.  The last columns are the swept keys, one each, with their values: null where a training takes no
    `training.alpha`."""

    run: str
    """key of the run, the same in every table"""
    batch: str
    """folder of its batch"""
    condition: str
    """key of its condition"""
    label: str
    """the condition in readable form, with the swept values"""
    seed: int
    """seed of the initial parameters and of the order of the training sequences"""
    dataset: str
    model: str
    training: str
    """the options that were chosen"""


class History(Table, file="history.parquet", stage="train"):
    """A row a run and epoch 0 ... E, or up to the last epoch of a run that diverged.

    The evaluation losses, from loss_free to state_space_divergence, use one evaluation set, the same for every run of a
    data set; without a data set they are NaN.  They may be infinite.  The columns from loss_train to learning_rate
    belong to the epoch that ends at the row, so they are NaN at epoch 0; of those a training made elsewhere has
    step_length alone.
    """

    run: str
    epoch: Epochs
    loss_free: float | None
    """mean squared error, free-running from data states for `training.evaluation.horizon` steps; the primary loss"""
    loss_free_long: float | None
    """the same for `training.evaluation.horizon_long` steps"""
    loss_forced: float | None
    """mean squared error under forcing of strength `training.evaluation.alpha`, just before each forcing, over
    `training.evaluation.horizon_long` steps"""
    state_space_divergence: Annotated[float | None, "nats"]
    """D_stsp: how far the states of the `training.evaluation.state_space_steps` free-running steps after those of
    loss_free_long are from the data, a Kullback-Leibler divergence; NaN where no steps are configured"""
    loss_train: float | None
    """mean over the epoch's updates of the loss that was minimised"""
    grad_norm: float | None
    """mean over the epoch's updates of the norm of the gradient"""
    grad_norm_max: float | None
    """the largest of them"""
    step_length: float | None
    """norm of the change of all parameters over the epoch"""
    learning_rate: float | None
    """of the epoch's last update"""
    loss_recorded: float | None
    """the loss that a training made elsewhere brings, as it was recorded; NaN of other trainings"""
    recorded_epoch: int | None
    """the number of the epoch in that recording; null of other trainings"""


class Status(Table, file="status.parquet", stage="train"):
    """A row a run."""

    run: str
    status: str
    """`finished` or `diverged`; a training that diverges is a result, not a failed job"""
    last_epoch: Epochs
    """last epoch in the history"""
    why: str
    """what diverged; empty for a finished run"""


class Cycles(Table, file="cycles.parquet", stage="dynamics"):
    """A row for each fixed point and cycle of the free-running map at each epoch."""

    run: str
    epoch: Epochs
    order: Steps
    """k, the primitive period; 1 is a fixed point"""
    cycle: int
    """number of the object within its run, constant while it is followed"""
    itinerary: str
    """which units are on along the cycle, as 0 and 1, k times H characters, time first"""
    point: list[float]
    """first point of the cycle, M numbers"""
    largest_multiplier: float
    """largest modulus of an eigenvalue of the Jacobian product along the cycle"""
    stable: bool
    """whether that is below 1"""
    index: int | None
    """sign of det(I - T), T the Jacobian product; on a border the local degree, null where that is not defined"""
    border_distance: float
    """smallest relative distance of a unit's input from zero along the cycle"""
    complete: bool
    """whether all cycles of this order at this epoch are certified to be listed"""
    repaired: bool
    """whether the search had missed the object and following it from another epoch found it"""


class Bifurcations(Table, file="bifurcations.parquet", stage="dynamics"):
    """A row for each bifurcation of the free-running map on the straight line between recorded parameters: those of two
    epochs, or those of two updates with `training.record=update`.

    An event that is `unresolved` is in no count but its own.
    """

    run: str
    epoch: Epochs
    """it lies between epoch and epoch + 1"""
    update: Updates
    """of that epoch, from 0; 0 where parameters are recorded at epochs alone"""
    fraction: float
    """where on the straight line, from the parameters before that update, or epoch, to those after it, in [0, 1)"""
    kind: str
    """`nonsmooth_fold`, `persistence`, `degenerate_transcritical`, `degenerate_flip`, `centre` or `unresolved`"""
    order: Steps
    """of the object that meets the condition"""
    direction: str
    """`birth`, `death` or `through`"""
    cycle: int
    """number of that object in cycles.parquet, of the more stable one at a fold; an object that lives only between two
    epochs has no row there"""
    point: list[float]
    """its first point just before the event, at a birth just after, M numbers"""
    companions: list[int]
    """numbers of other objects born or lost at the same point; at a fold the partner comes first"""
    stable_before: bool | None
    stable_after: bool | None
    """whether the object (at a fold: one of the two) is stable on either side; null where it does not exist"""
    topological: bool
    """whether an object appears, vanishes or changes its number of unstable directions; only these count as
    bifurcations"""
    occupied: bool
    """whether data states see it: its object is what one of them runs to just before or after, or what one of them runs
    to changes there"""
    distance: Annotated[float | None, "standard deviations"]
    """smallest distance of a point of the object from the training series, in the observed states; NaN if no point of
    it is finite"""
    unit_time: Annotated[int | None, "steps"]
    unit: int | None
    """the step along the cycle and the unit that reaches its border, from 0; null for other kinds"""
    why: str
    """of an unresolved event: what could not be decided; else empty"""


class Attractors(Table, file="attractors.parquet", stage="dynamics"):
    """A row for each of `search.attractor_states` data states at each epoch; values of the epoch are repeated."""

    run: str
    epoch: Epochs
    state: int
    """number of the data state, from 0"""
    attractor: str
    """`cycle:<number>`, `aperiodic` or `diverged`: where the state is after the transient"""
    jacobian_norm: float
    """largest spectral norm of a Jacobian over all linear regions, or a bound of it"""
    forced_certificate: bool
    """whether (1 - alpha) times that is below 1: then the forced map has exactly one attracting solution; alpha is that
    of the training"""
    index_sum: int | None
    """sum of the indices of all fixed points; null unless they are complete"""
    fixed_points: int
    """how many there are"""
    complete: bool
    """whether all fixed points are certified to be listed"""


class Jumps(Table, file="jumps.parquet", stage="jumps"):
    """A row for each loss jump.  The detector sees the loss alone, never a bifurcation."""

    run: str
    epoch: Epochs
    """the jump begins between epoch and epoch + 1"""
    loss: str
    """`loss_free`, `loss_free_long`, `loss_forced`, `state_space_divergence` or `loss_recorded`"""
    size: Annotated[float, "log10 of the loss"]
    """signed change from the epoch before to the most distant loss of the jump"""
    sign: int
    """+1 up, -1 down"""
    shape: str
    """`spike` (returns), `shift` (stays, mostly within one epoch) or `ramp` (stays, over several epochs)"""
    duration: Epochs
    """from its onset to its end"""
    score: float
    """largest robust z of the jump"""
    detector: str
    """which detector found it"""
    confirmed: bool
    """whether the second detector, change points of the log loss, has a shift of the same sign at most an epoch away;
    what is over within four epochs it dates badly or not at all"""


class Causes(Table, file="causes.parquet", stage="causes"):
    """A row for each jump of `loss_free` and `loss_free_long`, or of `loss_recorded` where there is no data set: what
    happened in the epoch in which it begins.

    Shares are of the change of log10 loss over that epoch, and may be negative or exceed 1.  They are NaN where no
    bifurcation that counts is in the epoch, where the loss is not measured on data, and those of the long horizon where
    it changes by less than `events.jumps.min_change`.
    """

    run: str
    epoch: Epochs
    loss: str
    sign: int
    """as in jumps.parquet"""
    change: Annotated[float | None, "log10 of the loss"]
    """of the loss over the epoch"""
    events: int
    """bifurcations of the epoch that count"""
    update: int | None
    fraction: float | None
    kind: str
    cycle: int | None
    occupied: bool | None
    """as in bifurcations.parquet, of the one that carries the largest share; empty and null where there is none"""
    share: float | None
    """what happens from just before that bifurcation to just after it"""
    share_random: float | None
    """placebo: the same at as many random places of the epoch, the largest share, mean over draws"""
    share_reversed: float | None
    """placebo: the same at the places of the bifurcations on the step that leads the other way"""
    share_matched: float | None
    """placebo: the same on random steps that change one-step predictions as much, mean of the absolute values"""
    share_long: float | None
    share_long_random: float | None
    """`share` and `share_random` of `loss_free_long`, whose longer runs leave behind what lingers near a ghost"""
    step_ratio: float | None
    gradient_ratio: float | None
    """step length, and largest gradient norm, of the epoch over their medians in the `events.jumps.window` epochs on
    either side"""
    attractor_change: str
    """what became of what data states are taken to: empty (nothing), `basin_switch` (they leave an object that goes on
    to attract for one that attracted before), or `unexplained_attractor_change`"""
    ghost_steps: Steps
    """the longest stretch that an orbit from the data nearly repeats before it leaves, just before or after the jump"""
    cause: str
    """the first of `bifurcation` (share or share_long at least 0.5; where no share can be measured: an occupied one),
    `basin_switch` and `unexplained_attractor_change` (without an occupied bifurcation), `step_spike` (step_ratio
    at least 3), `ghost` (ghost_steps at least 10) and `unknown` whose evidence is there"""
    others: Epochs
    """up to 8 epochs drawn from those without a jump that are at most `events.jumps.window` away"""
    others_attractor_change: Epochs
    others_ghost: Epochs
    others_step_spike: Epochs
    """of these, how many have any attractor_change, ghost_steps of at least 10, and a step_ratio of at least 3"""


class Coincidences(Table, file="coincidences.parquet", stage="coincidences"):
    """A row for each run, loss, kind and window.  Epochs are counted, not events: several in one epoch count once."""

    run: str
    loss: str
    """`loss_free`, `loss_free_long`, `loss_forced`, `state_space_divergence` or `loss_recorded`"""
    kind: str
    """bifurcations that are counted: `any` (topological, unresolved left out), `occupied` (of these, the occupied
    ones), `occupied_fold_or_transcritical` (of these, nonsmooth folds and degenerate transcritical ones),
    `occupied_neutral_persistence` (occupied persistence that is not topological), or one kind"""
    window: Epochs
    """tolerance window"""
    jumps: Epochs
    bifurcations: Epochs
    """with a jump, with a bifurcation"""
    precursor_hits: Epochs
    """jumps with a bifurcation within the window before"""
    trigger_hits: Epochs
    """bifurcations with a jump within the window after"""
    epochs: Epochs
    """that the run lived: the places a jump could be at"""
    covered: Epochs
    """places where a jump would be a precursor hit"""


BATCH_TABLES: tuple[type[Table], ...] = (
    History,
    Status,
    Cycles,
    Bifurcations,
    Attractors,
    Jumps,
    Causes,
    Coincidences,
)
"""Those of a batch, in the order in which they are made."""

STATISTICS_TABLES: tuple[type[Table], ...] = (Conditions, Comparisons, Hypotheses, Sensitivity)
"""Those of an experiment."""


class SeriesArrays:
    """The series that networks are trained and evaluated on."""

    train: Annotated[np.ndarray, ("T", "N")]
    """training series, standardised with its own mean and standard deviation, then with its noise"""
    test: Annotated[np.ndarray, ("T'", "N")]
    """test series, which follows it, standardised with the same numbers"""
    mean: Annotated[np.ndarray, ("N",)]
    standard_deviation: Annotated[np.ndarray, ("N",)]
    """of the training series, in the units of the data"""
    time_step: Annotated[np.ndarray, ()]
    """time between two samples, in the unit of time of the data"""
    noise: Annotated[np.ndarray, ("T", "N")]
    """the noise in train; zero for a recording unless some is asked for"""


SERIES = ArrayFile("dataset", {name: hint.__metadata__[0] for name, hint in SeriesArrays.__annotations__.items()})
"""``data/<dataset>-<digest>.npz``."""


def recorded_parameters(shapes: Mapping[str, tuple[int, ...]], runs: int, points: int) -> ArrayFile:
    """``parameters.npz`` of a batch: `seeds` (S,), then every parameter of the family, (S, points, ...).

    Parameters
    ----------
    shapes : mapping
        The shape of every parameter of one run at one point.
    runs : int
        S.
    points : int
        How many times they are recorded: at epochs 0, 1, ..., E, or at all updates as well.
    """
    return ArrayFile("train", {"seeds": (runs,), **{name: (runs, points, *own) for name, own in shapes.items()}})


def own_parameters(shapes: Mapping[str, tuple[str, ...]]) -> ArrayFile:
    """``parameters.npz`` of a batch of trainings made elsewhere: as of others, of which the sizes are not configured.

    L (S, E + 1, M - N, N) is there always, empty where there are no states beyond the observed ones; `states` (S, n, M)
    are those that were recorded, where they take the place of a data set.

    Parameters
    ----------
    shapes : mapping
        The shape of every parameter of the family.
    """
    recorded = {name: ("S", "E + 1", *own) for name, own in (shapes | {"L": ("M - N", "N")}).items()}
    return ArrayFile("train", {"seeds": ("S",), **recorded, "states": ("S", "n", "M")})
