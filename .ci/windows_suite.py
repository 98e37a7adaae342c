"""Run the test suite under Wine on the installed wheel, and compare the results with Linux.

usage: windows_suite.py VERSION LINUX_JUNIT_XML    (VERSION: 3.10 or 3.13)

The newest Python runs the whole suite. An older one runs only CORE, to save time.

Fails unless all of this is true:
- The same of these tests ran as on Linux, with the native backend and the simulator of the wheel.
- Every skipped test says why it cannot run here.
- Every row of tests/wine_exceptions.tsv names an expected failure, and every expected failure
  is in that table or was expected on Linux, too.
"""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import wheels
import windows_python
import wine

ROOT = windows_python.ROOT
SUITE_SECONDS = 1500
NEWEST = "3.13"
CORE = (
    "tests/behaviour/test_connect.py",
    "tests/behaviour/test_connection_notification.py",
    "tests/behaviour/test_contract.py",
    "tests/behaviour/test_event_log.py",
    "tests/behaviour/test_interrupts.py",
    "tests/behaviour/test_objects.py",
    "tests/behaviour/test_parity.py",
    "tests/behaviour/test_projection.py",
    "tests/behaviour/test_snapshot.py",
    "tests/behaviour/test_statistics.py",
    "tests/behaviour/test_system.py",
    "tests/behaviour/test_wsa_connect.py",
    "tests/monitor/test_monitor.py",
    "tests/monitor/test_monitor_async.py",
    "tests/monitor/test_monitor_ends.py",
)
"""Each Windows call through both backends, threads, asyncio and the end of a process: what depends
on the version of Python."""
IDENTITY = """
import pathlib, ras_native, ras_native.sim
home = pathlib.Path(ras_native.__file__).parent
assert home.parent.name == "site-packages", f"not the installed package: {home}"
assert ras_native.backend == "native", f"the backend in use is {ras_native.backend}"
with ras_native.sim.Simulator() as simulator:
    assert simulator.identity.startswith("ras_native simulator"), simulator.identity
    assert pathlib.Path(simulator.path) == home / "_rassim.pyd", simulator.path
    print("installed in", home, "| backend", ras_native.backend, "|", simulator.identity)
"""

Results = dict[str, tuple[str, str]]  # test -> (outcome, reason)


def require(condition: object, message: str) -> None:
    """Fail the run if the condition is false."""
    if not condition:
        raise SystemExit(f"windows_suite: {message}")


def results(junit: Path) -> Results:
    """Return the outcome of each test in pytest's JUnit file."""
    found: Results = {}
    for case in ElementTree.parse(junit).iter("testcase"):  # noqa: S314  (we wrote it)
        test = f"{case.get('classname')}::{case.get('name')}"
        require(test not in found, f"two tests are called {test}")
        found[test] = ("passed", "")
        for problem in case.iterfind("*[@message]"):
            expected = problem.get("type") == "pytest.xfail"
            found[test] = ("xfailed" if expected else problem.tag, problem.get("message", ""))
    return found


def copy_project(folder: Path) -> None:
    """Copy the checkout without the package, so that tests import the installed one."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        if name and not name.startswith("ras_native/") and (ROOT / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)


def lying_provider(folder: Path) -> Path:
    """Compile tests/support/lying_*.c into one library: under Wine the suite has no compiler."""
    made = folder / "lying_provider.dll"
    sources = sorted((folder / "tests" / "support").glob("lying_*.c"))
    includes = f"-I{folder / 'csrc' / 'abi'}"
    command = [*wheels.compiler("x86_64-windows-gnu"), "-shared", *sources, includes, "-o", made]
    subprocess.run(command, check=True)
    return made


def exceptions(files: tuple[str, ...]) -> set[str]:
    """Return the tests of these files in tests/wine_exceptions.tsv, named as in results()."""
    rows = (ROOT / "tests" / "wine_exceptions.tsv").read_text().splitlines()[1:]
    nodes = [row.split("\t")[0] for row in rows]
    return {junit_name(node) for node in nodes if node.startswith(files)}


def within(found: Results, files: tuple[str, ...]) -> Results:
    """Return the results of the tests of these files."""
    modules = tuple(name.removesuffix(".py").replace("/", ".") for name in files)
    return {
        test: result
        for test, result in found.items()
        if f"{test.partition('::')[0]}.".startswith(tuple(f"{module}." for module in modules))
    }


def junit_name(node: str) -> str:
    """Return the name that pytest's JUnit file has for a node id."""
    path, *parts = node.split("::")
    return "::".join(
        [".".join([path.removesuffix(".py").replace("/", "."), *parts[:-1]]), parts[-1]]
    )


VALID_SKIPS = ("posix_only: ", "since Python 3.13: ", "under Wine: ")


def compare(here: Results, linux: Results, listed: set[str]) -> None:
    """Check that the same tests ran, skips are valid, and expected failures are in `listed`."""
    missing, extra = sorted(linux.keys() - here.keys()), sorted(here.keys() - linux.keys())
    require(not missing, f"not collected here: {missing}")
    require(not extra, f"not collected on Linux: {extra}")
    skipped = [
        f"{test} ({reason})"
        for test, (outcome, reason) in here.items()
        if outcome == "skipped" and not reason.startswith(VALID_SKIPS)
    ]
    require(not skipped, f"skipped without a valid reason: {skipped}")
    expected = {test for test, (outcome, _) in here.items() if outcome == "xfailed"}
    named = expected | {test.partition("[")[0] for test in expected}
    usual = {test for test, (outcome, _) in linux.items() if outcome == "xfailed"}
    unlisted = {t for t in expected - usual if not {t, t.partition("[")[0]} & listed}
    require(not unlisted, f"expected failures that the table does not list: {sorted(unlisted)}")
    idle = sorted(listed - named)
    require(not idle, f"rows of tests/wine_exceptions.tsv that no expected failure has: {idle}")


def summary(title: str, found: Results) -> str:
    """Return one line with the number of tests of each outcome."""
    counts = Counter(outcome for outcome, _ in found.values())
    text = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
    return f"{title:<22} {len(found):>5} tests: {text}"


def main(version: str, linux_junit: Path) -> None:
    """Install the wheel, run the suite, and compare."""
    files = ("tests",) if version == NEWEST else CORE
    folder = windows_python.HOME / f"suite-{version}"
    copy_project(folder)
    junit = folder / "junit.xml"
    with wine.session():
        python = wine.install(windows_python.BY_VERSION[version])
        code = wine.run(python, "-c", IDENTITY, cwd=folder, seconds=60)
        require(code == 0, "the installed wheel is not what is to be tested")
        options = (f"--junitxml={junit.name}", f"--lying-provider={lying_provider(folder).name}")
        suite = (python, "-m", "pytest", "-q", "-ra", *options, *files)
        code = wine.run(*suite, cwd=folder, seconds=SUITE_SECONDS)
    require(junit.exists(), f"pytest ended early, with {code}")
    here, linux = results(junit), within(results(linux_junit), files)
    print(summary("Linux", linux), summary(f"Wine, CPython {version}", here), sep="\n")
    require(code == 0, f"pytest ended with {code}")
    compare(here, linux, exceptions(files))


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in windows_python.BY_VERSION:
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]).resolve())
