"""What counts as an event: the losses that jump, the kinds of bifurcation, and which bifurcations are counted."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lossjumps.errors import InputError

DIVERGENCE = "state_space_divergence"
"""The distance of the states that a network runs to from the data, which need not be measured."""

LOSSES = ("loss_free", "loss_free_long", "loss_forced", DIVERGENCE)
"""The losses whose jumps are looked for: those that mean the same in every condition, the primary one first."""

PRIMARY_LOSS = LOSSES[0]
"""The loss that summaries, figures and charts speak of."""

RECORDED_LOSS = "loss_recorded"
"""The loss that a training made elsewhere brings; spoken of where no other is measured."""

ALL_LOSSES = (*LOSSES, RECORDED_LOSS)
"""Every loss that jumps may be looked for in, in the order in which they are listed everywhere."""

KINDS = ("nonsmooth_fold", "persistence", "degenerate_transcritical", "degenerate_flip", "centre", "unresolved")
"""Kinds of bifurcation in the order in which they are listed everywhere."""

KIND_NAMES = {kind: kind.replace("_", " ") for kind in KINDS} | {"persistence": "persistence with new stability"}
"""What people read, of those that are counted."""

PRIMARY_KIND = "occupied_fold_or_transcritical"
"""What the hypotheses are about: the attractor that the data run to vanishes, appears, escapes or returns."""

NEUTRAL_KIND = "occupied_neutral_persistence"
"""Border collisions of that attractor that change nothing: expected to come without jumps."""

COUNTED_KINDS = ("any", "occupied", PRIMARY_KIND, NEUTRAL_KIND, *KINDS)
"""What is counted as a bifurcation: `counted`."""

TOO_FEW = 5
"""With fewer jumps than this nothing is said about chance."""


def counted(bifurcations: Mapping[str, Any], kind: str = "any") -> np.ndarray:
    """Tell which rows of a table of bifurcations count.

    Parameters
    ----------
    bifurcations : DataFrame or mapping of columns, each (n,)
        kind, topological and, for ``"occupied"``, occupied.
    kind : str
        ``"any"``: topological ones (an object appears, vanishes or changes stability), unresolved ones excluded;
        ``"occupied"``: those of them that concern the occupied attractor; the name of a kind: the topological ones of
        that kind; ``"unresolved"``: all unresolved ones, which count nowhere else; `PRIMARY_KIND`: folds and degenerate
        transcritical ones among the occupied; `NEUTRAL_KIND`: occupied persistence that is not topological.

    Returns
    -------
    ndarray of bool, shape (n,)

    Raises
    ------
    InputError
        If `kind` is none of `COUNTED_KINDS`.
    """
    if kind not in COUNTED_KINDS:
        raise InputError(f"kind: expected one of {', '.join(COUNTED_KINDS)}, got {kind!r}")
    kinds = np.asarray(bifurcations["kind"], dtype=object)
    if kind == "unresolved":
        return kinds == "unresolved"
    topological = np.asarray(bifurcations["topological"], dtype=bool)
    if kind == NEUTRAL_KIND:
        return (kinds == "persistence") & ~topological & np.asarray(bifurcations["occupied"], dtype=bool)
    chosen = topological & (kinds != "unresolved")
    if kind in ("occupied", PRIMARY_KIND):
        chosen &= np.asarray(bifurcations["occupied"], dtype=bool)
        if kind == PRIMARY_KIND:
            chosen &= np.isin(kinds, ("nonsmooth_fold", "degenerate_transcritical"))
    elif kind != "any":
        chosen &= kinds == kind
    return chosen


def counted_epochs(bifurcations: Mapping[str, Any], kind: str = "any") -> np.ndarray:
    """Return the epochs of one run with a bifurcation that counts (`counted`), each once, ascending: (m,) int64."""
    return np.unique(np.asarray(bifurcations["epoch"])[counted(bifurcations, kind)].astype(np.int64))
