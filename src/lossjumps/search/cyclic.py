"""The equations of all points of a cycle at once, where one Jacobian holds at all times."""

import numpy as np


def system_of_period(jacobian: np.ndarray, order: int) -> np.ndarray:
    """The matrix (kM, kM) of z_{t+1} - J z_t round a cycle."""
    dimension = len(jacobian)
    system = np.eye(order * dimension)
    for time in range(order):
        image = (time + 1) % order
        system[image * dimension : (image + 1) * dimension, time * dimension : (time + 1) * dimension] -= jacobian
    return system


def inverse_of_period(jacobian: np.ndarray, order: int) -> tuple[np.ndarray, float]:
    """Inverse of z_{t+1} - J z_t round a cycle, (kM, kM) from images to points, and its condition number.

    An infinite condition number where there is none.
    """
    system = system_of_period(jacobian, order)
    try:
        inverse = np.linalg.inv(system)
    except np.linalg.LinAlgError:
        return system, np.inf
    condition = np.linalg.norm(system, 1) * np.linalg.norm(inverse, 1)
    return inverse, condition if np.isfinite(condition) else np.inf


def error_of_inverse(system: np.ndarray, inverse: np.ndarray, rounding: np.ndarray) -> np.ndarray:
    """Bounds of the errors of the entries of an approximate inverse X of a matrix S that is known up to `rounding`.

    The error is X R (1 + ...) with the residual R = I - S X, whose own rounding is added.
    """
    size = len(system)
    sizes = np.abs(inverse)
    residual = np.abs(np.eye(size) - system @ inverse)
    residual += (rounding + (size + 2) * np.finfo(float).eps * np.abs(system)) @ sizes
    return 2.0 * sizes @ residual
