"""The multipliers of a cycle: the eigenvalues of the product of the Jacobians along it."""

import numpy as np

from lossjumps.compiled import compiled
from lossjumps.maps.relu_map import ReluMap
from lossjumps.search.kernels import copy_matrix, linear_piece
from lossjumps.search.periodic_schur import eigenvalues_of_product

MOST_CANCELLED = 1e4
"""What may have cancelled in the product of the Jacobians beside a multiplier that is computed from it."""

AGREED = 1e-6
"""Relative difference of two ways to the same multipliers that is an error of the worse one, and no accident."""

PROBE = 2.0**-46
"""Relative change of the Jacobians by which it is estimated what rounding does to the multipliers."""

LARGE = 1e150
"""Sums of moduli beyond which, and below whose inverse, a product may leave what float64 holds."""


@compiled()
def _jacobians_along(A, U, V, b, c, itinerary, jacobians):
    """Fill the Jacobians (k, M, M) of an itinerary (k, H)."""
    offset = np.empty(A.shape[0])
    for time in range(itinerary.shape[0]):
        linear_piece(A, U, V, b, c, itinerary[time], jacobians[time], offset)


@compiled()
def _product_and_cancelled(jacobians, product):
    """Fill the product J_{k-1} ... J_0, and return what its rounding is relative to.

    Rounding of the step J_t (J_{t-1} ... J_0) is relative to the norms of both, and what comes after multiplies it by
    J_{k-1} ... J_{t+1}, of which the norm is estimated from what it does to a vector in no special direction; of three
    matrices in general position the norms multiply to M times that of their product.  Infinite where the product may
    have left what float64 holds.
    """
    period, dimension = jacobians.shape[:2]
    later = np.empty((period, dimension))
    for i in range(dimension):
        later[period - 1, i] = np.sqrt(2.0) * np.cos((i + 1.0) ** 2)
    for time in range(period - 2, -1, -1):
        for j in range(dimension):
            later[time, j] = 0.0
        for i in range(dimension):
            weight = later[time + 1, i]
            for j in range(dimension):
                later[time, j] += weight * jacobians[time + 1, i, j]
    copy_matrix(jacobians[0], product)
    new_product = np.empty(product.shape)
    size = np.linalg.norm(product)
    cancelled = 0.0 if period > 1 else size
    for time in range(1, period):
        for i in range(dimension):
            for j in range(dimension):
                new_product[i, j] = 0.0
            for m in range(dimension):
                weight = jacobians[time, i, m]
                for j in range(dimension):
                    new_product[i, j] += weight * product[m, j]
        copy_matrix(new_product, product)
        cancelled += np.linalg.norm(later[time]) * np.linalg.norm(jacobians[time]) * size / dimension
        size = np.linalg.norm(product)
        if size != 0.0 and not 1.0 / LARGE < size < LARGE:
            return np.inf
    return cancelled


def jacobians_along(relu_map: ReluMap, itinerary: np.ndarray) -> np.ndarray:
    """(k, M, M) Jacobians of the map in the regions of an itinerary (k, H)."""
    jacobians = np.empty((len(itinerary), relu_map.dimension, relu_map.dimension))
    _jacobians_along(*relu_map.parameters, itinerary, jacobians)
    return jacobians


def spectrum_of(jacobians: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All eigenvalues of J_{k-1} ... J_0 (k, M, M), each to the accuracy that the factors allow, and their size.

    Returns
    -------
    eigenvalues : (M,) array
        Complex where one of them is, the largest modulus first; infinite where float64 ends.
    exponents : (M,) array
        Logarithms of their moduli over k, of any size.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the QR iteration does not converge.
    """
    period, dimension = jacobians.shape[:2]
    mantissas = np.empty(dimension, dtype=complex)
    exponents = np.empty(dimension, dtype=np.int64)
    if not eigenvalues_of_product(jacobians.copy(), mantissas, exponents):
        raise np.linalg.LinAlgError("the periodic QR iteration did not converge")
    with np.errstate(divide="ignore", over="ignore", under="ignore"):
        logarithms = np.log(np.abs(mantissas)) + exponents * np.log(2.0)
        real, imaginary = np.ldexp(mantissas.real, exponents), np.ldexp(mantissas.imag, exponents)
    order = np.lexsort((-imaginary, -real, -logarithms))
    values = np.empty(dimension, dtype=complex)
    values.real, values.imag = real, imaginary
    return (values if imaginary.any() else real)[order], logarithms[order] / period


def leading_multipliers_of(relu_map: ReluMap, itinerary: np.ndarray) -> np.ndarray:
    """(M,) multipliers along an itinerary (k, H), of which the small ones may be lost in rounding, the largest first.

    The largest, and those outside of half the unit circle, are those of `spectrum_of`; where little cancels in the
    product of the Jacobians beside these, its eigenvalues are used, which takes less time.
    """
    return leading_multipliers_and_rounding(relu_map, itinerary)[0]


def leading_multipliers_and_rounding(relu_map: ReluMap, itinerary: np.ndarray) -> tuple[np.ndarray, float]:
    """The same, and an estimate of the relative error that rounding leaves in the leading ones.

    It is 0.0 where little cancels in the product.  Elsewhere it is what they differ by from the eigenvalues of the
    product; where that says nothing, the Jacobians are changed at random by some roundings, and what that does to the
    moduli is taken tenfold.
    """
    jacobians = jacobians_along(relu_map, itinerary)
    period, dimension = jacobians.shape[:2]
    product = np.empty((dimension, dimension))
    cancelled = _product_and_cancelled(jacobians, product)
    values = np.zeros(dimension)
    if np.isfinite(cancelled):
        values = np.linalg.eigvals(product)
        values = values[np.lexsort((-values.imag, -values.real, -np.abs(values)))]
        if cancelled <= MOST_CANCELLED * min(0.5, np.abs(values[0])):
            return values, 0.0
    of_product, (values, exponents) = values, spectrum_of(jacobians)
    if not values.any():
        return values, 0.0
    leading = exponents >= min(exponents[0], np.log(0.5) / period)
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = np.abs(np.log(np.abs(of_product[leading])) - period * exponents[leading]).max()
    if difference < AGREED:
        return values, float(difference)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], jacobians.shape)
    changed = spectrum_of(jacobians * (1.0 + PROBE * signs))[1]
    return values, 10.0 * period * float(np.abs(exponents[leading] - changed[leading]).max())


def distance_from_roots_of_unity(multipliers: np.ndarray, order: int) -> float:
    """The smallest |mu^n - 1|, n the order, of multipliers with 1/2 < |mu| < 2; infinite where there is none."""
    sizes = np.abs(multipliers)
    logarithms = order * np.log(multipliers[(sizes > 0.5) & (sizes < 2.0)].astype(complex))
    powers = np.exp(np.minimum(logarithms.real, 1.0) + 1j * logarithms.imag)
    return float(np.abs(powers - 1.0).min(initial=np.inf))
