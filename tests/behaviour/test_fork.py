"""After `os.fork`, inherited objects are closed in the child, and new ones work there."""

from __future__ import annotations

import child
import pytest

pytestmark = pytest.mark.posix_only("Windows has no fork")

FORK = """
import os, sys, threading
import ras_native
from ras_native import Event, Ras, _at_exit, _ras
from ras_native.sim import Simulator
backend = sys.argv[1]
sim = Simulator()
handle = sim.add("office")
ras, event = Ras(sim, backend=backend), Event(backend=backend)
notification = ras.connection_notification()
_ras._system = ras
event.set()
sim.add("other")
sim.teardown = 60.0
ras.hang_up(handle, wait=False)

def in_child(what):
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            what()
        except BaseException as error:
            print(type(error).__name__, error)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
"""
CLOSE = """
for opened in (event, notification, ras, sim):
    opened.close()
_at_exit._unfinished.clear()
"""
WITHOUT_WARNING = ("-W", "error", "-W", "ignore::DeprecationWarning")  # of threads and fork


def run(backend, script):
    return child.run(FORK + script + CLOSE, backend, python=WITHOUT_WARNING)


@pytest.mark.parametrize(
    "use",
    ["event.reset()", "event.set()", "notification.reset()", "ras.snapshot()", "ras.sizes",
     "ras.enum_connections()", "ras.get_connect_status(handle)"],
)  # fmt: skip
def test_what_a_child_inherited_is_closed_there_and_not_in_the_parent(backend, use):
    output = run(
        backend,
        f"""
in_child(lambda: {use})
print(event.is_set(), notification.is_set(), len(ras.snapshot()))
""",
    )
    said, parent = output.splitlines()
    assert said.startswith("ValueError this ")
    assert "process that forked this one" in said
    assert parent == "True True 1"


def test_a_child_makes_its_own(backend):
    output = run(
        backend,
        """
def what():
    with Ras(sim, backend=backend) as mine, Event(backend=backend) as event:
        event.set()
        print(len(mine.snapshot()), event.is_set(), len(_at_exit._unfinished))
in_child(what)
print(len(_at_exit._unfinished))
""",
    )
    assert output.splitlines() == ["1 True 0", "1"]


def test_a_child_that_was_forked_during_a_poll_makes_its_own(backend):
    output = run(
        backend,
        """
def what():
    with Ras(sim, backend=backend) as mine:
        print(len(mine.snapshot()), len(mine.enum_connections()))
sim.delay("RasEnumConnectionsW", 0.2)
threads = [threading.Thread(target=poll) for poll in (ras.snapshot, ras.enum_connections)]
for thread in threads:
    thread.start()
while sim.calls("RasEnumConnectionsW") < 2:
    pass
in_child(what)
for thread in threads:
    thread.join()
print(len(ras.snapshot()))
""",
    )
    assert output.splitlines() == ["1 1", "1"]
