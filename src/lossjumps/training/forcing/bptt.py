"""Standard backpropagation through time: the network runs freely along the whole sequence."""

from lossjumps.training.forcing.forcing import Forcing


def free_run(step, data_states, alpha=None):
    """Run freely from the first data state, as many steps as there are further data states."""
    state = data_states[0]
    predictions = []
    for _ in range(len(data_states) - 1):
        state = step(state)
        predictions.append(state)
    return predictions


BPTT = Forcing(name="bptt", needs_alpha=False, run=free_run)
