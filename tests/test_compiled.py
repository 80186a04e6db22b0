"""How kernels are compiled: parts of kernels in them alone, and what is called with a constant once."""

import gc
import pickle

import numpy as np
import pytest

from lossjumps import ReluMap
from lossjumps.compiled import compiled, kernel_part


@kernel_part()
def _scaled(values, factor):
    total = 0.0
    for value in values:
        total += factor * value
    return total


@compiled()
def twice_and_more(values, factor):
    return _scaled(values, 2) + _scaled(values, factor)


def test_a_part_is_compiled_into_what_calls_it_and_python_is_told_so() -> None:
    thresholds = gc.get_threshold()
    assert twice_and_more(np.array([1.0, 2.0]), 5) == 21.0
    assert gc.get_threshold() == thresholds
    twice_and_more.recompile()  # it may have been kept
    # one signature for the constant and the variable
    assert len(_scaled.signatures) == 1
    with pytest.raises(TypeError, match="_scaled is part of compiled kernels; Python cannot call it"):
        _scaled(np.array([1.0, 2.0]), 5)


def test_maps_from_another_process_are_of_the_type_that_kernels_are_compiled_for() -> None:
    relu_map = ReluMap.plrnn([0.5], [[1.0]], [1.0])
    again = pickle.loads(pickle.dumps(relu_map))
    for one, other in zip(relu_map.parameters, again.parameters, strict=True):
        assert one.tobytes() == other.tobytes() and not other.flags.writeable
