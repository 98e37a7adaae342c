"""PJ-1 to PJ-7: what a connection negotiated."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from ctypes import POINTER, c_uint32, c_void_p, memmove, sizeof
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from spy import NEVER_VALID, STATUS, exported, replace, without_optional_functions

from ras_native import (
    ChapAlgorithm,
    Cipher,
    Compression,
    CompressionOption,
    ConnState,
    ConnSubstate,
    Ikev2Authentication,
    Ikev2Flag,
    LinkOption,
    PppAuthentication,
    Projection,
    ProjectionKind,
    ProviderError,
    Ras,
    RasError,
)
from ras_native._backend.layout import (
    RAS_PROJECTION_INFO,
    RASAPIVERSION_601,
    RASIKEV2_PROJECTION_INFO,
    RN_PROJECTION_READINGS,
    RN_PROJECTION_SIZE,
)
from ras_native.sim import DIALLING

PROJECTION = "RasGetProjectionInfoEx"


# What arrives


@pytest.mark.ledger("PJ-1")
def test_an_ikev2_projection_arrives_whole(sim, ras):
    handle = sim.add("Head office")
    sim.set_projection(
        handle,
        client_ipv4="127.0.0.5",
        server_ipv4="192.0.2.1",
        client_ipv6="2001:db8::5",
        server_ipv6="2001:db8::1",
        prefix_length=64,
        authentication=Ikev2Authentication.EAP,
        eap_type=13,
        flags=Ikev2Flag.MOBIKE | Ikev2Flag.SERVER_BEHIND_NAT,
        encryption=Cipher.AES_192,
        other_servers=["192.0.2.7", "2001:db8::7", "192.0.2.8"],
    )
    assert ras.get_projection_info("head OFFICE") == Projection(
        kind=ProjectionKind.IKEV2,
        client_ipv4=IPv4Address("127.0.0.5"),
        server_ipv4=IPv4Address("192.0.2.1"),
        ipv4_error=0,
        client_ipv6=IPv6Address("2001:db8::5"),
        server_ipv6=IPv6Address("2001:db8::1"),
        ipv6_error=0,
        prefix_length=64,
        authentication=Ikev2Authentication.EAP,
        eap_type=13,
        flags=Ikev2Flag.MOBIKE | Ikev2Flag.SERVER_BEHIND_NAT,
        encryption=Cipher.AES_192,
        other_servers=(
            IPv4Address("192.0.2.7"),
            IPv4Address("192.0.2.8"),
            IPv6Address("2001:db8::7"),
        ),
    )


@pytest.mark.ledger("PJ-1")
def test_a_ppp_projection_arrives_whole(sim, ras):
    handle = sim.add("Modem")
    sim.set_projection(
        handle,
        kind=ProjectionKind.PPP,
        client_ipv4="127.0.0.5",
        server_ipv4="192.0.2.1",
        client_interface_id="0211:22ff:fe33:4455",
        server_interface_id="0000:0000:0000:0001",
        authentication=PppAuthentication.CHAP,
        chap=ChapAlgorithm.MSV2,
        server_authentication=PppAuthentication.EAP,
        server_eap_type=25,
        is_bundled=1,
        link_options=LinkOption.AES_256 | LinkOption.PROTOCOL_FIELD_COMPRESSION,
        server_link_options=LinkOption.GCM_AES_128,
        compression=Compression.MPPC,
        compression_options=CompressionOption.STATELESS | CompressionOption.ENCRYPTION_128_BIT,
        server_compression_options=CompressionOption.COMPRESSION,
    )
    assert ras.get_projection_info(handle) == Projection(
        kind=ProjectionKind.PPP,
        client_ipv4=IPv4Address("127.0.0.5"),
        server_ipv4=IPv4Address("192.0.2.1"),
        ipv4_error=0,
        ipv6_error=0,
        client_interface_id="0211:22ff:fe33:4455",
        server_interface_id="0000:0000:0000:0001",
        authentication=PppAuthentication.CHAP,
        chap=ChapAlgorithm.MSV2,
        server_authentication=PppAuthentication.EAP,
        server_eap_type=25,
        is_bundled=True,
        is_multilink=False,
        link_options=LinkOption.AES_256 | LinkOption.PROTOCOL_FIELD_COMPRESSION,
        server_link_options=LinkOption.GCM_AES_128,
        compression_error=0,
        compression=Compression.MPPC,
        server_compression=Compression.NONE,
        compression_options=CompressionOption.STATELESS | CompressionOption.ENCRYPTION_128_BIT,
        server_compression_options=CompressionOption.COMPRESSION,
    )


@pytest.mark.ledger("PJ-1")
def test_the_data_are_plain(sim, ras):
    handle = sim.add("a")
    sim.set_projection(
        handle,
        client_ipv4="127.0.0.5",
        authentication=Ikev2Authentication.PSK,
        flags=Ikev2Flag.MOBIKE,
        encryption=Cipher.TRIPLE_DES,
        other_servers=["192.0.2.7"],
    )
    data = ras.get_projection_info(handle).to_dict()
    known = {name: value for name, value in data.items() if value is not None}
    assert known == {
        "kind": "IKEV2",
        "client_ipv4": "127.0.0.5",
        "ipv4_error": 0,
        "ipv6_error": 731,
        "authentication": "PSK",
        "flags": "MOBIKE",
        "encryption": "TRIPLE_DES",
        "other_servers": ["192.0.2.7"],
    }


@pytest.mark.ledger("PJ-1")
def test_unknown_numbers_are_passed_on(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, authentication=77, encryption=88, flags=0x81, eap_type=5)
    found = ras.get_projection_info(handle)
    assert (found.authentication, found.encryption) == (77, 88)
    assert str(found.authentication) == "UNKNOWN_0x4d"
    assert str(found.flags) == "MOBIKE|0x80"
    assert found.eap_type is None, "it counts only with EAP"
    sim.set_projection(handle, kind=7)
    assert ras.get_projection_info(handle) == Projection(ProjectionKind(7))


@pytest.mark.ledger("PJ-3")
@pytest.mark.parametrize("kind", [ProjectionKind.IKEV2, ProjectionKind.PPP])
def test_an_address_counts_only_without_an_error(sim, ras, kind):
    handle = sim.add("a")
    sim.set_projection(
        handle, kind=kind, client_ipv4="127.0.0.5", server_ipv4="192.0.2.1", ipv4_error=733
    )
    found = ras.get_projection_info(handle)
    assert (found.client_ipv4, found.server_ipv4, found.ipv4_error) == (None, None, 733)
    assert found.addresses == ()


@pytest.mark.ledger("PJ-3")
def test_ipv6_counts_only_without_an_error(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, client_ipv6="::1", server_ipv6="::2", ipv6_error=733)
    found = ras.get_projection_info(handle)
    assert (found.client_ipv6, found.server_ipv6, found.prefix_length) == (None, None, None)
    sim.set_projection(handle, kind=ProjectionKind.PPP, client_interface_id=16 * "1", ipv6_error=1)
    assert ras.get_projection_info(handle).client_interface_id is None


@pytest.mark.ledger("PJ-3")
def test_zeros_are_no_address(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, client_ipv4="127.0.0.5", client_ipv6="::1", prefix_length=64)
    found = ras.get_projection_info(handle)
    assert (found.server_ipv4, found.server_ipv6) == (None, None)
    assert found.addresses == (IPv4Address("127.0.0.5"), IPv6Address("::1"))


# The codes


@pytest.mark.ledger("PJ-5")
def test_a_handle_that_never_was_is_6(ras):
    with pytest.raises(RasError) as error:
        ras.get_projection_info(NEVER_VALID)
    assert (error.value.code, error.value.function) == (6, PROJECTION)
    assert error.value.gone


@pytest.mark.ledger("PJ-5")
@pytest.mark.parametrize("code", [6, 87, 603, 632, 711, 731, 0xFFFFFFFF])
def test_each_code_is_raised_as_it_is(sim, ras, code):
    handle = sim.add("a")
    sim.fail(PROJECTION, code, count=None)
    with pytest.raises(RasError) as error:
        ras.get_projection_info(handle)
    assert (error.value.code, error.value.function) == (code, PROJECTION)


@pytest.mark.ledger("PJ-5")
def test_while_it_is_dialled_it_is_not_complete(sim, ras):
    handle = sim.dial("a", step=1.0)
    codes = []
    for _ in DIALLING:
        try:
            ras.get_projection_info(handle)
            codes.append(0)
        except RasError as error:
            codes.append(error.code)
        sim.advance(1.0)
    projected = DIALLING.index(ConnState.PROJECTED)
    assert codes == [730] * projected + [0] * (len(DIALLING) - projected)


@pytest.mark.ledger("PJ-5")
def test_a_code_about_the_projection_keeps_the_registrations(sim, ras):
    handle = sim.dial("a")
    with ras.connection_notification():
        pass
    with pytest.raises(RasError):
        ras.get_projection_info(handle)
    with ras.connection_notification():
        assert sim.registrations == 1


# The status moves meanwhile


def ask_while(ras, change):
    """Call `change(n)` after the n-th status of the provider, and return the projection."""
    real, count = exported(ras, STATUS), 0

    def get_status(handle, status):
        nonlocal count
        code = real(handle, status)
        count += 1
        change(count)
        return code

    replace(ras, STATUS, get_status)
    return ras.get_projection_info("a")


@pytest.mark.ledger("PJ-4")
def test_it_is_asked_once_while_nothing_moves(sim, ras):
    sim.add("a")
    ras.get_projection_info("a")
    assert (sim.calls(PROJECTION), sim.calls(STATUS)) == (1, 2)


@pytest.mark.ledger("PJ-4")
def test_it_is_asked_again_if_the_status_moved(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, client_ipv4="127.0.0.5")

    def move(count):
        if count == 1:  # between the first status and the first reading
            sim.set_status(handle, substate=ConnSubstate.RECONNECTED)

    found = ask_while(ras, move)
    assert found.client_ipv4 == IPv4Address("127.0.0.5")
    assert (sim.calls(PROJECTION), sim.calls(STATUS)) == (2, 3)


@pytest.mark.ledger("PJ-4")
def test_the_address_after_the_move_is_the_one_returned(sim, ras):
    handle = sim.add("a")
    sim.set_projection(handle, client_ipv4="127.0.0.5")
    sim.step_per_call = 1.0
    sim.set_status(handle, local_endpoint="192.0.2.9", after=4.0)  # after the enumeration
    sim.set_projection(handle, client_ipv4="127.0.0.6", after=4.0)
    assert ras.get_projection_info("a").client_ipv4 == IPv4Address("127.0.0.6")
    assert sim.calls(PROJECTION) == 2


@pytest.mark.ledger("PJ-4")
def test_it_is_asked_a_bounded_number_of_times(sim, ras):
    handle = sim.add("a")

    def move(count):
        sim.set_status(handle, substate=count)

    assert ask_while(ras, move).client_ipv4
    assert sim.calls(PROJECTION) == RN_PROJECTION_READINGS


@pytest.mark.ledger("PJ-4")
def test_a_connection_that_ended_meanwhile_has_no_address(sim, ras):
    handle = sim.add("a")
    answers = iter([0, 6, 6])
    real = exported(ras, STATUS)
    replace(ras, STATUS, lambda handle, status: next(answers) or real(handle, status))
    with pytest.raises(RasError) as error:
        ras.get_projection_info(handle)
    assert (error.value.code, error.value.function) == (6, PROJECTION)


# Providers without the function, and providers that lie

ANSWER = getattr(ctypes, "WINFUNCTYPE", ctypes.CFUNCTYPE)(
    c_uint32, c_void_p, c_void_p, POINTER(c_uint32)
)


@pytest.mark.ledger("PJ-7")
def test_a_provider_may_lack_the_function(sim, ras):
    handle = sim.add("a")
    with without_optional_functions(ras), pytest.raises(ProviderError, match=PROJECTION) as error:
        ras.get_projection_info(handle)
    assert error.value.function == PROJECTION
    assert sim.calls_total == 0, "nothing else was asked"
    assert ras.get_projection_info(handle).client_ipv4


class Liar:
    """A provider whose RasGetProjectionInfoEx is a Python function."""

    def __init__(self, library: ctypes.CDLL, ras: Ras) -> None:
        self._library, self.ras = library, ras
        self.offers: list[tuple[int | None, int]] = []  # the version and the size of each call

    def answers(self, answer: Callable[[int | None, Any], int]) -> None:
        """Let the function answer this, of the buffer's address and the size."""

        def call(_handle: int, buffer: int | None, size: Any) -> int:
            version = c_uint32.from_address(buffer).value if buffer else None
            self.offers.append((version, size[0]))
            return answer(buffer, size)

        self._function = ANSWER(call)
        self._library.answer_projections(ctypes.cast(self._function, c_void_p))

    def ask(self) -> Projection:
        return self.ras.get_projection_info(1)


