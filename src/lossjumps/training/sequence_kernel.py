"""Losses and gradients of networks along whole sequences, compiled; `lossjumps.training.sequences` is what calls it.

Sequences are computed `LANES` side by side, a *chunk*: every number of a step is a vector with a lane a sequence.
Which sequences share a chunk, and the order of all sums, depend on a run's own batch alone, so that a run's bits
depend neither on the runs beside it nor on the number of threads.
"""

from typing import NamedTuple

import numpy as np

from lossjumps.compiled import compiled, kernel_part
from lossjumps.lanes import LANES, add, add_product, load, multiply, positive, relu, same, store, subtract, where

TILE = 4
"""Rows that are summed side by side, to keep the processor busy; states and units are padded to multiples of it."""
STEPS = 16
"""Steps of the backward pass after which their products enter the gradients of the matrices."""


class Networks(NamedTuple):
    """z' = A z + U relu(V z + b) + c for S networks, M states, H units; extra states of a data point x are L x."""

    A: np.ndarray
    """(S, M, 1) the diagonal, or (S, M, M)."""
    U: np.ndarray
    """(S, M, H)."""
    V: np.ndarray
    """(S, H, M); (S, H, 0) where each unit reads one state."""
    reads: np.ndarray
    """(H,) the state that each unit reads; empty where V says."""
    b: np.ndarray
    """(S, H)."""
    c: np.ndarray
    """(S, M)."""
    L: np.ndarray
    """(S, M - N, N)."""


class Data(NamedTuple):
    """What S networks are trained or evaluated on, B sequences of T steps each."""

    series: np.ndarray
    """(samples, N)."""
    starts: np.ndarray
    """(S, B) the first sample of each sequence."""
    noise: np.ndarray
    """(S, T, B, N) added to the data that enter a network, not to those it is compared with; (0, 0, 0, 0) for none."""
    strengths: np.ndarray
    """(T,) of the pull towards the data on the state before each step; the first is 1."""


class Scratch(NamedTuple):
    """Room for one chunk; arrays of lanes are flat (`lossjumps.lanes`), M and H rounded up to multiples of `TILE`."""

    data: np.ndarray
    """(M,) the data's own states of one step."""
    states: np.ndarray
    """(T, M) before each step."""
    units: np.ndarray
    """(T, H) after the ReLU; (1, H) where no gradients are asked for."""
    errors: np.ndarray
    """(T, N)."""
    state: np.ndarray
    """(M,) the prediction; on the way back the gradient by the state after a step."""
    by_state: np.ndarray
    """(M,) the gradient by the state before a step."""
    by_next: np.ndarray
    """(STEPS, M) gradients by the states after the steps."""
    by_unit: np.ndarray
    """(STEPS, H) gradients by the units before the ReLU."""
    by_matrices: np.ndarray
    """(M, H) for U, (M, H) for the transpose of V, (M, M) for the transpose of A."""
    by_vectors: np.ndarray
    """(H,) for b, (M,) for c, (M - N, N) for L."""
    weights: np.ndarray
    """No lanes: (H, M) U transposed, (M, H) U, (M, H) V transposed, (H, M) V, (M, M) A transposed, (M, M) A."""


