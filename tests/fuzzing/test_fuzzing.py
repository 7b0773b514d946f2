"""Whatever a file holds, its reader gives what it is for or says in words what is wrong.

No other error, no warning, no search without end, no memory without bound; and the file stays as it
was. ``make fuzz`` tries many more examples than the suite does.
"""

from __future__ import annotations

import faulthandler
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from optimizer.errors import AdsplitError
from tests.fuzzing.readers import READERS, Reader

SECONDS = 10.0
"""Of this process's work that one file may take."""

EXAMPLES = 20 if settings.get_current_profile_name() == "steady" else settings.default.max_examples

pytestmark = pytest.mark.filterwarnings("error")


@contextmanager
def bounds(memory: int) -> Iterator[None]:
    """Fails where what is done within takes too long or too much memory."""

    def ended(*_: object) -> None:
        pytest.fail(f"it took more than {SECONDS:g} seconds")

    before = signal.signal(signal.SIGPROF, ended)
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    # Python hears no signal while a library searches without end: then the process ends.
    faulthandler.dump_traceback_later(30 * SECONDS, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    assert time.process_time() - start < SECONDS
    more = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held)
    assert more < memory, f"it took {more:,} bytes"


@pytest.fixture(scope="module", params=READERS, ids=lambda reader: reader.name)
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    reader: Reader = request.param
    folder = tmp_path_factory.mktemp("sound")
    return Sound(reader, reader.make(folder))


class Sound:
    """A reader and its sound file."""

    def __init__(self, reader: Reader, path: Path) -> None:
        self.reader, self.path, self.content = reader, path, path.read_bytes()

    def __repr__(self) -> str:
        return self.reader.name


def test_sound_files_are_read(sound: Sound) -> None:
    assert isinstance(sound.reader.read(sound.path), sound.reader.kind)
    sound.path.write_bytes(sound.content)


@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
@given(chance=st.randoms(use_true_random=False))
def test_hurt_files_end_in_words(
    sound: Sound, tmp_path_factory: pytest.TempPathFactory, chance: Random
) -> None:
    """The folder of the last file that failed stays among pytest's temporary folders."""
    reader = sound.reader
    folder = sound.path.parent
    content = reader.hurt(sound.path, sound.content, chance)
    sound.path.write_bytes(content)
    there = sorted(path.name for path in folder.iterdir())
    with bounds(reader.memory):
        try:
            found = reader.read(sound.path)
        except AdsplitError as error:  # any other fails the test
            told = str(error).strip()
        else:
            told = "it can still be read" if isinstance(found, reader.kind) else ""
    assert told
    assert sorted(path.name for path in folder.iterdir()) == there
    assert not reader.leaves_alone or sound.path.read_bytes() == content
