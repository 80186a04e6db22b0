"""Generalized teacher forcing: after every step the state is pulled towards the data (Hess et al., 2023).

z <- (1 - alpha) z + alpha z_data, a mixing rule that goes back to Doya (1992).  alpha = 0 is standard BPTT,
alpha = 1 classical teacher forcing.
"""

from lossjumps.training.forcing.forcing import Forcing


def forced_run(step, data_states, alpha):
    """Run from the first data state, forced after every step; the predictions are taken before the forcing."""
    keep = 1.0 - alpha
    pulls = (alpha * data_states).unbind(0)
    state = step(data_states[0])
    predictions = [state]
    for pull in pulls[1:-1]:
        state = step(keep * state + pull)
        predictions.append(state)
    return predictions


GTF = Forcing(name="gtf", needs_alpha=True, run=forced_run)
