"""The canonical piecewise-linear map of every ReLU recurrent network.

Each family is the same map  z' = A z + U relu(V z + b) + c;  everything downstream is written once, for it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from lossjumps.errors import InputError


def numeric_array(value: Any, name: str) -> np.ndarray:
    """Turn numbers of any real type, a tensor without or with a graph included, into an array of numpy's.

    Raises
    ------
    InputError
        For complex, object or text input and ragged lists.
    """
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu()
            value = (value.double() if value.is_floating_point() else value).numpy()
        except (RuntimeError, TypeError) as error:
            raise InputError(f"{name}: expected a dense tensor of numbers") from error
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{name}: expected an array of real numbers, got nested lists of unequal lengths") from error
    if array.dtype.kind not in "iuf":
        raise InputError(f"{name}: expected real numbers, got type {array.dtype}")
    return array


def real_array(value: Any, name: str, *shapes: tuple[int | str, ...]) -> np.ndarray:
    """Turn real numeric input of any type into a read-only float64 array of one of the given shapes.

    Parameters
    ----------
    value : array_like
        Real numbers: nested lists, an array, a tensor without or with a graph.
    name : str
        What the value is called in error messages.
    *shapes : tuple of int or str
        Admitted shapes; an axis given as a letter may have any length.

    Raises
    ------
    InputError
        For complex, object or text input, ragged lists, NaN, infinities and other shapes.
    """
    array = numeric_array(value, name)
    if not any(
        len(shape) == array.ndim
        and all(isinstance(axis, str) or axis == length for axis, length in zip(shape, array.shape, strict=True))
        for shape in shapes
    ):
        expected = " or ".join(
            "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")" for shape in shapes
        )
        raise InputError(f"{name}: expected shape {expected}, got {array.shape}")
    if 0 in array.shape:
        raise InputError(f"{name}: expected at least one element along each axis, got shape {array.shape}")
    with np.errstate(over="ignore"):
        array = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        raise InputError(f"{name}: expected finite numbers, got NaN or infinity")
    array.flags.writeable = False
    return array


def _linear_part(A: Any) -> np.ndarray:
    """A as (M, M): a vector is a diagonal."""
    A = real_array(A, "A", ("M",), ("M", "M"))
    if A.ndim == 2 and A.shape[0] != A.shape[1]:
        raise InputError(f"A: expected shape (M,) or (M, M), got {A.shape}")
    if A.ndim == 1:
        A = np.diag(A)
        A.flags.writeable = False
    return A


@dataclass(frozen=True, eq=False)
class ReluMap:
    """The map z' = A z + U relu(V z + b) + c.

    Attributes
    ----------
    A : (M, M) array
        Linear part; given as (M,) it is the diagonal.
    U : (M, H) array
        Output weights of the units.
    V : (H, M) array
        Input weights of the units.
    b : (H,) array
        Unit biases.
    c : (M,) array
        Offset.

    Raises
    ------
    InputError
        If a shape does not fit, or an entry is not a finite real number.
    """

    A: np.ndarray
    U: np.ndarray
    V: np.ndarray
    b: np.ndarray
    c: np.ndarray

    def __post_init__(self) -> None:
        A = _linear_part(self.A)
        dimension = A.shape[0]
        U = real_array(self.U, "U", (dimension, "H"))
        units = U.shape[1]
        arrays = {
            "A": A,
            "U": U,
            "V": real_array(self.V, "V", (units, dimension)),
            "b": real_array(self.b, "b", (units,)),
            "c": real_array(self.c, "c", (dimension,)),
        }
        for name, array in arrays.items():
            object.__setattr__(self, name, array)

    @classmethod
    def trusted(cls, A: np.ndarray, U: np.ndarray, V: np.ndarray, b: np.ndarray, c: np.ndarray) -> "ReluMap":
        """The map of arrays that are known to be valid and are its own: nothing is checked or copied."""
        relu_map = object.__new__(cls)
        for name, array in zip("AUVbc", (A, U, V, b, c), strict=True):
            array.flags.writeable = False
            object.__setattr__(relu_map, name, array)
        return relu_map

    def __reduce__(self) -> tuple:
        """In another process its arrays are read-only as well: kernels are compiled for such."""
        return ReluMap.trusted, self.parameters

    # Families -------------------------------------------------------------------------------------------

    @classmethod
    def plrnn(cls, A: Any, W: Any, h: Any) -> "ReluMap":
        """Piecewise-linear recurrent network z' = A z + W relu(z) + h; A (M,) or (M, M), W (M, M), h (M,)."""
        A = _linear_part(A)
        size = len(A)
        return cls(A, real_array(W, "W", (size, size)), np.eye(size), np.zeros(size), real_array(h, "h", (size,)))

    @classmethod
    def shallow_plrnn(cls, A: Any, W1: Any, W2: Any, h1: Any, h2: Any) -> "ReluMap":
        """Shallow PLRNN z' = A z + W1 relu(W2 z + h2) + h1; W1 (M, H), W2 (H, M), h1 (M,), h2 (H,)."""
        A, W1, W2, h1, h2 = _shallow_parameters(A, W1, W2, h1, h2)
        return cls(A, W1, W2, h2, h1)

    @classmethod
    def clipped_shallow_plrnn(cls, A: Any, W1: Any, W2: Any, h1: Any, h2: Any) -> "ReluMap":
        """Clipped shallow PLRNN z' = A z + W1 [relu(W2 z + h2) - relu(W2 z)] + h1 (Hess et al. 2023)."""
        A, W1, W2, h1, h2 = _shallow_parameters(A, W1, W2, h1, h2)
        return cls(A, np.hstack([W1, -W1]), np.vstack([W2, W2]), np.concatenate([h2, np.zeros_like(h2)]), h1)

    @classmethod
    def dendritic_plrnn(cls, A: Any, W: Any, h: Any, alphas: Any, thetas: Any) -> "ReluMap":
        """Dendritic PLRNN z' = A z + W sum_b alpha_b relu(z - theta_b) + h (Brenner et al. 2022).

        A (M,) or (M, M), W (M, M), h (M,), alphas (B,), thetas (B, M).
        """
        A = _linear_part(A)
        size = len(A)
        W = real_array(W, "W", (size, size))
        h = real_array(h, "h", (size,))
        alphas = real_array(alphas, "alphas", ("B",))
        thetas = real_array(thetas, "thetas", (len(alphas), size))
        return cls(
            A, np.hstack([alpha * W for alpha in alphas]), np.tile(np.eye(size), (len(alphas), 1)), -thetas.ravel(), h
        )

    @classmethod
    def almost_linear_rnn(cls, A: Any, W: Any, h: Any, n_relu: int) -> "ReluMap":
        """Almost-linear network z' = A z + W phi(z) + h, phi a ReLU on the last `n_relu` states, else identity."""
        A = _linear_part(A)
        size = len(A)
        W = real_array(W, "W", (size, size))
        if isinstance(n_relu, bool) or not isinstance(n_relu, (int, np.integer)) or not 1 <= n_relu <= size:
            raise InputError(f"n_relu: expected an integer from 1 to M = {size}, got {n_relu!r}")
        linear = W.copy()
        linear[:, size - n_relu :] = 0.0
        units = np.eye(size)[size - n_relu :]
        return cls(A + linear, W[:, size - n_relu :], units, np.zeros(n_relu), real_array(h, "h", (size,)))

    @classmethod
    def relu_rnn(cls, W: Any, b: Any) -> "ReluMap":
        """Vanilla ReLU network h' = relu(W h + b); W (M, M), b (M,), a constant input included in b."""
        W = real_array(W, "W", ("M", "M"))
        size = len(W)
        W = real_array(W, "W", (size, size))
        return cls(np.zeros((size, size)), np.eye(size), W, real_array(b, "b", (size,)), np.zeros(size))

    @classmethod
    def from_torch(cls, rnn: Any, inputs: Any = None) -> "ReluMap":
        """The map of a one-layer `torch.nn.RNN(nonlinearity="relu")` under constant inputs.

        Parameters
        ----------
        rnn : torch.nn.RNN
            One layer, one direction.
        inputs : (input_size,) array_like, optional
            The constant input; zero if not given.

        Raises
        ------
        InputError
            If the module is no such network.
        """
        if not hasattr(rnn, "weight_hh_l0") or getattr(rnn, "mode", None) != "RNN_RELU":
            raise InputError(f'rnn: expected torch.nn.RNN(nonlinearity="relu"), got {type(rnn).__name__}')
        if rnn.num_layers != 1 or rnn.bidirectional:
            raise InputError(
                f"rnn: expected one layer and one direction, got num_layers={rnn.num_layers}, "
                f"bidirectional={rnn.bidirectional}"
            )
        bias = np.zeros(rnn.hidden_size)
        if rnn.bias:
            bias = (
                bias
                + real_array(rnn.bias_ih_l0, "bias_ih_l0", ("M",))
                + real_array(rnn.bias_hh_l0, "bias_hh_l0", ("M",))
            )
        if inputs is not None:
            inputs = real_array(inputs, "inputs", (rnn.input_size,))
            bias = bias + real_array(rnn.weight_ih_l0, "weight_ih_l0", ("M", "N")) @ inputs
        return cls.relu_rnn(rnn.weight_hh_l0, bias)

    def leaky(self, negative_slope: float) -> "ReluMap":
        """The same network with leaky ReLUs, max(y, slope y): the slope goes into the linear part."""
        slope = float(real_array(negative_slope, "negative_slope", ()))
        return ReluMap(
            self.A + slope * self.U @ self.V, (1.0 - slope) * self.U, self.V, self.b, self.c + slope * self.U @ self.b
        )

    # The map --------------------------------------------------------------------------------------------

    @property
    def dimension(self) -> int:
        """Number of states M."""
        return self.A.shape[0]

    @property
    def units(self) -> int:
        """Number of ReLUs H."""
        return self.V.shape[0]

    @property
    def parameters(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(A, U, V, b, c)."""
        return self.A, self.U, self.V, self.b, self.c

    def __call__(self, z: Any) -> np.ndarray:
        """One step from states z (..., M)."""
        z = np.asarray(z, dtype=np.float64)
        return z @ self.A.T + np.maximum(z @ self.V.T + self.b, 0.0) @ self.U.T + self.c

    def orbit(self, z0: Any, n: int) -> np.ndarray:
        """The orbit (n + 1, M) of n steps from z0 (M,), z0 first."""
        points = np.empty((n + 1, self.dimension))
        points[0] = real_array(z0, "z0", (self.dimension,))
        with np.errstate(over="ignore", invalid="ignore"):
            for step in range(n):
                points[step + 1] = self(points[step])
        return points

    def region(self, z: Any) -> np.ndarray:
        """Which units are on at states z (..., M): (..., H) bool, strictly positive input."""
        return np.asarray(z, dtype=np.float64) @ self.V.T + self.b > 0.0

    def jacobian(self, z: Any) -> np.ndarray:
        """Jacobian (M, M) of the linear region of the state z (M,)."""
        return self.A + (self.U * self.region(z)) @ self.V


def _shallow_parameters(A: Any, W1: Any, W2: Any, h1: Any, h2: Any) -> tuple[np.ndarray, ...]:
    A = _linear_part(A)
    size = len(A)
    W1 = real_array(W1, "W1", (size, "H"))
    units = W1.shape[1]
    W2 = real_array(W2, "W2", (units, size))
    return A, W1, W2, real_array(h1, "h1", (size,)), real_array(h2, "h2", (units,))
