"""A ReLU map in exact arithmetic: float64 parameters are integers times a power of two.

All matrices of integers here stand for themselves times 2^(the exponent that goes with them).
"""

import math
from collections.abc import Sequence

import numpy as np
from flint import fmpz, fmpz_mat

from lossjumps.maps.relu_map import ReluMap

MOST_PIECES = 1024
"""Regions whose pieces are kept; bounds the memory of a long list of itineraries."""


def integers(arrays: Sequence[np.ndarray]) -> tuple[list[list[list[fmpz]]], int]:
    """Float64 matrices as lists of rows of integers with one common exponent."""
    split = [np.frexp(array) for array in arrays]
    exponents = [exponent[mantissa != 0.0] for mantissa, exponent in split]
    lowest = min((int(used.min()) for used in exponents if used.size), default=53) - 53
    integers = []
    for mantissa, exponent in split:
        digits = (mantissa * 2.0**53).astype(np.int64).tolist()
        shifts = np.where(mantissa != 0.0, exponent - 53 - lowest, 0).tolist()
        integers.append(
            [
                [fmpz(value << shift) for value, shift in zip(values, row, strict=True)]
                for values, row in zip(digits, shifts, strict=True)
            ]
        )
    return integers, lowest


def _matrix(rows: list[list[fmpz]], height: int, width: int) -> fmpz_mat:
    return fmpz_mat(height, width, [value for row in rows for value in row])


def exact_rank(matrix: np.ndarray) -> int:
    """The rank of a float64 matrix, without rounding."""
    (rows,), _ = integers([matrix])
    return fmpz_mat(rows).rank()


def identity(size: int) -> fmpz_mat:
    """The identity matrix of integers."""
    return fmpz_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])


def nearest_float(numerator: fmpz, denominator: fmpz) -> float:
    """The float64 nearest to a fraction, ties to even; infinite beyond the largest."""
    try:
        return int(numerator) / int(denominator)
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


class DyadicMap:
    """The pieces of a `ReluMap` as integer matrices.

    Attributes
    ----------
    relu_map : ReluMap
    exponent : int
        At most 0: the Jacobians and offsets of all regions are integers times 2^exponent.
    inputs, biases : fmpz_mat
        V (H, M) and b (H, 1), times 2^-input_exponent.
    input_exponent : int
    has_outputs : (H,) bool array
        Whether a unit acts on any state.
    """

    def __init__(self, relu_map: ReluMap) -> None:
        self.relu_map = relu_map
        self.has_outputs = relu_map.U.any(axis=0)
        dimension, units = relu_map.dimension, relu_map.units
        (self._U,), output_exponent = integers([relu_map.U])
        (self._V, self._b), self.input_exponent = integers([relu_map.V, relu_map.b[:, None]])
        (linear, offset), linear_exponent = integers([relu_map.A, relu_map.c[:, None]])
        self.exponent = min(0, linear_exponent, output_exponent + self.input_exponent)
        lift = fmpz(1) << (linear_exponent - self.exponent)
        self._linear = _matrix(linear, dimension, dimension) * lift
        self._offset = _matrix(offset, dimension, 1) * lift
        self._unit_lift = fmpz(1) << (output_exponent + self.input_exponent - self.exponent)
        self.inputs = _matrix(self._V, units, dimension)
        self.biases = _matrix(self._b, units, 1)
        self._pieces: dict[bytes, tuple[fmpz_mat, fmpz_mat]] = {}

    def piece(self, region: np.ndarray) -> tuple[fmpz_mat, fmpz_mat]:
        """Jacobian (M, M) and offset (M, 1) of the linear region (H,) of a pattern, times 2^-exponent."""
        key = region.tobytes()
        if key not in self._pieces:
            if len(self._pieces) >= MOST_PIECES:
                self._pieces.clear()
            on = np.flatnonzero(region).tolist()
            jacobian, offset = self._linear, self._offset
            if on:
                dimension = self.relu_map.dimension
                outputs = fmpz_mat(dimension, len(on), [row[unit] for row in self._U for unit in on])
                outputs = outputs * self._unit_lift
                jacobian = jacobian + outputs * _matrix([self._V[unit] for unit in on], len(on), dimension)
                offset = offset + outputs * _matrix([self._b[unit] for unit in on], len(on), 1)
            self._pieces[key] = jacobian, offset
        return self._pieces[key]

    def composition(self, itinerary: np.ndarray) -> tuple[fmpz_mat, fmpz_mat]:
        """Jacobian product T and offset s of one time round an itinerary (k, H), times 2^(-k exponent)."""
        product, shift = self.piece(itinerary[0])
        for time in range(1, len(itinerary)):
            jacobian, offset = self.piece(itinerary[time])
            product = jacobian * product
            shift = jacobian * shift + offset * (fmpz(1) << (-self.exponent * time))
        return product, shift

    def orbit(self, itinerary: np.ndarray, numerators: fmpz_mat, denominator: fmpz) -> list[tuple[fmpz_mat, fmpz]]:
        """The points at times 0 ... k-1 from a first point, each as (numerators (M, 1), common denominator > 0)."""
        one = fmpz(1) << -self.exponent
        points = [(numerators, denominator)]
        for region in itinerary[:-1]:
            jacobian, offset = self.piece(region)
            numerators = jacobian * numerators + offset * denominator
            denominator = denominator * one
            points.append((numerators, denominator))
        return points

    def unit_inputs(self, numerators: fmpz_mat, denominator: fmpz) -> list[fmpz]:
        """V z + b (H,) at a point, times denominator 2^-input_exponent."""
        return (self.inputs * numerators + self.biases * denominator).entries()

    def rounded_inputs(self, inputs: list[fmpz], denominator: fmpz) -> list[float]:
        """The unit inputs (H,) in float64, from what `unit_inputs` gives."""
        below = denominator << max(0, -self.input_exponent)
        return [nearest_float(value << max(0, self.input_exponent), below) for value in inputs]

    def relative(self, inputs: np.ndarray, signs: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Unit inputs (k, H) at points (k, M) over |b_l| + sum_j |V_lj| max|z|, always with the exact sign.

        A unit with neither weights nor bias is off and has no border: -1.
        """
        biases, weights = np.abs(self.relu_map.b), np.abs(self.relu_map.V).sum(axis=1)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            relative = inputs / (biases + weights * np.abs(points).max(axis=1, keepdims=True))
        # where float64 overflows or underflows
        lost = ~np.isfinite(relative) | (np.sign(relative) != signs)
        relative = np.where(lost, signs * np.finfo(float).tiny, relative)
        return np.where((biases == 0.0) & (weights == 0.0), -1.0, relative)
