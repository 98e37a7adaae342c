"""ras-native connect, on both backends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from network import listening, silent_port

from ras_native.cli import _commands, _common, _connect, _probe


def connect(backend: str, *arguments: str, code: int, typed: str | None = None) -> Result:
    command = ["connect", "--backend", backend, *arguments]
    result = CliRunner().invoke(_commands.cli, command, input=typed)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_connect_to_open_targets(backend):
    with listening() as four, listening(socket.AF_INET6) as six:
        targets = [
            f"127.0.0.1:{four.getsockname()[1]}",
            f"[::1]:{six.getsockname()[1]}",
        ]
        found = json.loads(connect(backend, *targets, "--json", code=0).stdout)
    assert [item["target"] for item in found] == targets
    assert {item["outcome"] for item in found} == {"open"}
    assert all(item["milliseconds"] > 0 for item in found)


def test_connect_to_a_name(backend, monkeypatch):
    with listening() as listener:
        port = listener.getsockname()[1]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(_probe.socket, "getaddrinfo", lambda *_, **__: found)
        (result,) = json.loads(connect(backend, f"vpn.example.com:{port}", "--json", code=0).stdout)
    assert (result["target"], result["address"]) == (f"vpn.example.com:{port}", "127.0.0.1")


def test_connect_fails_unless_every_target_is_open(backend, closed_port, monkeypatch):
    resolve = socket.getaddrinfo

    def look_up(host, *others, **options):
        if host == "nowhere.example":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return resolve(host, *others, **options)

    monkeypatch.setattr(_probe.socket, "getaddrinfo", look_up)
    with listening() as listener:
        targets = [
            f"127.0.0.1:{listener.getsockname()[1]}",
            "nowhere.example:80",
            f"127.0.0.1:{closed_port}",
        ]
        lines = connect(backend, *targets, "--timeout", "30", code=1).stdout.splitlines()
    assert [line.split()[-1] for line in lines[:2]] == ["CODE", "ms"]
    assert [line.split()[1:3] for line in lines[1:3]] == [["127.0.0.1", "open"], ["unresolved"]]
    assert lines[3].endswith("10061 WSAECONNREFUSED")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:443", ("::1", 443)),
        ("vpn.example.com:65535", ("vpn.example.com", 65535)),
    ],
)
def test_targets_are_read(text, target):
    assert _common.parse_target(text) == target
    assert _probe.join_target(*target) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "host", "host:", ":80", "host:0", "host:65536", "host:http", "::1:80", "[]:80"),
        *("host:²", "host:-1", "host:1_0", "host:80,", "host:,80", "host:80-", "host:1-2-3"),
        *("host:90-80", "host:80,0", "host:1-65536", "host:80, 81", "host:80,http"),
    ],
)
def test_a_bad_target_is_wrong_usage(backend, text):
    result = connect(backend, "--", text, code=2)
    assert repr(text) in result.output


@pytest.mark.parametrize("digit", "19")
def test_a_port_of_5000_digits_is_wrong_usage(backend, digit):
    result = connect(backend, "127.0.0.1:" + 5000 * digit, code=2)
    assert "the port must be 1 to 65535" in result.output
    assert len(result.output) < 1000


ports = st.integers(1, 65535)
ranges = st.tuples(ports, ports).map(lambda pair: range(min(pair), max(pair) + 1))


@given(st.sampled_from(["127.0.0.1", "vpn.example.com", "::1"]), st.lists(ranges, min_size=1))
def test_lists_and_ranges_of_ports_are_read(host, expected):
    single = [str(part[0]) if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in expected]
    target = f"[{host}]" if ":" in host else host
    assert _common.parse_targets(f"{target}:{','.join(single)}") == (host, expected)


@given(st.text(st.sampled_from("0159,-:[]a ²٣"), max_size=12))
def test_any_text_is_read_or_refused(text):
    ranges = []
    with contextlib.suppress(click.BadParameter):
        _, ranges = _common.parse_targets(text)
    assert all(1 <= part[0] <= part[-1] <= 65535 for part in ranges)


def test_connect_to_several_ports(backend, closed_port):
    with listening() as one, listening() as two:
        opened = [one.getsockname()[1], two.getsockname()[1]]
        wanted = [*opened, closed_port, opened[0]]
        target = "127.0.0.1:" + ",".join(map(str, wanted))
        found = json.loads(connect(backend, target, "--json", "--timeout", "30", code=1).stdout)
    assert [item["target"] for item in found] == [f"127.0.0.1:{port}" for port in wanted]
    assert [item["outcome"] for item in found] == ["open", "open", "refused", "open"]


def test_a_name_is_looked_up_once_for_its_ports(backend, monkeypatch):
    looked_up = []

    def look_up(host, port, **_):
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(_probe.socket, "getaddrinfo", look_up)
    with listening() as listener:
        port = listener.getsockname()[1]
        result = connect(backend, f"vpn.example.com:{port},{port}-{port}", "--json", code=0)
    assert len(json.loads(result.stdout)) == 2
    assert looked_up == ["vpn.example.com"]


def test_targets_from_standard_input(backend):
    with listening() as listener, listening(socket.AF_INET6) as six:
        first, second = (f"127.0.0.1:{listener.getsockname()[1]}", f"[::1]:{six.getsockname()[1]}")
        typed = f"# servers\n\n{first} {second}  # both\n\t{second}\n"
        result = connect(backend, first, "--from", "-", "--json", code=0, typed=typed)
    targets = [item["target"] for item in json.loads(result.stdout)]
    assert targets == [first, first, second, second]


def test_targets_from_a_file(backend, tmp_path):
    with listening() as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        file = tmp_path / "targets"
        file.write_text(target + "\n", encoding="utf-8-sig")  # Windows' Notepad writes it so
        result = connect(backend, "--from", str(file), "--json", code=0)
    assert [item["target"] for item in json.loads(result.stdout)] == [target]


def test_a_bad_line_is_named_after_the_results_of_those_before(backend):
    with listening() as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        typed = f"{target}\n\n{target} nowhere\n{target}\n"
        result = connect(backend, "--from", "-", "--json", code=2, typed=typed)
    assert [item["target"] for item in json.loads(result.stdout)] == [target] * 2
    assert "line 3: 'nowhere': use HOST:PORT" in result.stderr


def test_without_targets_it_is_wrong_usage(backend, tmp_path):
    assert "Missing argument 'TARGET...'" in connect(backend, code=2).stderr
    missing = str(tmp_path / "none")
    assert "none" in connect(backend, "--from", missing, code=2).stderr
    assert connect(backend, "--from", os.devnull, "--json", code=0).stdout == "[]\n"


def test_options_are_passed_on(backend, monkeypatch):
    asked = {}

    def stream(_targets, **options):
        asked.update(options)
        return iter(())

    monkeypatch.setattr(_probe, "connect_stream", stream)
    options = ["--rate", "5", "--syn-retries", "3", "--timeout", "7", "--concurrency", "9"]
    connect(backend, "127.0.0.1:9", *options, code=0)
    assert asked == {
        "backend": backend, "rate": 5, "syn_retries": 3, "timeout": 7.0, "concurrency": 9,
        "source": None,
    }  # fmt: skip


@pytest.mark.parametrize("wrong", [("--rate", "0"), ("--rate", "nan"), ("--syn-retries", "128")])
def test_bad_numbers_are_wrong_usage(backend, wrong):
    assert wrong[0] in connect(backend, "127.0.0.1:9", *wrong, code=2).stderr


def test_an_interrupt_keeps_the_results_until_then(backend, monkeypatch):
    """Ctrl-C comes after the first result."""

    def interrupted(targets, **options):
        for item in check_each(targets, **options):
            yield item
            raise KeyboardInterrupt

    check_each = _commands.check_each
    monkeypatch.setattr(_commands, "check_each", interrupted)
    with listening() as listener, silent_port() as silent:
        port = listener.getsockname()[1]
        targets = [f"127.0.0.1:{silent[1]}", f"127.0.0.1:{port}"]
        result = connect(backend, *targets, "--timeout", "50", "--json", code=130)
    assert [item["target"] for item in json.loads(result.stdout)] == targets[1:]


def test_the_progress_is_shown_on_a_terminal(backend, monkeypatch, capsys):
    """A terminal gets a bar; any other standard error gets nothing."""
    with listening() as listener:
        target = f"127.0.0.1:{listener.getsockname()[1]}"
        assert connect(backend, target, "--json", code=0).stderr == ""
        monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal
        monkeypatch.setenv("TERM", "xterm")
        for count, shown in ((5, "1/5 checked, 1 open"), (None, "1/? checked, 1 open")):
            with _connect.progress(count) as done:
                for _, item in _probe.check_each([("127.0.0.1", listener.getsockname()[1])]):
                    done(item)
            assert shown in re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
