"""SCYFI: against brute force, closed forms, complete lists and published numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.random_maps import FAMILIES, brute_force_cycles, random_map

from lossjumps import ReluMap, find_cycles
from lossjumps.search.paper_scyfi import paper_counters, walk_as_published
from lossjumps.search.scyfi import walk_for_cycles
from lossjumps.search.visits import packed, pieces_of, room_for, visit

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "cases.json"


def words_found(m, order, seed=0, **options):
    walked = walk_for_cycles(m, order, np.random.default_rng(seed), **options)
    return {itinerary.tobytes() for itinerary in walked.itineraries}, walked


@pytest.mark.parametrize("order", [1, 2, 5, 8, 11])
def test_all_cycles_of_the_full_tent_map(order):
    # conjugate to the doubling shift: Lyndon words over two letters
    expected = {1: 2, 2: 1, 5: 6, 8: 30, 11: 186}[order]
    found, walked = words_found(ReluMap.plrnn([2.0], [[-4.0]], [1.0]), order)
    assert len(found) == len(walked.itineraries) == expected
    assert sum(walked.found_again) > 0
    assert walked.visits <= 2 * 2**order  # each word on both ways at most


@pytest.mark.parametrize("family", FAMILIES)
def test_cycles_are_those_of_brute_force(family):
    missed = total = 0
    for seed in range(6):
        m = random_map(family, 2, 2, np.random.default_rng(seed))
        order = {1: 8, 2: 4, 3: 2, 4: 2}[m.units]
        expected = brute_force_cycles(m, order)
        found, _ = words_found(m, order, seed)
        assert found <= expected
        missed += len(expected - found)
        total += len(expected)
    assert missed <= 0.005 * total


def expanding_map(family, generator):
    """A map of a family that folds what it stretches, with at most eight units."""
    normal, M = generator.normal, int(generator.integers(1, 4))
    if family == "plrnn":
        W = normal(size=(M, M)) - 2.0 * np.diag(generator.uniform(1.0, 2.0, M))
        return ReluMap.plrnn(generator.uniform(0.3, 1.8, M), W, normal(size=M) + 0.5)
    H = int(generator.integers(2, 6))
    if family == "shallow":
        return ReluMap.shallow_plrnn(
            generator.uniform(-1.2, 1.2, M),
            2 * normal(size=(M, H)),
            normal(size=(H, M)),
            normal(size=M),
            normal(size=H),
        )
    if family == "clipped":
        M, H = min(M, 2), int(generator.integers(1, 4))
        W1, W2 = 4 * normal(size=(M, H)), normal(size=(H, M))
        return ReluMap.clipped_shallow_plrnn(generator.uniform(-1, 1, M), W1, W2, normal(size=M), 2 * normal(size=H))
    if family == "dendritic":
        M = min(M, 2)
        W, alphas, thetas = 2 * normal(size=(M, M)), 2 * normal(size=2), normal(size=(2, M))
        return ReluMap.dendritic_plrnn(generator.uniform(-1, 1, M), W, normal(size=M), alphas, thetas)
    if family == "almost_linear":
        a, W, h = generator.uniform(-1, 1, M + 1), 1.5 * normal(size=(M + 1, M + 1)), normal(size=M + 1)
        return ReluMap.almost_linear_rnn(a, W, h, M)
    if family == "relu_rnn":
        return ReluMap.relu_rnn(2 * normal(size=(M + 1, M + 1)), normal(size=M + 1) + 1)
    return ReluMap(
        0.6 * normal(size=(M, M)), 2 * normal(size=(M, H)), normal(size=(H, M)), normal(size=H), normal(size=M)
    )


def maps_with_many_cycles(count):
    """Maps, each with an order k with k H <= 16 of which it has three cycles or more, and these cycles."""
    found, seed = 0, 0
    while found < count:
        generator = np.random.default_rng([seed, 16])
        m = expanding_map(FAMILIES[seed % len(FAMILIES)], generator)
        seed += 1
        order = int(generator.integers(max(1, 8 // m.units), 16 // m.units + 1))
        listed = find_cycles(m, order, method="scyfi", max_visits=100).of_order(order)
        if len(listed) < 2:
            continue
        complete = find_cycles(m, order, certified_units=16, max_nodes=10**6, audit=False)
        if complete.complete[order] and len(complete.of_order(order)) > 2:
            found += 1
            yield m, order, {cycle.itinerary.tobytes() for cycle in complete.of_order(order)}


def check_share_of_cycles_found(count):
    total = missed = 0
    estimated = 0.0
    for seed, (m, order, expected) in enumerate(maps_with_many_cycles(count)):
        found, walked = words_found(m, order, seed)
        assert found <= expected
        total += len(expected)
        missed += len(expected - found)
        estimated += walked.missing
    assert missed <= 0.005 * total, (missed, total, estimated)
    return missed, total, estimated


def test_cycles_of_maps_with_many_are_found():
    check_share_of_cycles_found(12)


@pytest.mark.slow
def test_cycles_of_300_maps_with_many_are_found():
    _, total, estimated = check_share_of_cycles_found(300)
    assert total > 3000
    assert estimated <= 0.01 * total


def check_share_of_fixed_points_found(count):
    total = missed = 0
    for seed in range(count):
        generator = np.random.default_rng([seed, 20])
        size = 16 + seed % 5
        W = generator.uniform(0.5, 1.5) * generator.normal(size=(size, size)) / np.sqrt(size)
        m = ReluMap.plrnn(generator.uniform(-0.9, 0.9, size), W, generator.normal(size=size))
        complete = find_cycles(m, 1, audit=False, max_nodes=10**6)
        assert complete.complete[1]
        expected = {cycle.itinerary.tobytes() for cycle in complete}
        found, walked = words_found(m, 1, seed, max_visits=2**size // 100)
        assert found <= expected
        assert walked.visits <= 2**size / 100
        total += len(expected)
        missed += len(expected - found)
    assert missed <= 0.01 * total, (missed, total)


def test_fixed_points_are_found_in_a_hundredth_of_the_regions():
    check_share_of_fixed_points_found(20)


@pytest.mark.slow
def test_fixed_points_of_200_networks_are_found_in_a_hundredth_of_the_regions():
    check_share_of_fixed_points_found(200)


def test_the_same_seed_gives_the_same_on_any_number_of_threads():
    m = random_map("plrnn", 12, 12, np.random.default_rng(3))
    one, two = (words_found(m, 4, threads=threads, max_visits=5000)[1] for threads in (1, 2))
    assert [i.tobytes() for i in one.itineraries] == [i.tobytes() for i in two.itineraries]
    assert (one.found_again, one.visits, one.walks, one.missing) == (
        two.found_again,
        two.visits,
        two.walks,
        two.missing,
    )


def test_counters_of_the_reference_implementation():
    expected = {1: (10, 20), 3: (10, 60), 6: (10, 300), 8: (40, 1080), 20: (40, 1115), 30: (100, 1115)}
    assert {order: paper_counters(order) for order in expected} == expected


def test_the_published_loops_end_after_their_counters():
    m = ReluMap.plrnn([0.5, 0.2], [[0.0, 0.1], [-0.1, 0.0]], [1.0, -1.0])  # a contraction: no 2-cycle
    walked = walk_as_published(m, 2, np.random.default_rng(0))
    assert walked.itineraries == []
    assert walked.visits == 11 * 20  # N_out + 1 starts, N_in steps each
    assert walked.missing is None
    # a cycle sets both counters back
    walked = walk_as_published(m, 1, np.random.default_rng(0))
    assert len(walked.itineraries) == 1
    assert 11 * 20 < walked.visits <= 11 * 20 + 20
    assert walk_as_published(m, 1, np.random.default_rng(0), max_visits=7).visits == 7


def test_find_cycles_as_published_and_what_it_says_of_its_walks():
    tent = ReluMap.plrnn([0.5], [[-3.5]], [1.0])  # one fixed point and one 2-cycle
    for method in ("scyfi", "scyfi-paper"):
        found = find_cycles(tent, 2, method=method)
        assert [cycle.order for cycle in found] == [1, 2]
        assert found.complete == {1: False, 2: False}
        assert found.searched[2].visits == found.visits[2] > 0
        assert len(found.searched[2].found_again) == 1
        assert (found.searched[2].missing is None) == (method == "scyfi-paper")


def test_given_cycles_are_found_where_random_starts_are_not_reached():
    m = ReluMap.plrnn([100.0], [[-200.0]], [1.0])  # every word is a cycle
    word = np.array([[True], [True], [False], [True], [False], [False], [True]])
    found, _ = words_found(m, 7, starts=[word], max_visits=1)
    assert len(found) == 1


@pytest.mark.skipif(not REFERENCE.exists(), reason="the shared reference cases are absent")
def test_iteration_of_figure_s9_to_every_printed_digit():
    # every orthant of ten networks with ten units taken through 20 steps: how many are left
    (case,) = json.loads(REFERENCE.read_text())["iteration_cases"]
    left = []
    for system in case["systems"]:
        parameters = system["params"]
        m = ReluMap.plrnn(np.array(parameters["A"]), np.array(parameters["W"]), np.array(parameters["h"]))
        words = packed((np.arange(1024)[:, None] >> np.arange(10) & 1 == 1)[:, None])
        counts = [1024]
        for _ in range(20):
            followers, outcomes = np.zeros_like(words), np.zeros(len(words), dtype=np.int64)
            visit(pieces_of(m), words, 0, len(words), False, room_for(10, 10, 1), followers, outcomes)
            words = np.unique(followers, axis=0)
            counts.append(len(words))
        left.append(counts)
    assert np.mean(left, axis=0).tolist() == pytest.approx(case["mean"], abs=1e-12)
    np.testing.assert_allclose(np.std(left, axis=0, ddof=1), case["std_ddof1"], rtol=1e-12)
