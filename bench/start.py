"""How long a fresh process takes to its first plan, with kernels compiled: the least of several runs.

    python bench/start.py [--runs 5]

Processor and wall seconds of whole processes, from ``exec`` to exit: a bare interpreter, the imports of
the solver, and the first plan of an S instance (its making included; 18 steps are what a first plan takes).
Nothing may be compiled on the way, which the last line tells: kernels that were not in the cache.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time

#: Steps after which every part has been composed once.
STEPS = 18
PROGRAMS = {
    "bare interpreter": "pass",
    "imports": "import poise.planning.decomposition, poise.planning.generate",
    "first plan on S": (
        "from poise.planning.decomposition import solve\n"
        "from poise.planning.generate import generate\n"
        f"found = solve(generate('S', 1), 1.0, steps={STEPS})\n"
        "assert found.evaluation.is_feasible and found.gap < 0.05, found.gap\n"
    ),
}


def seconds(program: str) -> tuple[float, float]:
    """Return wall and processor seconds of one process."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compiled(program: str) -> int:
    """Return how many kernels a process had to compile."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_DEBUG_CACHE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return (done.stdout + done.stderr).count("data saved to")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print("| process | wall s | CPU s |\n| --- | ---: | ---: |")
    for name, program in PROGRAMS.items():
        taken = [seconds(program) for _ in range(runs)]
        print(f"| {name} | {min(wall for wall, _ in taken):.2f} | {min(cpu for _, cpu in taken):.2f} |")
    print(f"\nKernels compiled on the way: {compiled(PROGRAMS['first plan on S'])}.")


if __name__ == "__main__":
    main()
