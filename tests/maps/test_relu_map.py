"""The canonical map: each family against its own equation, and what is refused."""

import numpy as np
import pytest

from lossjumps import InputError, ReluMap

RNG = np.random.default_rng(5)
M, H, B = 3, 5, 2


def relu(x):
    return np.maximum(x, 0.0)


def normal(*shape):
    return RNG.normal(size=shape)


A, W, h, W1, W2, h1, h2 = normal(M), normal(M, M), normal(M), normal(M, H), normal(H, M), normal(M), normal(H)
alphas, thetas = normal(B), normal(B, M)


def almost_linear(z):
    phi = np.concatenate([z[:1], relu(z[1:])])
    return A * z + W @ phi + h


EQUATIONS = {
    "plrnn": (ReluMap.plrnn(A, W, h), lambda z: A * z + W @ relu(z) + h),
    "shallow": (ReluMap.shallow_plrnn(A, W1, W2, h1, h2), lambda z: A * z + W1 @ relu(W2 @ z + h2) + h1),
    "clipped": (
        ReluMap.clipped_shallow_plrnn(A, W1, W2, h1, h2),
        lambda z: A * z + W1 @ (relu(W2 @ z + h2) - relu(W2 @ z)) + h1,
    ),
    "dendritic": (
        ReluMap.dendritic_plrnn(A, W, h, alphas, thetas),
        lambda z: A * z + W @ sum(a * relu(z - t) for a, t in zip(alphas, thetas, strict=True)) + h,
    ),
    "almost_linear": (ReluMap.almost_linear_rnn(A, W, h, 2), almost_linear),
    "relu_rnn": (ReluMap.relu_rnn(W, h), lambda z: relu(W @ z + h)),
    "leaky": (
        ReluMap.shallow_plrnn(A, W1, W2, h1, h2).leaky(0.1),
        lambda z: A * z + W1 @ np.where(W2 @ z + h2 > 0, W2 @ z + h2, 0.1 * (W2 @ z + h2)) + h1,
    ),
    "full A": (ReluMap.plrnn(W, W.T, h), lambda z: W @ z + W.T @ relu(z) + h),
}


