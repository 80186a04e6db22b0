"""What invalidates kept machine code: the sources that it may have inlined, and no others."""

from pathlib import Path

import lossjumps
from lossjumps import compiled
from lossjumps.analysis import interval_kernel
from lossjumps.search import visits
from lossjumps.training import sequence_kernel

SOURCES = Path(lossjumps.__file__).parent


def folders_of(module, name, monkeypatch):
    """The places whose digests stand for a kernel's, beside its own file."""
    asked = []
    monkeypatch.setattr(compiled, "_digest_of", lambda place: asked.append(place) or "")
    compiled._digest_of_kernels(getattr(module, name).py_func)
    return {str(place.relative_to(SOURCES)) for place in asked}


def test_each_folder_of_kernels_stands_for_itself(monkeypatch):
    assert folders_of(sequence_kernel, "compute_chunks", monkeypatch) == {"lanes.py"}
    assert folders_of(visits, "visit", monkeypatch) == {"lanes.py", "search"}
    kernels = [name for name, value in vars(interval_kernel).items() if hasattr(value, "py_func")]
    own = next(name for name in kernels if vars(interval_kernel)[name].py_func.__module__ == interval_kernel.__name__)
    assert folders_of(interval_kernel, own, monkeypatch) == {"lanes.py", "search"}
