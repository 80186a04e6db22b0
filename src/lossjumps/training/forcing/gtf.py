"""Generalized teacher forcing: before every step the state is pulled towards the data (Hess et al., 2023).

z <- (1 - alpha) z + alpha z_data, a mixing rule that goes back to Doya (1992).  alpha = 0 is standard BPTT,
alpha = 1 classical teacher forcing.
"""

import numpy as np

from lossjumps.training.forcing.forcing import Forcing


def forced_strengths(steps, alpha):
    """Start from the data, and pull by alpha before every further step."""
    strengths = np.full(steps, float(alpha))
    strengths[0] = 1.0
    return strengths


GTF = Forcing(name="gtf", needs_alpha=True, strengths=forced_strengths)
