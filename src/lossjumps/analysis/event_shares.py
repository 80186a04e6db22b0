"""The share of an epoch's change of the log loss that happens at given places on the way from its start to its end.

No surrogate settles whether a bifurcation makes a jump: a large step of the parameters may cause both.  But the loss
just before and just after the bifurcation differs only by what the bifurcation does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lossjumps.analysis.free_runs import prediction_change
from lossjumps.maps.relu_map import ReluMap

BESIDE = 1e-3
"""How far before and after a place the loss is taken, unless another place is nearer.

Places nearer to each other than this count as one: the runs are too short to leave the ghosts that lie between them.
"""

DIRECTIONS = 4
"""Random directions, and sets of random places, that a placebo is averaged over."""

_SECANT_STEPS = 8

Level = Callable[[float], float]
"""Place on the way through the epoch, from 0 to 1 -> log10 of the loss there."""

Parameters = Mapping[str, np.ndarray]
"""The parameters of a network by name."""


@dataclass(frozen=True)
class EventShares:
    """What happens at the places of one epoch.

    Attributes
    ----------
    change : float
        Of log10 loss over the epoch.
    place : int or None
        Which place carries most of it, as `together` numbers them.
    share : float
        Its share: 1 if all happens there, negative if the loss moves the other way there.  NaN without a place.
    random : float
        The same, the largest share of as many random places of the epoch; mean over several draws.
    reversed : float
        The same places on the step that leads the other way, in shares of this epoch's change.
    matched : float
        The same places on random steps that change the predictions as much; mean of the absolute values.
    """

    change: float
    place: int | None
    share: float
    random: float
    reversed: float
    matched: float


def event_shares(
    level: Level, others: list[Level], fractions: np.ndarray, generator: np.random.Generator
) -> EventShares:
    """Measure what of an epoch's change happens at the places `fractions`, and what at placebos.

    Parameters
    ----------
    level : callable
        For fractions in [-1, 1]: negative ones lie on the reversed step.
    others : list of callable
        The same along random steps from the same start (`matched_steps`), fractions in [0, 1].
    fractions : ndarray, shape (n,)
        In [0, 1].
    generator : Generator
        Draws the random places.
    """
    change = level(1.0) - level(0.0)
    if not len(fractions) or change == 0.0:
        return EventShares(change, None, np.nan, np.nan, np.nan, np.nan)
    shares = steps_at(level, fractions) / change
    place = int(np.argmax(shares))
    random = [np.max(steps_at(level, _elsewhere(fractions, generator)) / change) for _ in range(DIRECTIONS)]
    back = np.max(steps_at(lambda fraction: level(-fraction), fractions) / change)
    matched = [np.max(np.abs(steps_at(other, fractions))) / abs(change) for other in others]
    return EventShares(
        change,
        place,
        float(shares[place]),
        float(np.mean(random)),
        float(back),
        float(np.mean(matched)) if matched else np.nan,
    )


def together(fractions: np.ndarray) -> np.ndarray:
    """Number the places in their order along the way; those that are too near to be told apart have one number."""
    fractions = np.asarray(fractions, dtype=np.float64)
    order = np.argsort(fractions, kind="stable")
    numbers = np.zeros(fractions.size, dtype=np.int64)
    numbers[order[1:]] = np.cumsum(np.diff(fractions[order]) >= BESIDE)
    return numbers


def steps_at(level: Level, fractions: np.ndarray) -> np.ndarray:
    """Change of the level at each place (`together`), from just before it to just after it."""
    fractions = np.asarray(fractions, dtype=np.float64)
    numbers = together(fractions)
    places = [fractions[numbers == number] for number in range(numbers.max() + 1)]
    firsts, lasts = np.array([place.min() for place in places]), np.array([place.max() for place in places])
    gaps = np.concatenate([[np.inf], firsts[1:] - lasts[:-1], [np.inf]])
    beside = np.minimum(BESIDE, 0.5 * np.minimum(gaps[:-1], gaps[1:]))
    ends = zip(np.maximum(firsts - beside, 0.0), np.minimum(lasts + beside, 1.0), strict=True)
    return np.array([level(after) - level(before) for before, after in ends])


def _elsewhere(fractions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """As many random places, none of which reaches to a given one unless these are everywhere."""
    places = generator.uniform(BESIDE, 1.0 - BESIDE, together(fractions).max() + 1)
    for _ in range(100):
        near = np.min(np.abs(places[:, None] - np.asarray(fractions)[None]), axis=1) < 2 * BESIDE
        if not near.any():
            break
        places[near] = generator.uniform(BESIDE, 1.0 - BESIDE, np.count_nonzero(near))
    return places


def parameters_on_the_way(way: Sequence[Parameters], place: float) -> dict[str, np.ndarray]:
    """Parameters at a place between 0 and 1 on the straight lines from each point of a way to the next.

    Negative places are on the way that leads in the other directions.  What does not move stays as it is, integers
    included.
    """
    pieces = len(way) - 1
    piece = min(int(abs(place) * pieces), pieces - 1)
    fraction = abs(place) * pieces - piece
    start, here, there = way[0], way[piece], way[piece + 1]
    moved = {
        key: value if np.array_equal(value, there[key]) else value + fraction * (there[key] - value)
        for key, value in here.items()
    }
    if place >= 0.0:
        return moved
    return {
        key: value if np.array_equal(value, start[key]) else 2.0 * start[key] - value for key, value in moved.items()
    }


def matched_steps(
    start: Parameters,
    end: Parameters,
    network: Callable[[Parameters], ReluMap],
    states: np.ndarray,
    generator: np.random.Generator,
) -> list[dict[str, np.ndarray]]:
    """Draw ends of random steps that change the one-step predictions as much as a given step does.

    Steps of equal length would be no placebo: random directions move predictions several times less.  Parameters that
    do not move on the given step do not move on these.

    Parameters
    ----------
    start, end : mapping of str to ndarray
        The parameters before and after.
    network : callable
        Parameters -> map.
    states : (n, M) ndarray
        Data states from which the predictions are made.
    generator : Generator

    Returns
    -------
    list of dict
        The parameters at the end of each random step.
    """
    before = network(start)
    target = prediction_change(before, network(end), states)
    ends = []
    for _ in range(DIRECTIONS):
        # as long as the given step in every parameter array, before it is scaled
        random = {
            key: np.where(end[key] != value, generator.standard_normal(np.shape(value)), 0.0)
            * np.sqrt(np.mean((end[key] - value) ** 2))
            for key, value in start.items()
            if not np.array_equal(value, end[key])
        }
        scale = 1.0
        for _ in range(_SECANT_STEPS):
            moved = {key: value + scale * random[key] if key in random else value for key, value in start.items()}
            change = prediction_change(before, network(moved), states)
            if not 0.0 < change < np.inf:
                break
            scale *= target / change
        ends.append(moved)
    return ends
