"""Kept machine code: the sources that it may have inlined invalidate it, and no others; two processes make it once."""

import os
import subprocess
import sys
from pathlib import Path

import lossjumps
from lossjumps import compiled
from lossjumps.analysis import interval_kernel
from lossjumps.search import visits
from lossjumps.training import sequence_kernel

SOURCES = Path(lossjumps.__file__).parent
KERNEL = """
from lossjumps.compiled import compiled

@compiled()
def total(numbers):
    result = 0.0 * numbers[0]
    for number in numbers:
        result += number
    return result
"""
CALLS = """
import sys
import numpy as np
from kernel import total

print("ready", flush=True)
input()
for kind in sys.argv[1:]:
    assert total(np.ones(3, dtype=kind)) == 3
print(sum(total.stats.cache_misses.values()))
"""


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


def test_processes_that_want_the_same_function_at_once_compile_it_once_for_each_type(tmp_path):
    (tmp_path / "kernel.py").write_text(KERNEL)
    (tmp_path / "calls.py").write_text(CALLS)
    beside_the_source = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    kinds = ["float32", "complex128"]
    processes = [
        subprocess.Popen([sys.executable, "calls.py", *order], cwd=tmp_path, env=beside_the_source, **pipes)
        for order in (kinds, kinds[::-1])
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    compiled_by_each = [int(process.communicate(timeout=300)[0]) for process in processes]
    assert sum(compiled_by_each) == len(kinds) == len(list(tmp_path.rglob("*.nbc")))
