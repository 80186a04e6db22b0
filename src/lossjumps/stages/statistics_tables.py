"""The schemas of the tables in ``statistics/``, which speak of conditions; those of runs are in `tables`."""

from typing import Annotated

from lossjumps.stages.formats import Epochs, PerThousand, Table


class Conditions(Table, file="statistics/conditions.parquet", stage="statistics"):
    """A row for each condition, loss, kind and window.  Counts are sums over runs, rates are ratios of those sums.

    What chance gives is NaN where jumps or bifurcations are missing.
    """

    condition: str
    label: str
    dataset: str
    model: str
    training: str
    """as in the plan"""
    loss: str
    kind: str
    window: Epochs
    """as in coincidences.parquet"""
    runs: int
    """with a result"""
    runs_diverged: int
    """of these, ended early"""
    runs_missing: int
    """planned, but without a result"""
    epochs: Epochs
    """lived by all runs together"""
    jumps: Epochs
    jumps_up: Epochs
    bifurcations: Epochs
    precursor_hits: Epochs
    trigger_hits: Epochs
    """summed over the runs; `jumps_up` are those with sign +1"""
    jumps_per_1000_epochs: PerThousand
    bifurcations_per_1000_epochs: PerThousand
    """jumps and bifurcations over epochs"""
    precursor_rate: float | None
    trigger_rate: float | None
    """precursor_hits / jumps and trigger_hits / bifurcations; NaN where that is 0 / 0, so 0 for the jumps where no
    bifurcation happened and for the bifurcations where the loss never jumped"""
    null_precursor_mean: float | None
    null_precursor_low: float | None
    null_precursor_high: float | None
    """the precursor rate by chance: mean of the null, and its 2.5 and 97.5 % quantiles"""
    null_trigger_mean: float | None
    null_trigger_low: float | None
    null_trigger_high: float | None
    """the same for the trigger rate"""
    p_precursor: float | None
    p_trigger: float | None
    """(1 + number of surrogates at least as large as observed) / (1 + surrogates)"""
    null: str
    """which null was used, and what it assumes; or why there is nothing to compare"""
    coverage: float | None
    """share of all epochs where a jump would be a precursor hit"""
    saturated: bool
    """whether chance alone gives more than 0.8: then a coincidence says nothing"""


class Comparisons(Table, file="statistics/comparisons.parquet", stage="statistics"):
    """Trainings compared over their runs, where data set, model and everything else that is swept are the same."""

    dataset: str
    model: str
    """of both conditions"""
    training_first: str
    training_second: str
    condition_first: str
    condition_second: str
    label_first: str
    label_second: str
    """the two"""
    quantity: str
    """`diverged` (0 or 1), `jumps_per_1000_epochs`, `jumps_up_per_1000_epochs`, `bifurcations_per_1000_epochs`,
    `coincidences_per_1000_epochs` (precursor hits), `precursor_rate` (of runs with a jump) or `trigger_rate` (of runs
    with a bifurcation)"""
    loss: str
    kind: str
    window: Annotated[int | None, "epochs"]
    """as in coincidences.parquet; empty and null where they do not apply"""
    runs_first: int
    runs_second: int
    """runs with a value"""
    mean_first: float | None
    mean_second: float | None
    difference: float | None
    """means over runs, in the unit of the quantity; second minus first"""
    low: float | None
    high: float | None
    """95 % bootstrap interval of the difference, over runs"""
    interval: str
    """`BCa`, or `percentile` with fewer than 16 runs on a side, for which it is too short; empty without one"""
    p: float | None
    """two-sided, of the hypothesis that the label of a run does not matter"""
    test: str
    """which permutation test gave p"""
    values_first: list[float]
    values_second: list[float]
    """one value a run, by seed; NaN where a run has none"""


class Hypotheses(Table, file="statistics/hypotheses.parquet", stage="statistics"):
    """A row for each test of the pre-registered hypotheses: jumps upwards of the primary loss, nonsmooth folds and
    degenerate transcritical bifurcations of the occupied attractor, the primary window."""

    hypothesis: str
    """`a`, `b`, `b, persistence`, `c`, `d, transcritical` or `d, fold`"""
    question: str
    """what is asked"""
    dataset: str
    model: str
    training: str
    condition: str
    label: str
    """the condition; of (c) the second one, which is compared with the first"""
    compared_with: str
    """label of the first condition of (c), else empty"""
    runs: int
    """that say something: with a result, of (d) with an event"""
    jumps: Epochs
    bifurcations: Epochs
    """that are tested; of (c) those of both conditions"""
    estimate: float | None
    """(a): precursor rate; (b): trigger rate; (c): hits beyond chance per run, second minus first; (d): growth of the
    gradient norm before the event beyond that around it, in log10 units, mean over runs"""
    expected: float | None
    """by chance; of (c) and (d): 0"""
    low: float | None
    high: float | None
    """(a), (b): 2.5 and 97.5 % quantiles of the null; (c), (d): 95 % bootstrap interval of the estimate over runs"""
    p: float | None
    """(a), (b): as in conditions.parquet; (c), (d): two-sided permutation over runs"""
    p_holm: float | None
    """adjusted for all tests of this table"""
    odds_ratio: float | None
    p_odds_ratio: float | None
    """second opinion on (a): odds of a jump with such a bifurcation in the window over those without, within blocks of
    25 epochs, by logistic regression with errors robust to dependence within runs (generalised estimating equations,
    independence as working correlation)"""
    odds_ratio_given_steps: float | None
    p_odds_ratio_given_steps: float | None
    """the same with step length and gradient norm of the epoch accounted for, as far as they are known"""
    test: str
    """the null or the permutation that gave p, and the kind of interval"""
    answer: str
    """`yes` (p_holm at most 0.05, in the direction asked for), `not shown`, or `cannot tell` and why"""


class Sensitivity(Table, file="statistics/sensitivity.parquet", stage="statistics"):
    """A row for each condition and choice: the primary coincidence (hypothesis a) with one choice changed."""

    condition: str
    label: str
    dataset: str
    model: str
    training: str
    choice: str
    """`none` (all as chosen), `threshold`, `min_change`, `detector`, `window`, `lag`, `symmetric`, `sign`, `loss`,
    `kind`, `direction` (of the bifurcation) or `null`"""
    value: str
    """what it is changed to"""
    jumps: Epochs
    bifurcations: Epochs
    precursor_hits: Epochs
    """summed over runs"""
    precursor_rate: float | None
    expected: float | None
    p: float | None
    """as in conditions.parquet"""
    null: str
    """which null was used, and what it assumes"""
