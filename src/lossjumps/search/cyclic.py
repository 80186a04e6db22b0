"""The equations of all points of a cycle at once, where one Jacobian holds at all times."""

import numpy as np


def inverse_of_period(jacobian: np.ndarray, order: int) -> tuple[np.ndarray, float]:
    """Inverse of z_{t+1} - J z_t round a cycle, (kM, kM) from images to points, and its condition number.

    An infinite condition number where there is none.
    """
    dimension = len(jacobian)
    system = np.eye(order * dimension)
    for time in range(order):
        image = (time + 1) % order
        system[image * dimension : (image + 1) * dimension, time * dimension : (time + 1) * dimension] -= jacobian
    try:
        inverse = np.linalg.inv(system)
    except np.linalg.LinAlgError:
        return system, np.inf
    condition = np.linalg.norm(system, 1) * np.linalg.norm(inverse, 1)
    return inverse, condition if np.isfinite(condition) else np.inf
