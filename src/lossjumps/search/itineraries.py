"""Itineraries: the ReLU on/off patterns along a cycle, as (k, H) bool arrays."""

import numpy as np


def _word(itinerary: np.ndarray) -> bytes:
    """The itinerary (k, H) as k H bytes: comparing and cutting them takes less time than with small arrays."""
    return np.ascontiguousarray(itinerary, dtype=bool).tobytes()


def smallest_period(itinerary: np.ndarray) -> int:
    """The smallest divisor of k that is a period of the itinerary (k, H)."""
    order, word = len(itinerary), _word(itinerary)
    length = len(word) // order
    return next(
        period
        for period in range(1, order + 1)
        if order % period == 0 and word[period * length :] == word[: (order - period) * length]
    )


def is_primitive(itinerary: np.ndarray) -> bool:
    """Whether no proper divisor of k is a period of the itinerary (k, H)."""
    return smallest_period(itinerary) == len(itinerary)


def canonical_shift(itinerary: np.ndarray) -> int:
    """The rotation that makes the itinerary (k, H) lexicographically smallest: the time it then starts at."""
    word = _word(itinerary)
    if len(itinerary) == 1 or not word:
        return 0
    twice, end = word + word, len(word)
    rotations = [twice[start : start + end] for start in range(0, end, end // len(itinerary))]
    return rotations.index(min(rotations))


def canonical(itinerary: np.ndarray) -> np.ndarray:
    """The lexicographically smallest rotation of the itinerary (k, H)."""
    shift = canonical_shift(itinerary)
    return np.concatenate([itinerary[shift:], itinerary[:shift]])


def key(itinerary: np.ndarray) -> tuple[int, bytes]:
    """What identifies a cycle: its order and its canonical itinerary; sorts by order, then by itinerary."""
    return len(itinerary), _word(canonical(itinerary))


def text(itinerary: np.ndarray) -> str:
    """The itinerary as a text of 0 and 1, time by time."""
    return "".join("1" if on else "0" for on in np.asarray(itinerary, dtype=bool).ravel())


def from_text(bits: str, order: int) -> np.ndarray:
    """The itinerary (order, H) that `text` wrote."""
    return np.array([bit == "1" for bit in bits]).reshape(order, -1)
