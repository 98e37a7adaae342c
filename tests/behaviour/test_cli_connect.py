"""ras-native connect, on both backends."""

from __future__ import annotations

import json
import socket

import pytest
from click.testing import CliRunner, Result
from network import listening

from ras_native.cli import _commands, _common, _probe


def connect(backend: str, *arguments: str, code: int) -> Result:
    result = CliRunner().invoke(_commands.cli, ["connect", "--backend", backend, *arguments])
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
        *("host:²", "host:-1", "host:1_0"),
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
