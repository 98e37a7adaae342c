"""The checks of arguments: what they accept, what they return, and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from ras_native import _check


class Index:
    def __init__(self, number):
        self.number = number

    def __index__(self):
        return self.number


def test_an_object_with_index_is_a_whole_number():
    number = _check.whole_number("count", Index(3), 0, 5)
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize("value", [True, False, 1.0, "1", b"1", None, object()])
def test_what_is_no_whole_number(value):
    with pytest.raises(
        TypeError, match=rf"^count must be a whole number, not {type(value).__name__}"
    ):
        _check.whole_number("count", value, 0, 5)


@pytest.mark.parametrize("value", [0, 6, -1])
def test_a_whole_number_out_of_range(value):
    with pytest.raises(ValueError, match=rf"^count must be from 1 to 5, not {value}$"):
        _check.whole_number("count", value, 1, 5)


@pytest.mark.parametrize(
    "check",
    [
        lambda value: _check.whole_number("x", value, 0, 5),
        lambda value: _check.nanoseconds("x", value),
    ],
)
def test_a_number_that_python_refuses_to_print(check):
    with pytest.raises(ValueError, match=r"^x must be from 0 to .* not a number of 20001 bits$"):
        check(1 << 20000)


def test_whole_numbers():
    assert _check.whole_numbers("states", iter([1, Index(2)]), 0, 5) == (1, 2)


@pytest.mark.parametrize("values", [[], 5, None, "12", b"12", [1, 6], [True]])
def test_what_are_no_whole_numbers(values):
    with pytest.raises((TypeError, ValueError), match=r"^states must"):
        _check.whole_numbers("states", values, 0, 5)


def test_seconds_become_nanoseconds():
    assert _check.nanoseconds("timeout", 0.25) == 250_000_000
    assert _check.nanoseconds("timeout", 2) == 2_000_000_000


@pytest.mark.parametrize("value", [-1e-9, 0.0001, 11.0, float("nan"), float("inf")])
def test_seconds_out_of_range(value):
    with pytest.raises(ValueError, match=r"^interval must be from 0.001 to 10 seconds, not "):
        _check.nanoseconds("interval", value, shortest=0.001, longest=10)


@pytest.mark.parametrize("value", [True, "1", None, 1j])
def test_what_are_no_seconds(value):
    with pytest.raises(TypeError, match=r"^interval must be a number of seconds, not "):
        _check.nanoseconds("interval", value)


@pytest.mark.parametrize("value", [b"ab", bytearray(b"ab"), memoryview(b"ab")])
def test_a_byte_string(value):
    assert _check.byte_string("data", value, 2) == b"ab"
    with pytest.raises(ValueError, match=r"^data must be at most 1 bytes, not 2$"):
        _check.byte_string("data", value, 1)


@pytest.mark.parametrize("value", ["ab", 3, None])
def test_what_is_no_byte_string(value):
    with pytest.raises(TypeError, match=r"^data must be bytes, not "):
        _check.byte_string("data", value, 2)


def test_a_path_becomes_a_str():
    assert _check.path("library", Path("a")) == _check.path("library", "a") == "a"


@pytest.mark.parametrize("value", [b"a", 3, None, "", "a\0b"])
def test_what_is_no_path(value):
    with pytest.raises((TypeError, ValueError), match=r"^library must "):
        _check.path("library", value)


@pytest.mark.parametrize("value", ["red", 3, None, ["blue"]])
def test_what_is_none_of_the_choices(value):
    with pytest.raises((TypeError, ValueError), match=r"^colour must be "):
        _check.choice("colour", value, ("blue", "green"))
