"""The plain ways a user would write it, to compare with."""

import numpy as np

from lossjumps import ReluMap

CHUNK = 2**16


def fixed_points_of_all_patterns(m: ReluMap) -> dict[bytes, np.ndarray]:
    """Solve for the fixed point of each of the 2^H on/off patterns, in numpy batches; keep those that agree.

    Returns
    -------
    dict of bytes to (M,) array
        Pattern (H bool) to fixed point.
    """
    outer = np.einsum("ih,hj->hij", m.U, m.V).reshape(m.units, -1)
    found = {}
    for start in range(0, 2**m.units, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, 2**m.units))
        patterns = (numbers[:, None] >> np.arange(m.units)) & 1 == 1
        jacobians = m.A + (patterns @ outer).reshape(-1, m.dimension, m.dimension)
        offsets = m.c + patterns @ (m.U * m.b).T
        systems = np.eye(m.dimension) - jacobians
        solvable = np.linalg.det(systems) != 0.0
        points = np.full_like(offsets, np.nan)
        points[solvable] = np.linalg.solve(systems[solvable], offsets[solvable, :, None])[..., 0]
        agree = solvable & ((points @ m.V.T + m.b > 0.0) == patterns).all(axis=1)
        found |= {patterns[row].tobytes(): points[row] for row in np.flatnonzero(agree)}
    return found
