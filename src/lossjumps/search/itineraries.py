"""Itineraries: the ReLU on/off patterns along a cycle, as (k, H) bool arrays."""

import numpy as np


def smallest_period(itinerary: np.ndarray) -> int:
    """The smallest divisor of k that is a period of the itinerary (k, H)."""
    order = len(itinerary)
    return next(
        period
        for period in range(1, order + 1)
        if order % period == 0 and np.array_equal(itinerary, np.roll(itinerary, period, axis=0))
    )


def is_primitive(itinerary: np.ndarray) -> bool:
    """Whether no proper divisor of k is a period of the itinerary (k, H)."""
    return smallest_period(itinerary) == len(itinerary)


def canonical_shift(itinerary: np.ndarray) -> int:
    """The rotation that makes the itinerary (k, H) lexicographically smallest: the time it then starts at."""
    word = np.ascontiguousarray(itinerary, dtype=bool).tobytes()
    length = len(word) // len(itinerary)
    twice = word + word
    return min(range(len(itinerary)), key=lambda start: twice[start * length : start * length + len(word)])


def canonical(itinerary: np.ndarray) -> np.ndarray:
    """The lexicographically smallest rotation of the itinerary (k, H)."""
    return np.roll(itinerary, -canonical_shift(itinerary), axis=0)


def key(itinerary: np.ndarray) -> tuple[int, bytes]:
    """What identifies a cycle: its order and its canonical itinerary; sorts by order, then by itinerary."""
    return len(itinerary), canonical(itinerary).astype(bool).tobytes()


def text(itinerary: np.ndarray) -> str:
    """The itinerary as a text of 0 and 1, time by time."""
    return "".join("1" if on else "0" for on in np.asarray(itinerary, dtype=bool).ravel())


def from_text(bits: str, order: int) -> np.ndarray:
    """The itinerary (order, H) that `text` wrote."""
    return np.array([bit == "1" for bit in bits]).reshape(order, -1)
