"""What only a fresh process shows: its peak memory, and the time of imports and first calls."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from random_networks import random_network

from lossjumps import find_cycles

FIRST_CALLS = """
import sys, time
wall, processor = time.perf_counter(), time.process_time()
import lossjumps.search
print(time.perf_counter() - wall, time.process_time() - processor, end=" ")
from random_networks import random_network
wall, processor = time.perf_counter(), time.process_time()
for family, dimension, units in (("plrnn", 8, 8), ("shallow", 3, 20), ("plrnn", 16, 16)):
    lossjumps.search.find_cycles(random_network(family, dimension, units, "moderate", 0), 1)
print(time.perf_counter() - wall, time.process_time() - processor)
"""


def megabytes_so_far() -> float:
    """The most memory that this process used until now.  Not what Linux took over from the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        (kilobytes,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(kilobytes) / 2**10
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _output(arguments: list[str], **variables: str) -> list[float]:
    """The numbers that Python prints in this folder."""
    finished = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | variables | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(number) for number in finished.stdout.split()]


def peak_memory(family: str, dimension: int, units: int) -> tuple[float, float]:
    """Megabytes that a process used at most before and after `find_cycles` of a random network."""
    before, after = _output([__file__, family, str(dimension), str(units)])
    return before, after


def first_calls(cache: str) -> list[float]:
    """Wall and processor seconds of the import and of the first lists, with machine code in a folder `cache`."""
    return _output(["-c", FIRST_CALLS], NUMBA_CACHE_DIR=cache)


if __name__ == "__main__":
    network = random_network(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), "moderate", 0)
    find_cycles(random_network("shallow", 2, 3, "moderate", 0), 1)  # all is imported
    megabytes = megabytes_so_far()
    find_cycles(network, 1)
    print(megabytes, megabytes_so_far())