@pytest.fixture
def lying(liar: ctypes.CDLL, backend: str) -> Iterator[Liar]:
    with Ras(liar._name, backend=backend) as ras:
        yield Liar(liar, ras)
    liar.answer_projections(None)


def ikev2(**members: int) -> bytes:
    """Make an IKEv2 projection with these members."""
    info = RAS_PROJECTION_INFO(version=RASAPIVERSION_601, type=2)
    raw = RASIKEV2_PROJECTION_INFO(**members)
    memmove(ctypes.addressof(info) + RAS_PROJECTION_INFO.ppp.offset, bytes(raw), sizeof(raw))
    return bytes(info)


@pytest.mark.ledger("PJ-2")
def test_the_first_call_sets_the_version_and_has_room(lying):
    lying.answers(lambda buffer, _size: memmove(buffer, ikev2(dwFlags=1), 108) and 0)
    assert lying.ask().flags == Ikev2Flag.MOBIKE
    assert lying.offers == [(RASAPIVERSION_601, RN_PROJECTION_SIZE)]


@pytest.mark.ledger("PJ-2")
@pytest.mark.parametrize("refusal", [87, 122, 603, 610, 632])
@pytest.mark.parametrize("needed", [100, 108, 300, RN_PROJECTION_SIZE])
def test_a_provider_that_wants_another_size_is_asked_for_it(lying, refusal, needed):
    def answer(buffer, size):
        if not buffer:
            size[0] = needed
            return 603
        if size[0] == needed and len(lying.offers) > 2:
            memmove(buffer, ikev2(dwFlags=1), min(108, needed))
            return 0
        size[0] = 0xFFFFFFFF  # what a refusal leaves there is not used
        return refusal

    lying.answers(answer)
    assert lying.ask().flags == Ikev2Flag.MOBIKE
    version = RASAPIVERSION_601
    assert lying.offers == [(version, RN_PROJECTION_SIZE), (None, 0), (version, needed)]


