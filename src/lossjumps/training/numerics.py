"""What makes a training's bits independent of its batch mates and of the number of cores.

Import this module before the process computes its first matrix product: it chooses how MKL rounds.

Found by experiment on float64 tensors with a leading run axis (sizes 1 to 100, any alignment, any selection
of the runs), and kept true by property tests:

- Matrix products (`bmm`, `baddbmm`) of MKL change their last bits with the alignment of the operands and with
  the number of matrices.  With MKL's conditional numerical reproducibility switched on they do not, at no
  measurable cost for these sizes.  MKL reads the setting once, at its first product.
- A single run takes another route through torch (`gemm` or `gemv` instead of a batched product): a batch has
  at least two runs, the second a copy where need be.
- Fused elementwise operations (`lerp`, `addcmul`, `addcdiv`, `add` with a factor) may round differently in the
  vectorised body and in the tail of a tensor.  The training loop has singly rounded operations only.
- Sums over a run's own elements are stable on one thread; on several threads they are not.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

os.environ.setdefault("MKL_CBWR", "AVX2")

import torch

SMALLEST_BATCH = 2
"""Runs that are computed side by side at the least."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside the block: threads pay for no tensor this small, and would change bits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
