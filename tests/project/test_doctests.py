"""Everything public has an example in its docstring, and the examples are true on both backends."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import enum
import importlib
import inspect
import pydoc
import re
import typing
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any

import pytest
from watching import until

import ras_native
from ras_native import Monitor, Ras
from ras_native.sim import Simulator

PACKAGES = (
    "ras_native",
    "ras_native.benchmark",
    "ras_native.event_log",
    "ras_native.exporter",
    "ras_native.monitor",
    "ras_native.sim",
)


# What has no example of its own, and why. Properties need none either. If another example is to
# show a public name, the reason is the name that has this example.
SHARED = {
    "to_dict": "every record has it, and json.dumps takes what it returns",
    "close": "`with` calls it in every example",
}


def public() -> dict[str, Any]:
    """Return every public class and function, and the packages, by name."""
    found: dict[str, Any] = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        found[package] = module
        for name in module.__all__:
            item = getattr(module, name)
            if inspect.isclass(item) or inspect.isfunction(item):
                found.setdefault(name, item)
    return found


PUBLIC = public()


def members(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class that this package defines."""
    for base in kind.__mro__:
        if base.__module__.startswith("ras_native"):
            for name, member in vars(base).items():
                is_ours = inspect.isroutine(member) or isinstance(member, property)
                if is_ours and not name.startswith("_"):
                    yield name, getattr(kind, name)


def examples(name: str) -> dict[str, str]:
    """Return the docstrings with an example of one name, and of its members."""
    item = PUBLIC[name]
    found = {name: item}
    if inspect.isclass(item):
        found |= {f"{name}.{member}": value for member, value in members(item)}
    docstrings = {label: pydoc.getdoc(thing) for label, thing in found.items()}
    return {label: text for label, text in docstrings.items() if ">>> " in text}


def needs(name: str) -> Iterator[str]:
    """Yield the names that need an example."""
    if not inspect.ismodule(PUBLIC[name]):
        yield name
    if inspect.isclass(PUBLIC[name]):
        for member, value in members(PUBLIC[name]):
            if inspect.isroutine(value):
                yield f"{name}.{member}"


def is_shared(label: str) -> bool:
    return label in SHARED or label.rpartition(".")[2] in SHARED


def without_example() -> set[str]:
    return {label for name in PUBLIC for label in {*needs(name)} - examples(name).keys()}


def test_everything_public_has_an_example():
    assert not {label for label in without_example() if not is_shared(label)}


def test_every_exception_is_needed():
    without = without_example()
    assert {name for name in SHARED if name in PUBLIC} <= without
    assert SHARED.keys() - PUBLIC.keys() <= {label.rpartition(".")[2] for label in without}
    assert all(shows(SHARED[name], name) for name in SHARED if name in PUBLIC)


def shows(label: str, name: str) -> bool:
    """Whether the code of an example contains a name. A label without an example shows nothing."""
    texts = examples(label) if label in PUBLIC else {}
    return any(name in names_used(parsed(each, text)) for each, text in texts.items())


def test_an_example_shows_only_what_its_code_contains():
    assert shows("ConnSubstate", "ConnSubstate")
    assert not shows("Projection", "Cipher")  # only the text of help() has it
    assert not shows("because of a reason", "Cipher")


def test_the_example_of_every_enum_and_typed_dict_contains_its_name():
    kinds = {name for name, kind in PUBLIC.items() if inspect.isclass(kind)}
    named = {name for name in kinds if is_named_by_users(PUBLIC[name])}
    assert {"Cipher", "ProjectionOptions"} <= named
    assert not {name for name in named if not shows(name, name)}


def is_named_by_users(kind: type) -> bool:
    """Whether code that uses a class has its name, because nothing else gives its members."""
    return issubclass(kind, enum.Enum) or typing.is_typeddict(kind)


def is_constructed(kind: type) -> bool:
    """Whether users make objects of a class; its docstring then has the parameters."""
    return not (
        issubclass(kind, (BaseException, enum.Enum, tuple, ras_native.Notification))
        or dataclasses.is_dataclass(kind)
        or typing.is_typeddict(kind)
    )


def callables(name: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the label of one name and of each method, and where its parameters are explained."""
    item = PUBLIC[name]
    docstring = pydoc.getdoc(item)
    if inspect.isfunction(item) or (inspect.isclass(item) and is_constructed(item)):
        yield name, item, docstring
    if inspect.isclass(item):
        for member, value in members(item):
            if inspect.isroutine(value):
                yield f"{name}.{member}", value, docstring + pydoc.getdoc(value)


def test_every_parameter_is_explained():
    for label, item, docstring in chain.from_iterable(map(callables, PUBLIC)):
        text = re.sub(r"(>>>|\.\.\.) .*", "", docstring)
        for parameter in {*inspect.signature(item).parameters} - {"self"}:
            assert re.search(rf"\b{parameter}\b", text), (label, parameter)


def prepared(used: set[str], backend: str, stack: ExitStack) -> dict[str, Any]:
    """Make what the examples assume: `from ras_native import *`, `sim`, `ras` and `monitor`."""
    names = {name: getattr(ras_native, name) for name in ras_native.__all__}
    names["Simulator"] = Simulator
    if "Simulator" not in used and used & {"sim", "ras", "monitor"}:
        names["sim"] = stack.enter_context(Simulator())
        names["ras"] = stack.enter_context(Ras(names["sim"], backend=backend))
    if "Monitor" not in used and "monitor" in used:
        monitor = names["monitor"] = stack.enter_context(Monitor(names["ras"]))
        until(lambda: monitor.has_polled and monitor.has_event_log)
    return names


def names_used(test: doctest.DocTest) -> set[str]:
    tree = ast.parse("".join(example.source for example in test.examples))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def parsed(label: str, text: str) -> doctest.DocTest:
    return doctest.DocTestParser().get_doctest(text, {}, label, None, None)


@pytest.mark.parametrize("name", PUBLIC)
def test_the_examples_are_true(name, backend, monkeypatch):
    monkeypatch.setattr("ras_native._backend.default", lambda: backend)
    for label, text in examples(name).items():
        test = parsed(label, text)
        said: list[str] = []
        with ExitStack() as stack:
            test.globs = prepared(names_used(test), backend, stack)
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
            result = runner.run(test, out=said.append)
        assert result.failed == 0, "".join(said)
