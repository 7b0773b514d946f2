"""A grid of ten thousand members, killed half way: `make bench TESTS="-k killed"` prints it."""

import os
import signal
import subprocess
import sys
import time

from tests.cli.conftest import environment

SIDE, STRIP = 100, 8
RANGES = (f"budget=300k:1.5M:{SIDE}", f"split.brand=20%:80%:{SIDE}")


def strips(store):
    """Every finished strip in the store, in the order in which they ended."""
    lines = store.read_bytes().split(b"\n")[1:] if store.exists() else []
    return [line for line in lines if b' {"strip":' in line]


def started(*more):
    command = [sys.executable, "-m", "cli", "sweep", "minimal", *RANGES, "--csv", *map(str, more)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE)


def test_a_killed_sweep_of_ten_thousand_goes_on(tmp_path):
    store, half = tmp_path / "grid", SIDE * SIDE // STRIP // 2
    cores = os.cpu_count() or 1
    begun = time.perf_counter()
    with started("--jobs", cores, "--resume", store) as program:
        while len(strips(store)) < half:
            assert program.poll() is None
            time.sleep(0.1)
        program.send_signal(signal.SIGKILL)
    first, kept = time.perf_counter() - begun, strips(store)
    begun = time.perf_counter()
    with started("--jobs", cores, "--resume", store) as program:
        text = program.communicate()[0]
    second, found = time.perf_counter() - begun, strips(store)
    assert found[: len(kept)] == kept or found[: len(kept) - 1] == kept[:-1]  # the last: half there
    assert len(found) == len({line.split(b":")[1] for line in found}) == SIDE * SIDE // STRIP
    begun = time.perf_counter()
    with started("--jobs", cores) as program:
        whole = program.communicate()[0]
    third = time.perf_counter() - begun
    assert text == whole
    begun = time.perf_counter()
    with started("--resume", store) as program:
        assert program.communicate()[0] == whole
    print(
        f"\n{SIDE * SIDE:,} members, {cores} processes: {first:.0f} s until killed with "
        f"{STRIP * len(kept):,} done, {second:.0f} s for the rest; {third:.0f} s at one go, with "
        f"the same bytes; {time.perf_counter() - begun:.1f} s to read them all from a store of "
        f"{store.stat().st_size / 1e6:.1f} MB. Solved twice: 0, lost: 0"
    )
