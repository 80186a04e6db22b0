"""Standard backpropagation through time: the network runs freely along the whole sequence."""

import numpy as np

from lossjumps.training.forcing.forcing import Forcing


def free_strengths(steps, alpha=None):
    """Start from the data, and leave the state alone."""
    strengths = np.zeros(steps)
    strengths[0] = 1.0
    return strengths


BPTT = Forcing(name="bptt", needs_alpha=False, strengths=free_strengths)