def padded(number: int) -> int:
    """The next multiple of `TILE`."""
    return -(-number // TILE) * TILE


def scratch(steps: int, latent: int, units: int, observed: int, gradients: bool, dtype: type) -> Scratch:
    """Room for one chunk of T = `steps` steps, M = `latent`, H = `units`, N = `observed`."""
    m, h = padded(latent), padded(units)
    block = STEPS if gradients else 0
    sizes = (
        m,
        steps * m,
        (steps if gradients else 1) * h,
        steps * observed,
        m,
        m,
        block * m,
        block * h,
        (2 * m * h + m * m) if gradients else 0,
        h + m + (latent - observed) * observed,
    )
    weights = np.zeros(4 * m * h + 2 * m * m, dtype)
    return Scratch(*(np.zeros(size * LANES, dtype) for size in sizes), weights)


@kernel_part()
def _add_products(weights, place, rows, columns, right, first, total, total_first):
    """total += W right for lanes: W (rows, columns) is kept transposed in `weights` from `place` on."""
    for i in range(0, rows, TILE):
        at = total_first + i
        one, two, three, four = load(total, at), load(total, at + 1), load(total, at + 2), load(total, at + 3)
        for j in range(columns):
            x = load(right, first + j)
            w = place + j * rows + i
            one = add_product(one, same(weights[w]), x)
            two = add_product(two, same(weights[w + 1]), x)
            three = add_product(three, same(weights[w + 2]), x)
            four = add_product(four, same(weights[w + 3]), x)
        store(total, at, one)
        store(total, at + 1, two)
        store(total, at + 2, three)
        store(total, at + 3, four)


@kernel_part()
def _add_outer_products(left, left_first, rows, right, right_first, columns, steps, total, total_first):
    """total += sum of left right' over steps, for lanes: left (steps, rows), right (steps, columns)."""
    for i in range(0, rows, 2):
        for j in range(0, columns, TILE):
            upper = total_first + i * columns + j
            lower = upper + columns
            u0, u1, u2, u3 = load(total, upper), load(total, upper + 1), load(total, upper + 2), load(total, upper + 3)
            l0, l1, l2, l3 = load(total, lower), load(total, lower + 1), load(total, lower + 2), load(total, lower + 3)
            for t in range(steps):
                a = left_first + t * rows + i
                b = right_first + t * columns + j
                x, y = load(left, a), load(left, a + 1)
                z0, z1, z2, z3 = load(right, b), load(right, b + 1), load(right, b + 2), load(right, b + 3)
                u0, l0 = add_product(u0, x, z0), add_product(l0, y, z0)
                u1, l1 = add_product(u1, x, z1), add_product(l1, y, z1)
                u2, l2 = add_product(u2, x, z2), add_product(l2, y, z2)
                u3, l3 = add_product(u3, x, z3), add_product(l3, y, z3)
            store(total, upper, u0)
            store(total, upper + 1, u1)
            store(total, upper + 2, u2)
            store(total, upper + 3, u3)
            store(total, lower, l0)
            store(total, lower + 1, l1)
            store(total, lower + 2, l2)
            store(total, lower + 3, l3)


@kernel_part()
def _lay_out(networks, s, m, h, weights):
    """Copy the matrices of one network to where `_add_products` reads them, padded with zeros."""
    A, U, V = networks.A, networks.U, networks.V
    latent, units = U.shape[1], U.shape[2]
    size = m * h
    weights[:] = 0.0
    for i in range(latent):
        for j in range(units):
            weights[j * m + i] = U[s, i, j]
            weights[size + i * h + j] = U[s, i, j]
        if V.shape[2]:
            for j in range(units):
                weights[2 * size + i * h + j] = V[s, j, i]
                weights[3 * size + j * m + i] = V[s, j, i]
        if A.shape[2] == latent:
            for j in range(latent):
                weights[4 * size + j * m + i] = A[s, i, j]
                weights[4 * size + m * m + i * m + j] = A[s, i, j]


@kernel_part()
def _fetch(data, s, first, t, lanes):
    """The data (N,) at step t of the sequences from `first` on; the last fills lanes that are over."""
    series, starts = data.series, data.starts
    last = starts.shape[1] - 1
    for lane in range(LANES):
        row = series[starts[s, min(first + lane, last)] + t]
        for n in range(len(row)):
            lanes[n * LANES + lane] = row[n]


@kernel_part()
def _enter(networks, data, s, first, t, lanes):
    """From the data x in `lanes` to the states [x; L x] that enter the network at step t, with noise."""
    L, noise = networks.L, data.noise
    observed, last = data.series.shape[1], data.starts.shape[1] - 1
    if noise.shape[0]:
        for lane in range(LANES):
            for n in range(observed):
                lanes[n * LANES + lane] += noise[s, t, min(first + lane, last), n]
    for extra in range(L.shape[1]):
        value = multiply(same(L[s, extra, 0]), load(lanes, 0))
        for n in range(1, observed):
            value = add_product(value, same(L[s, extra, n]), load(lanes, n))
        store(lanes, observed + extra, value)


@kernel_part()
def _step(networks, s, m, h, room, z, y):
    """From the state before a step, at place z of `room.states`, to `room.state`; the units go to place y."""
    A, b, c, reads = networks.A, networks.b, networks.c, networks.reads
    latent, units = networks.U.shape[1], networks.U.shape[2]
    state, size = room.state, m * h
    one = b.dtype.type(1.0)
    zero = one - one
    for unit in range(h):
        store(room.units, y + unit, same(b[s, unit] if unit < units else zero))
    for unit in range(len(reads)):
        store(room.units, y + unit, add(load(room.units, y + unit), load(room.states, z + reads[unit])))
    if not len(reads):
        _add_products(room.weights, 2 * size, h, latent, room.states, z, room.units, y)
    for unit in range(units):
        store(room.units, y + unit, relu(load(room.units, y + unit)))
    for i in range(m):
        value = same(c[s, i] if i < latent else zero)
        if A.shape[2] == 1 and i < latent:
            value = add_product(value, same(A[s, i, 0]), load(room.states, z + i))
        store(state, i, value)
    if A.shape[2] > 1:
        _add_products(room.weights, 4 * size, m, latent, room.states, z, state, 0)
    _add_products(room.weights, 0, m, units, room.units, y, state, 0)


@kernel_part()
def _run(networks, data, s, first, m, h, room, keeps):
    """Run the network along the sequences of a chunk: states before each step, units and errors."""
    latent = networks.U.shape[1]
    steps, observed = len(data.strengths), data.series.shape[1]
    state = room.state
    one = data.series.dtype.type(1.0)
    _fetch(data, s, first, 0, room.data)
    for t in range(steps):
        z, y = t * m, t * h if keeps else 0
        strength = data.strengths[t]
        if strength != 0.0:  # the data are those that the step before was compared with
            _enter(networks, data, s, first, t, room.data)
        for i in range(latent):
            if strength == 0.0:
                value = load(state, i)
            elif strength == 1.0:
                value = load(room.data, i)
            else:
                value = multiply(same(one - strength), load(state, i))
                value = add_product(value, same(strength), load(room.data, i))
            store(room.states, z + i, value)
        _step(networks, s, m, h, room, z, y)
        _fetch(data, s, first, t + 1, room.data)
        for n in range(observed):
            store(room.errors, t * observed + n, subtract(load(state, n), load(room.data, n)))


@kernel_part()
def _run_on(networks, s, first, count, m, h, room, states):
    """Run freely from `room.state` on; write the observed states (B, n, N) of a chunk of `count` sequences."""
    latent = networks.U.shape[1]
    for t in range(states.shape[1]):
        for i in range(latent):
            store(room.states, i, load(room.state, i))
        _step(networks, s, m, h, room, 0, 0)
        for lane in range(count):
            for n in range(states.shape[2]):
                states[first + lane, t, n] = room.state[n * LANES + lane]


@kernel_part()
def _go_back(networks, data, s, first, m, h, room):
    """Gradients by everything, summed over the steps, of half the sum of the squares in `room.errors`."""
    A, reads = networks.A, networks.reads
    latent, units = networks.U.shape[1], networks.U.shape[2]
    steps, observed = len(data.strengths), data.series.shape[1]
    carried, by_state, size = room.state, room.by_state, m * h
    one = data.series.dtype.type(1.0)
    zero = same(one - one)
    carried[:] = 0.0
    room.by_matrices[:] = 0.0
    room.by_vectors[:] = 0.0
    for t in range(steps - 1, -1, -1):
        z, y, place = t * m, t * h, t % STEPS
        g, u = place * m, place * h
        for i in range(m):
            value = load(carried, i)
            if i < observed:
                value = add(value, load(room.errors, t * observed + i))
            store(room.by_next, g + i, value)
            store(room.by_vectors, h + i, add(load(room.by_vectors, h + i), value))
            store(by_state, i, zero)
            if A.shape[2] == 1 and i < latent:
                store(by_state, i, multiply(same(A[s, i, 0]), value))
                product = 2 * size + i * m + i
                total = add_product(load(room.by_matrices, product), value, load(room.states, z + i))
                store(room.by_matrices, product, total)
        for unit in range(h):
            store(room.by_unit, u + unit, zero)
        _add_products(room.weights, size, h, latent, room.by_next, g, room.by_unit, u)
        for unit in range(units):
            value = where(positive(load(room.units, y + unit)), load(room.by_unit, u + unit))
            store(room.by_unit, u + unit, value)
            store(room.by_vectors, unit, add(load(room.by_vectors, unit), value))
        for unit in range(len(reads)):
            store(by_state, reads[unit], add(load(by_state, reads[unit]), load(room.by_unit, u + unit)))
        if not len(reads):
            _add_products(room.weights, 3 * size, m, units, room.by_unit, u, by_state, 0)
        if A.shape[2] > 1:
            _add_products(room.weights, 4 * size + m * m, m, latent, room.by_next, g, by_state, 0)
        strength = data.strengths[t]
        if strength != 0.0 and latent > observed:
            _fetch(data, s, first, t, room.data)
            _enter(networks, data, s, first, t, room.data)
            place_of_l = h + m
            for i in range(observed, latent):
                pull = multiply(same(strength), load(by_state, i))
                for n in range(observed):
                    total = load(room.by_vectors, place_of_l)
                    store(room.by_vectors, place_of_l, add_product(total, pull, load(room.data, n)))
                    place_of_l += 1
        for i in range(m):
            store(carried, i, zero if strength == 1.0 else multiply(same(one - strength), load(by_state, i)))
        if place == 0:
            together = min(STEPS, steps - t)
            _add_outer_products(room.by_next, 0, m, room.units, y, h, together, room.by_matrices, 0)
            if not len(reads):
                _add_outer_products(room.states, z, m, room.by_unit, 0, h, together, room.by_matrices, size)
            if A.shape[2] > 1:
                _add_outer_products(room.states, z, m, room.by_next, 0, m, together, room.by_matrices, 2 * size)


@kernel_part()
def _sum_of_lanes(lanes, index, count):
    total = lanes[index * LANES]
    for lane in range(1, count):
        total += lanes[index * LANES + lane]
    return total


@kernel_part()
def _write_gradients(networks, observed, m, h, room, out):
    """Sum the lanes, into (G,): A, U, V, b, c, L, each as it is given."""
    A, reads = networks.A, networks.reads
    latent, units = networks.U.shape[1], networks.U.shape[2]
    size, at = m * h, 0
    for i in range(latent):
        for j in range(A.shape[2]):
            column = i if A.shape[2] == 1 else j
            out[at] = _sum_of_lanes(room.by_matrices, 2 * size + column * m + i, LANES)
            at += 1
    for i in range(latent):
        for j in range(units):
            out[at] = _sum_of_lanes(room.by_matrices, i * h + j, LANES)
            at += 1
    if not len(reads):
        for j in range(units):
            for i in range(latent):
                out[at] = _sum_of_lanes(room.by_matrices, size + i * h + j, LANES)
                at += 1
    for place in range(units):
        out[at + place] = _sum_of_lanes(room.by_vectors, place, LANES)
    at += units
    for place in range(latent):
        out[at + place] = _sum_of_lanes(room.by_vectors, h + place, LANES)
    at += latent
    for place in range((latent - observed) * observed):
        out[at + place] = _sum_of_lanes(room.by_vectors, h + m + place, LANES)


@compiled(nogil=True)
def compute_chunks(networks, data, thread, threads, room, errors, gradients, states):
    """Run every `threads`-th chunk, from number `thread` on.

    Parameters
    ----------
    networks : Networks
    data : Data
    thread, threads : int
    room : Scratch
        Nobody else's while this runs.
    errors : (S, K, T) ndarray
        Filled with the sums of the squared errors at each step, over the observed states and the sequences of each of
        the K = ceil(B / `LANES`) chunks.
    gradients : (S, K, G) ndarray
        Filled with the gradients of their means over all steps, sequences and states by A, U, V, b, c and L, each as it
        is given.  With G = 0 they are not computed.
    states : (S, B, n, N) ndarray
        Filled with the observed states of n further steps of the free-running networks.
    """
    runs, batch = data.starts.shape
    steps, observed = len(data.strengths), data.series.shape[1]
    m, h = room.state.size // LANES, room.units.size // LANES
    chunks, keeps = errors.shape[1], gradients.shape[2] > 0
    h = h // steps if keeps else h
    scale = data.series.dtype.type(2.0 / (steps * batch * observed))
    for task in range(thread, runs * chunks, threads):
        s, chunk = task // chunks, task % chunks
        first = chunk * LANES
        count = min(LANES, batch - first)
        _lay_out(networks, s, m, h, room.weights)
        _run(networks, data, s, first, m, h, room, keeps)
        for t in range(steps):
            total = same(scale - scale)
            for n in range(observed):
                error = load(room.errors, t * observed + n)
                total = add_product(total, error, error)
            store(room.by_state, 0, total)
            errors[s, chunk, t] = _sum_of_lanes(room.by_state, 0, count)
        _run_on(networks, s, first, count, m, h, room, states[s])
        if keeps:
            for place in range(steps * observed):
                store(room.errors, place, multiply(same(scale), load(room.errors, place)))
                for lane in range(count, LANES):
                    room.errors[place * LANES + lane] = 0.0
            _go_back(networks, data, s, first, m, h, room)
            _write_gradients(networks, observed, m, h, room, gradients[s, chunk])
