"""The equations of all points of a cycle at once, where one Jacobian holds at all times."""

import numpy as np

CONTRACTION = 0.5
"""Norm of the residual of an inverse below which its error is bounded."""

MARGIN = 1e-9
"""Relative widening of that bound: far more than the rounding of its computation."""


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


def error_of_inverse(system: np.ndarray, inverse: np.ndarray, rounding: np.ndarray) -> np.ndarray | None:
    """Bounds of the errors of the entries of an approximate inverse X of a matrix S that is known up to `rounding`.

    With the residual R = I - S X, to whose moduli its own rounding and that of S are added, S^-1 = X (I + R + R^2 ...),
    and all powers from the second on sum up to at most r m' / (1 - max r) in each entry, r the sums of the rows of R
    and m the largest entries of its columns.  None where that is no contraction, max r >= 1/2.
    """
    size = len(system)
    sizes = np.abs(inverse)
    residual = np.abs(np.eye(size) - system @ inverse)
    residual += (rounding + (size + 2) * np.finfo(float).eps * np.abs(system)) @ sizes
    sums = residual.sum(axis=1)
    if not sums.max() < CONTRACTION:
        return None
    residual += np.outer(sums, residual.max(axis=0)) / (1.0 - sums.max())
    return (1.0 + MARGIN) * sizes @ residual
