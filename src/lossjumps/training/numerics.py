"""What makes a training's bits independent of its batch mates and of the number of cores.

The networks run along their sequences in a compiled kernel that keeps the runs apart and its sums in order
(`lossjumps.training.sequence_kernel`).  Around it:

- Fused elementwise operations of torch (`lerp`, `addcmul`, `addcdiv`, `add` with a factor) may round differently in the
  vectorised body and in the tail of a tensor.  The training loop has singly rounded operations only.
- Sums over a run's own numbers are computed run by run: over several rows at once their order may depend on the number
  of rows, and on several threads on that of threads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[int]:
    """Keep torch on one thread inside the block: threads pay for no tensor this small; gives the number it had."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