@pytest.mark.parametrize("family", EQUATIONS)
def test_family_is_its_equation(family):
    m, equation = EQUATIONS[family]
    for z in RNG.normal(scale=3.0, size=(50, M)):
        np.testing.assert_allclose(m(z), equation(z), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("family", EQUATIONS)
def test_jacobian_is_the_difference_quotient(family):
    m, equation = EQUATIONS[family]
    for z in RNG.normal(scale=3.0, size=(20, M)):
        step = 1e-7
        quotient = np.column_stack([(equation(z + step * e) - equation(z - step * e)) / (2 * step) for e in np.eye(M)])
        np.testing.assert_allclose(m.jacobian(z), quotient, atol=1e-6)


def test_map_broadcasts_and_orbit_begins_at_its_start():
    m, _ = EQUATIONS["shallow"]
    states = RNG.normal(size=(4, 6, M))
    np.testing.assert_allclose(m(states)[2, 3], m(states[2, 3]), rtol=1e-14)
    assert m.region(states).shape == (4, 6, H)
    orbit = m.orbit(states[0, 0], 3)
    assert orbit.shape == (4, M)
    np.testing.assert_array_equal(orbit[0], states[0, 0])
    np.testing.assert_array_equal(orbit[2], m(orbit[1]))


def test_a_vector_is_a_diagonal_in_every_constructor():
    for make in (
        lambda a: ReluMap(a, W1, W2, h2, h1),
        lambda a: ReluMap.plrnn(a, W, h),
        lambda a: ReluMap.shallow_plrnn(a, W1, W2, h1, h2),
        lambda a: ReluMap.clipped_shallow_plrnn(a, W1, W2, h1, h2),
        lambda a: ReluMap.dendritic_plrnn(a, W, h, alphas, thetas),
        lambda a: ReluMap.almost_linear_rnn(a, W, h, 2),
    ):
        np.testing.assert_array_equal(make(A).A, make(np.diag(A)).A)


def test_a_unit_on_its_border_is_off():
    m = ReluMap.plrnn([0.5], [[1.0]], [0.0])
    assert not m.region([0.0])[0]
    assert m.jacobian([0.0]) == 0.5


def test_any_real_type_becomes_read_only_float64():
    m = ReluMap.plrnn([1, 2], np.ones((2, 2), dtype=np.float32), np.zeros(2, dtype=np.int8))
    assert {array.dtype for array in m.parameters} == {np.dtype(np.float64)}
    with pytest.raises(ValueError, match="read-only"):
        m.A[0, 0] = 3.0


def test_the_map_keeps_its_own_copy():
    c = np.zeros(1)
    m = ReluMap([[0.5]], [[1.0]], [[1.0]], [0.0], c)
    c[0] = 7.0
    assert m.c[0] == 0.0


ok = {"A": np.eye(2), "U": np.ones((2, 3)), "V": np.ones((3, 2)), "b": np.ones(3), "c": np.ones(2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"A": np.ones((2, 3))}, r"A: expected shape \(M,\) or \(M, M\), got \(2, 3\)"),
        ({"U": np.ones((3, 3))}, r"U: expected shape \(2, H\), got \(3, 3\)"),
        ({"V": np.ones((3, 3))}, r"V: expected shape \(3, 2\), got \(3, 3\)"),
        ({"b": np.ones(2)}, r"b: expected shape \(3,\), got \(2,\)"),
        ({"c": 1.0}, r"c: expected shape \(2,\), got \(\)"),
        ({"c": [1.0, np.nan]}, "c: expected finite numbers"),
        ({"b": [1.0, np.inf, 0.0]}, "b: expected finite numbers"),
        ({"A": np.eye(2) * 1j}, "A: expected real numbers, got type complex128"),
        ({"A": [["1", "2"], ["3", "4"]]}, "A: expected real numbers, got type <U1"),
        ({"A": np.eye(2).astype(object)}, "A: expected real numbers, got type object"),
        ({"A": [[1.0, 2.0], [3.0]]}, "A: expected an array of real numbers, got nested lists of unequal lengths"),
        ({"U": np.ones((2, 0)), "V": np.ones((0, 2)), "b": np.ones(0)}, "U: expected at least one element"),
    ],
)
def test_bad_input_is_refused_in_one_line(change, message):
    with pytest.raises(InputError, match=message) as error:
        ReluMap(**(ok | change))
    assert "\n" not in str(error.value)


def test_constructors_name_what_does_not_fit():
    with pytest.raises(InputError, match=r"A: expected shape \(M,\) or \(M, M\), got \(2, 3\)"):
        ReluMap.plrnn(np.ones((2, 3)), np.ones((2, 2)), np.ones(2))
    with pytest.raises(InputError, match=r"W2: expected shape \(5, 3\)"):
        ReluMap.shallow_plrnn(A, W1, W2.T, h1, h2)
    with pytest.raises(InputError, match=r"thetas: expected shape \(2, 3\)"):
        ReluMap.dendritic_plrnn(A, W, h, alphas, thetas[:1])
    for wrong in (0, 4, 1.0, True):
        with pytest.raises(InputError, match="n_relu: expected an integer from 1 to M = 3"):
            ReluMap.almost_linear_rnn(A, W, h, wrong)


def test_torch_network_under_constant_input():
    torch = pytest.importorskip("torch", reason="the library works without torch; then there is nothing to convert")
    torch.manual_seed(1)
    rnn = torch.nn.RNN(4, M, nonlinearity="relu")
    inputs = torch.randn(4)
    m = ReluMap.from_torch(rnn, inputs.numpy())
    state = torch.randn(1, M)
    _, after = rnn(inputs[None, None], state[None])
    np.testing.assert_allclose(m(state[0].numpy()), after[0, 0].detach().numpy(), atol=1e-6)
    half = ReluMap.from_torch(rnn.to(torch.bfloat16))
    np.testing.assert_array_equal(half.V, rnn.weight_hh_l0.detach().double().numpy())
    for refused, message in (
        (torch.nn.RNN(4, M), "nonlinearity"),
        (torch.nn.RNN(4, M, num_layers=2, nonlinearity="relu"), "num_layers=2"),
        (torch.nn.LSTM(4, M), "nonlinearity"),
    ):
        with pytest.raises(InputError, match=message):
            ReluMap.from_torch(refused)
    with pytest.raises(InputError, match=r"inputs: expected shape \(4,\)"):
        ReluMap.from_torch(rnn, np.ones(3))
