"""What an error code means, and what to do about it: `explain`, `reason` and the command."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tsv import read_rows

import ras_native
from ras_native import ConnState, RasError, Reason, WSAError, _explain, error_name, explain
from ras_native._errors import posix_errno
from ras_native.cli import _commands

PACKAGE = Path(ras_native.__file__).parent
TABLE = {
    int(code, 0): rest
    for code, *rest in read_rows(PACKAGE / "errors.tsv", "code name errno text advice source")
}
UNKNOWN = "no explanation of this code is known"
ANY_CODE = st.integers(-(1 << 31), 0xFFFFFFFF)

# From Windows' documentation and headers, typed here once more.
KNOWN = {
    87: "ERROR_INVALID_PARAMETER",
    600: "PENDING",
    691: "ERROR_AUTHENTICATION_FAILURE",
    809: "ERROR_VPN_TIMEOUT",
    829: "ERROR_LINK_FAILURE",
    868: "ERROR_DNSNAME_NOT_RESOLVABLE",
    900: "ERROR_ROUTER_STOPPED",
    955: "ERROR_AUTHENTICATOR_MISMATCH",
    1219: "ERROR_SESSION_CREDENTIAL_CONFLICT",
    1326: "ERROR_LOGON_FAILURE",
    1722: "RPC_S_SERVER_UNAVAILABLE",
    1753: "EPT_S_NOT_REGISTERED",
    1931: "ERROR_CONTEXT_EXPIRED",
    9003: "DNS_ERROR_RCODE_NAME_ERROR",
    10060: "WSAETIMEDOUT",
    10112: "WSAEREFUSED",
    11033: "WSA_IPSEC_NAME_POLICY_ERROR",
    12175: "ERROR_WINHTTP_SECURE_FAILURE",
    13801: "ERROR_IPSEC_IKE_AUTH_FAIL",
    13806: "ERROR_IPSEC_IKE_NO_CERT",
    13868: "ERROR_IPSEC_IKE_POLICY_MATCH",
    13910: "ERROR_IPSEC_BAD_SPI",
    15007: "ERROR_EVT_CHANNEL_NOT_FOUND",
    0x80004005: "E_FAIL",
    0x80070057: "E_INVALIDARG",
    0x8009000D: "NTE_NO_KEY",
    0x80090326: "SEC_E_ILLEGAL_MESSAGE",
    0x8009030C: "SEC_E_LOGON_DENIED",
    0x80092013: "CRYPT_E_REVOCATION_OFFLINE",
    0x80096010: "TRUST_E_BAD_DIGEST",
    0x800B0101: "CERT_E_EXPIRED",
    0x800B0109: "CERT_E_UNTRUSTEDROOT",
    0x800B010F: "CERT_E_CN_NO_MATCH",
    0x8010006B: "SCARD_W_WRONG_CHV",
    0x80420011: "EAP_E_EAPHOST_METHOD_NOT_INSTALLED",
    0x80420112: "EAP_E_USER_NAME_PASSWORD_REJECTED",
    0xC000006D: "STATUS_LOGON_FAILURE",
    0xC0000234: "STATUS_ACCOUNT_LOCKED_OUT",
}

# The ranges in which winerror.h and its companions put the codes of these names.
FAMILIES = {
    "CERT_E_": [(0x800B0101, 0x800B0114)],
    "CRYPT_E_": [(0x80091001, 0x80091011), (0x80092001, 0x8009202C), (0x80093000, 0x80093202)],
    "DNS_": [(9001, 9999)],
    "EAP_": [(0x40420016, 0x40420110), (0x80420010, 0x80420406)],
    "ERROR_EVT_": [(15000, 15038)],
    "ERROR_IPSEC_": [(827, 827), (13000, 13023), (13800, 13932)],
    "ERROR_WINHTTP_": [(878, 878), (12001, 12190)],
    "NTE_": [(0x80090001, 0x80090038)],
    "RPC_S_": [(1700, 1899)],
    "SCARD_": [(0x80100001, 0x80100072)],
    "SEC_E_": [(0x80090300, 0x8009036B)],
    "STATUS_": [(0xC0000001, 0xC0000FFF)],
    "TRUST_E_": [(0x80096001, 0x8009601E), (0x800B0001, 0x800B0111)],
    "WSA_QOS_": [(11005, 11031)],
    "WSAE": [(10000, 10112)],
}


# The table


def test_codes_have_the_names_of_the_headers():
    assert {code: explain(code).name for code in KNOWN} == KNOWN


def test_a_name_is_in_the_range_of_its_family():
    for code, (name, *_) in TABLE.items():
        family = max((prefix for prefix in FAMILIES if name.startswith(prefix)), default=None)
        if family is not None:
            assert any(low <= code <= high for low, high in FAMILIES[family]), name
        elif name.startswith(("ERROR_", "RPC_", "EPT_", "WSA")):
            assert code < 16000 or 0x80010000 <= code < 0x80020000, name


def test_the_ranges_that_ras_reports_are_complete():
    assert set(range(600, 879)) <= TABLE.keys()
    assert set(range(900, 956)) - TABLE.keys() == {947}
    assert set(range(13800, 13919)) - TABLE.keys() == {13880}
    assert set(range(11001, 11034)) <= TABLE.keys()


def test_common_codes_have_advice_and_each_advice_a_source():
    advised = {code for code, row in TABLE.items() if row[3] != "-"}
    assert {code for code, row in TABLE.items() if row[4] != "-"} == advised
    assert len(advised) >= 60
    common = {629, 631, 633, 678, 691, 720, 721, 734, 756, 769, 789, 800, 806, 807, 809, 812, 828}
    common |= {829, 835, 868, 1931, 10060, 10061, 10065, 13801, 13806, 13868}
    assert common | {0x800B0101, 0x800B0109, 0x80092013} <= advised
    for code in advised:
        _, _, text, advice, source = TABLE[code]
        assert re.fullmatch(r"[a-z][ -~]+[^ .]", advice), code
        assert advice not in text
        assert re.fullmatch(r"https?://[!-~]+", source), code


def test_what_rests_on_an_issue_is_said_to_be_what_users_report():
    for code, row in TABLE.items():
        assert ("/issues/" in row[4]) == ("users report" in row[3]), code


# explain


def test_an_explanation_says_it_all():
    _, _, text, advice, source = TABLE[809]
    reason = explain(809)
    assert reason == Reason(809, "ERROR_VPN_TIMEOUT", text, advice, source)
    assert str(reason) == f"809 ERROR_VPN_TIMEOUT: {text}"
    assert json.loads(json.dumps(reason.to_dict())) == {
        "code": 809,
        "name": "ERROR_VPN_TIMEOUT",
        "text": text,
        "advice": advice,
        "source": source,
    }


def test_without_advice_there_is_no_source():
    assert (explain(600).advice, explain(600).source) == (None, None)


@given(ANY_CODE)
def test_every_code_is_explained_alike_signed_and_unsigned(code):
    reason = explain(code)
    assert reason.code == code % (1 << 32)
    assert reason == explain(reason.code)
    assert re.fullmatch(r"[!-~].*[^ .\n]", reason.text)
    assert reason.name


@pytest.mark.parametrize(
    ("code", "inner"),
    [
        (0x80070005, 0x80070005),  # E_ACCESSDENIED has a row of its own
        (-2147024891, 0x80070005),
        (0x800704C7, 1223),
        (0x80070329, 809),
        (0x8007274C, 10060),
        (-2147014836, 10060),
        (0x800735E9, 13801),
        (0xC0070005, 5),
        (0xD000006D, 0xC000006D),
    ],
)
def test_a_code_inside_another_is_found(code, inner):
    reason = explain(code)
    name, _, text, advice, _ = TABLE[inner]
    assert (reason.code, reason.name, reason.text) == (code % (1 << 32), name, text)
    assert (reason.advice or "-") == advice
    assert posix_errno(code) == posix_errno(inner)


@pytest.mark.parametrize(
    ("code", "origin"),
    [
        (31337, None),
        (0x80070000, "an HRESULT it is from FACILITY_WIN32"),
        (0x8042FFFF, "an HRESULT it is from FACILITY_EAP"),
        (0x800BFFFF, "an HRESULT it is from FACILITY_CERT"),
        (0x80540001, "an HRESULT it is from facility 84"),
        (0xC0FF0001, "an NTSTATUS it is from facility 255"),
        (0xA0010001, "another program"),
    ],
)
def test_an_unknown_code_says_so_and_where_it_comes_from(code, origin):
    reason = explain(code)
    assert reason.name == f"UNKNOWN_ERROR_{code}"
    assert reason.text.startswith("no explanation of this code is known")
    assert (reason.advice, reason.source) == (None, None)
    if origin is None:
        assert reason.text == "no explanation of this code is known"
    else:
        assert origin in reason.text


@pytest.mark.parametrize("code", ["809", None, True, 8.09, []])
def test_a_code_must_be_a_number(code):
    with pytest.raises(TypeError, match="code must be"):
        explain(code)


@pytest.mark.parametrize("code", [1 << 32, -(1 << 31) - 1])
def test_a_code_must_have_32_bits(code):
    with pytest.raises(ValueError, match="code must be"):
        explain(code)


# Errors and statuses


@pytest.mark.ledger("EV-6")
@pytest.mark.parametrize("code", [691, 809, 13801, 0x800B0101])
def test_a_failed_dialling_has_the_reason_of_its_code(sim, ras, code):
    handle = sim.dial("Office", step=0.1, error=code)
    sim.advance(10)
    status = ras.wait_for_state(handle)
    assert status.error == code
    assert status.reason == explain(code) == RasError(code, "RasDialW").reason
    assert ras.get_connect_status(handle).reason == status.reason


@pytest.mark.ledger("EV-6")
def test_what_did_not_fail_has_no_reason(sim, ras):
    sim.add("Office")
    (observation,) = ras.snapshot()
    assert (observation.status.reason, observation.reason) == (None, None)
    assert observation.to_dict()["reason"] is None


@pytest.mark.ledger("EV-6")
def test_errors_of_functions_have_their_reason(sim, ras):
    sim.fail("RasEnumConnectionsW", 711)
    with pytest.raises(RasError) as error:
        ras.enum_connections()
    assert error.value.reason == explain(711)
    assert WSAError(10061, "WSAConnect").reason == explain(10061)


@pytest.mark.ledger("EV-6")
def test_a_status_that_cannot_be_read_has_the_reason_of_its_call(sim, ras):
    sim.add("Office")
    sim.fail("RasGetConnectStatusW", 711)
    (observation,) = ras.snapshot()
    assert (observation.status, observation.code) == (None, 711)
    assert observation.reason == explain(711)
    assert observation.to_dict()["reason"] == explain(711).to_dict()


# The command


def command(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(_commands.cli, ["explain", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_the_command_says_what_to_do_and_who_says_so():
    reason = explain(809)
    assert command("809").stdout.splitlines() == [
        str(reason),
        f"  What to do: {reason.advice}",
        f"  Source: {reason.source}",
    ]
    assert command("600").stdout == f"{explain(600)}\n"


@pytest.mark.parametrize(
    "arguments",
    [["0x800B0101"], ["0X800b0101"], ["2148204801"], ["-2146762495"], ["--", "-2146762495"]],
)
def test_the_command_takes_every_way_to_write_a_code(arguments):
    assert command(*arguments).stdout.startswith("0x800B0101 CERT_E_EXPIRED: ")


def test_the_command_explains_several_codes_and_unknown_ones():
    lines = command("600", "31337", "0617").stdout.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "600 PENDING",
        "31337 UNKNOWN_ERROR_31337",
        "617 ERROR_ALREADY_DISCONNECTING",
    ]


def test_the_command_prints_json():
    found = json.loads(command("809", "-2146762495", "--json").stdout)
    assert found == [explain(809).to_dict(), explain(0x800B0101).to_dict()]


@pytest.mark.parametrize(
    "code",
    [
        *("x", "", "1_0", "8.09", "0x", "0x1FFFFFFFF", "-2147483649", "--jsn", "-x", "٨٠٩"),
        pytest.param("9" * 5000, id="long"),
    ],
)
def test_the_command_refuses_what_is_no_code(code):
    result = command("600", code, code=2)
    assert "is not an error code: use a number of 32 bits" in result.output
    assert len(result.output) < 1000
    assert result.stdout == ""


def test_the_command_needs_a_code():
    assert "CODE" in command(code=2).output


def test_error_messages_of_the_command_say_what_to_do(run, sim):
    sim.stop_service(711)
    result = run("list", code=1)
    assert result.output.splitlines()[-1] == f"What to do: {explain(711).advice}"


def test_a_wait_for_a_failed_dialling_says_why_and_what_to_do(run, sim):
    handle = sim.dial("Office", states=(ConnState.AUTHENTICATE,), step=0.1, error=809)
    sim.advance(10)
    result = run("wait", hex(handle), code=1)
    assert f"failed: {explain(809)}\nWhat to do: {explain(809).advice}\n" in result.output


def test_everything_is_public():
    assert {"Reason", "explain", "error_name"} <= set(ras_native.__all__)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder that is taken for the installed package, whose table was not read yet."""
    with monkeypatch.context() as patched:
        patched.setattr(importlib.resources, "files", lambda _: tmp_path)
        _explain.table.cache_clear()
        yield tmp_path
    _explain.table.cache_clear()


@pytest.mark.parametrize("table", [None, b"", b"\xff\n\xff", b"code\nnine", b"code\n" + b"x\t" * 5])
def test_while_the_table_cannot_be_read_every_code_is_unknown(
    package: Path, table: bytes | None
) -> None:
    if table is not None:
        (package / "errors.tsv").write_bytes(table)
    assert explain(809) == Reason(809, "UNKNOWN_ERROR_809", UNKNOWN)
    assert error_name(-1) == "UNKNOWN_ERROR_4294967295"
    assert str(RasError(809, "f")) == f"[RAS 809 UNKNOWN_ERROR_809] f: {UNKNOWN}"


def test_a_table_that_can_be_read_again_is_read_again(package: Path) -> None:
    assert explain(809).name == "UNKNOWN_ERROR_809"
    (package / "errors.tsv").write_bytes((PACKAGE / "errors.tsv").read_bytes())
    assert explain(809).name == "ERROR_VPN_TIMEOUT"
