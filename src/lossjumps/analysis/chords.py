"""Bifurcations on the straight line between two epochs, against those on the way that the updates really took."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lossjumps.analysis.bifurcations import Bifurcation, name_event
from lossjumps.analysis.books import keep_books
from lossjumps.maps.paths import Path
from lossjumps.search import find_cycles
from lossjumps.search.cycle import Cycle


@dataclass(frozen=True, eq=False)
class ChordComparison:
    """The bifurcations of one epoch.

    Attributes
    ----------
    chord : tuple of Bifurcation
        On the straight line from the epoch before to this one.
    updates : tuple of (int, Bifurcation)
        On the straight lines from update to update, with the number of the update, from 0, that each belongs to.
    """

    chord: tuple[Bifurcation, ...]
    updates: tuple[tuple[int, Bifurcation], ...]

    @property
    def agrees(self) -> bool:
        """Whether both ways have the same kinds of topological events, in the same numbers."""
        return self.counts(self.chord) == self.counts(tuple(event for _, event in self.updates))

    @staticmethod
    def counts(events: tuple[Bifurcation, ...]) -> Counter[tuple[str, int, str]]:
        """Topological events by kind, order and direction."""
        return Counter((event.kind, event.order, event.direction) for event in events if event.topological)


def compare_with_chords(
    segments: Sequence[Path], chords: Sequence[Path], max_order: int, seed: int = 0
) -> list[ChordComparison]:
    """Find the bifurcations of successive epochs on both ways.

    Parameters
    ----------
    segments : sequence of Path
        From each update to the next, the same number of them for each epoch.
    chords : sequence of Path
        From each epoch to the next.
    max_order : int
        Largest order of the cycles that are searched and followed.
    seed : int
        Of the random starts of the search.
    """
    maps = [segments[0](0.0), *(segment(1.0) for segment in segments)]
    lists: list[tuple[Cycle, ...]] = []
    for update, relu_map in enumerate(maps):
        before = lists[-1] if lists else ()
        lists.append(find_cycles(relu_map, max_order, starts=before, seed=(seed, update)).cycles)
    updates = len(segments) // len(chords)
    fine = keep_books(lists, segments.__getitem__)
    # what following has repaired is known on both ways
    repaired = [tuple(entry.cycle for entry in entries) for entries in fine.lists[::updates]]
    coarse = keep_books(repaired, chords.__getitem__)
    return [
        ChordComparison(
            tuple(name_event(booked) for booked in coarse.events[epoch]),
            tuple(
                (update, name_event(booked))
                for update in range(updates)
                for booked in fine.events[epoch * updates + update]
            ),
        )
        for epoch in range(len(chords))
    ]
