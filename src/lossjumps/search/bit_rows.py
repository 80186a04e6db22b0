"""Rows of signs, or of the states of units, as bits: which of them are equal."""

import numpy as np


def distinct_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As ``numpy.unique(rows, axis=0, return_inverse=True)`` for rows (n, B) of bool, in less time.

    Returns
    -------
    distinct : (m, B) bool array
        Each row once, sorted.
    numbers : (n,) int array
        The place of each row among them.
    """
    count, columns = rows.shape
    octets = np.zeros((count, max(1, -(-columns // 64)) * 8), dtype=np.uint8)
    octets[:, : -(-columns // 8)] = np.packbits(rows, axis=1)
    words = octets.view(">u8").astype(np.uint64)
    order = np.lexsort(words.T[::-1])
    words = words[order]
    begins = np.ones(count, dtype=np.bool_)
    begins[1:] = (words[1:] != words[:-1]).any(axis=1)
    numbers = np.empty(count, dtype=np.int64)
    numbers[order] = np.cumsum(begins) - 1
    return rows[order[begins]], numbers