@pytest.mark.ledger("PJ-2")
def test_a_provider_that_always_refuses_is_asked_three_times(lying):
    def answer(buffer, size):
        size[0] = 200
        return 632 if buffer else 603

    lying.answers(answer)
    with pytest.raises(RasError, match="632"):
        lying.ask()
    assert len(lying.offers) == 3


@pytest.mark.ledger("PJ-6")
@pytest.mark.parametrize("needed", [RN_PROJECTION_SIZE + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_an_absurd_size_is_refused(lying, needed):
    def answer(_buffer, size):
        size[0] = needed
        return 603

    lying.answers(answer)
    with pytest.raises(ProviderError, match="more than 4096 bytes"):
        lying.ask()


@pytest.mark.ledger("PJ-6")
def test_a_size_of_nothing_is_no_size(lying):
    lying.answers(lambda _buffer, _size: 603)
    with pytest.raises(RasError, match="603"):
        lying.ask()
    assert len(lying.offers) == 2


@pytest.mark.ledger("PJ-6")
@pytest.mark.parametrize("size", [0, 1, 0xFFFFFFFF])
def test_the_size_that_success_reports_is_not_used(lying, size):
    def answer(buffer, size_out):
        memmove(buffer, ikev2(dwFlags=1), 108)
        size_out[0] = size
        return 0

    lying.answers(answer)
    assert lying.ask().flags == Ikev2Flag.MOBIKE


@pytest.mark.ledger("PJ-6")
def test_success_that_wrote_nothing_is_no_address(lying):
    lying.answers(lambda _buffer, _size: 0)
    assert lying.ask() == Projection(ProjectionKind(0))


@pytest.mark.ledger("PJ-6")
def test_what_a_failed_call_wrote_is_forgotten(lying):
    def answer(buffer, size):
        if not buffer:
            size[0] = RN_PROJECTION_SIZE
            return 603
        if len(lying.offers) == 1:
            memmove(buffer, ikev2(dwFlags=1), 108)
            return 603
        return 0

    lying.answers(answer)
    assert lying.ask() == Projection(ProjectionKind(0))


BEYOND = {
    "NULL": lambda _buffer: 0,
    "one byte before": lambda buffer: buffer - 1,
    "at the end": lambda buffer: buffer + RN_PROJECTION_SIZE,
    "the last item is cut": lambda buffer: buffer + RN_PROJECTION_SIZE - 15,
    "far away": lambda _buffer: 0x7FFF0000,
    "nowhere": lambda _buffer: 2 ** (8 * sizeof(c_void_p)) - 16,
}


def list_at(buffer: int, pointer: int, count: int) -> None:
    """Write a projection with both lists at `pointer`."""
    raw = ikev2(
        numIPv4ServerAddresses=4 * count,
        ipv4ServerAddresses=pointer,
        numIPv6ServerAddresses=count,
        ipv6ServerAddresses=pointer,
    )
    memmove(buffer, raw, 108)


@pytest.mark.ledger("PJ-6")
@pytest.mark.parametrize("where", BEYOND.values(), ids=BEYOND)
def test_a_list_outside_of_the_buffer_is_not_read(lying, where):
    lying.answers(lambda buffer, _size: list_at(buffer, where(buffer), 1) or 0)
    assert lying.ask().other_servers == ()


@pytest.mark.ledger("PJ-6")
@pytest.mark.parametrize("count", [256, 0x10000000, 0x3FFFFFFF])
def test_a_list_that_is_too_long_is_not_read(lying, count):
    lying.answers(lambda buffer, _size: list_at(buffer, buffer + 16, count) or 0)
    assert lying.ask().other_servers == ()


@pytest.mark.ledger("PJ-6")
def test_the_last_items_of_the_buffer_are_read(lying):
    def answer(buffer, _size):
        memmove(buffer + RN_PROJECTION_SIZE - 16, bytes(range(16)), 16)
        list_at(buffer, buffer + RN_PROJECTION_SIZE - 16, 1)
        return 0

    lying.answers(answer)
    packed = [address.packed for address in lying.ask().other_servers]
    assert packed == [*(bytes(range(n, n + 4)) for n in (0, 4, 8, 12)), bytes(range(16))]


@pytest.mark.ledger("PJ-6")
def test_at_most_16_servers_of_a_family_are_told(sim, ras):
    handle = sim.add("a")
    four = [IPv4Address("192.0.2.0") + n for n in range(20)]
    six = [IPv6Address("2001:db8::") + n for n in range(17)]
    sim.set_projection(handle, other_servers=[*six, *four])
    assert ras.get_projection_info(handle).other_servers == (*four[:16], *six[:16])


@pytest.mark.ledger("PJ-6")
@pytest.mark.parametrize("seed", [1, 2])
def test_both_backends_make_the_same_of_the_same_lies(liar, both_backends, seed):
    kinds = set()
    rases = [Ras(liar._name, backend=backend) for backend in both_backends]
    for step in range(1000):
        made = []
        for ras in rases:
            liar.lie_about(seed, step, 0)
            code, record = ras._provider.get_projection_info(step % 12)
            made.append((code, bytes(record)))
        assert made[0] == made[1], f"seed {seed}, step {step}"
        code, record = made[0]
        kinds.add(code or record[:1] + bool(record[72]).to_bytes(1, "big"))
    for ras in rases:
        ras.close()
    assert {0xE0520005, 603, 632} < kinds, "the lies were of many kinds"
    assert {b"\1\0", b"\2\0", b"\2\1", b"\3\0"} < kinds
