"""What a connection negotiated: the records that users see, decoded from an rn_projection."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

from ._backend import layout
from ._backend.layout import (
    PROJECTION_INFO_TYPE_PPP,
    PROJECTION_INFO_TYPE_IKEv2,
    RnProjection,
)
from ._help import documented
from ._plain import plain_members
from ._records import Endpoint, _NamedFlag, _OpenEnum


class ProjectionKind(_OpenEnum):
    """RASPROJECTION_INFO_TYPE: which protocol negotiated.

    - `PPP`: The protocol of PPTP, L2TP, SSTP, PPPoE and modems.
    - `IKEV2`: The protocol of IKEv2 tunnels.

    >>> handle = sim.add("Head office")
    >>> ras.get_projection_info(handle).kind is ProjectionKind.IKEV2
    True
    """

    PPP = layout.PROJECTION_INFO_TYPE_PPP
    IKEV2 = layout.PROJECTION_INFO_TYPE_IKEv2


class Ikev2Authentication(_OpenEnum):
    """RASIKEv2_AUTH_*: how an IKEv2 connection was authenticated.

    - `MACHINE_CERTIFICATES`: With certificates of the computers.
    - `EAP`: With EAP; `Projection.eap_type` is the method.
    - `PSK`: With a pre-shared key.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, authentication=Ikev2Authentication.EAP, eap_type=26)
    >>> ras.get_projection_info(handle).authentication is Ikev2Authentication.EAP
    True
    """

    MACHINE_CERTIFICATES = layout.RASIKEv2_AUTH_MACHINECERTIFICATES
    EAP = layout.RASIKEv2_AUTH_EAP
    PSK = layout.RASIKEv2_AUTH_PSK


class PppAuthentication(_OpenEnum):
    """RASLCPAP_*: how a PPP connection was authenticated.

    - `NONE`: This side was not authenticated.
    - `PAP`: With a password that is sent in clear text.
    - `SPAP`: With Shiva's variant of PAP.
    - `CHAP`: With a challenge; `Projection.chap` is the variant.
    - `EAP`: With EAP; `Projection.eap_type` is the method.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, kind=ProjectionKind.PPP, authentication=PppAuthentication.PAP)
    >>> ras.get_projection_info(handle).authentication is PppAuthentication.PAP
    True
    """

    NONE = 0
    PAP = layout.RASLCPAP_PAP
    SPAP = layout.RASLCPAP_SPAP
    CHAP = layout.RASLCPAP_CHAP
    EAP = layout.RASLCPAP_EAP


class ChapAlgorithm(_OpenEnum):
    """RASLCPAD_CHAP_*: the variant of CHAP.

    - `MD5`: CHAP with MD5.
    - `MS`: Microsoft's CHAP.
    - `MSV2`: Microsoft's CHAP, version 2.

    >>> handle, method = sim.add("Head office"), PppAuthentication.CHAP
    >>> variant, kind = ChapAlgorithm.MSV2, ProjectionKind.PPP
    >>> sim.set_projection(handle, kind=kind, authentication=method, chap=variant)
    >>> ras.get_projection_info(handle).chap is ChapAlgorithm.MSV2
    True
    """

    MD5 = layout.RASLCPAD_CHAP_MD5
    MS = layout.RASLCPAD_CHAP_MS
    MSV2 = layout.RASLCPAD_CHAP_MSV2


class Cipher(_OpenEnum):
    """IPSEC_CIPHER_TYPE: how an IKEv2 connection is encrypted.

    - `NONE`: It is not encrypted.
    - `DES`: DES, with 56 bits.
    - `TRIPLE_DES`: Triple DES.
    - `AES_128`: AES with 128 bits.
    - `AES_192`: AES with 192 bits.
    - `AES_256`: AES with 256 bits.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, encryption=Cipher.TRIPLE_DES)
    >>> ras.get_projection_info(handle).encryption in (Cipher.AES_128, Cipher.AES_256)
    False
    """

    NONE = 0
    DES = layout.IPSEC_CIPHER_TYPE_DES
    TRIPLE_DES = layout.IPSEC_CIPHER_TYPE_3DES
    AES_128 = layout.IPSEC_CIPHER_TYPE_AES_128
    AES_192 = layout.IPSEC_CIPHER_TYPE_AES_192
    AES_256 = layout.IPSEC_CIPHER_TYPE_AES_256


class Ikev2Flag(_NamedFlag):
    """RASIKEv2_FLAGS_*: what an IKEv2 connection found.

    - `MOBIKE`: The tunnel can move to another interface.
    - `BEHIND_NAT`: This computer is behind a NAT.
    - `SERVER_BEHIND_NAT`: The server is behind a NAT.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, flags=Ikev2Flag.MOBIKE | Ikev2Flag.BEHIND_NAT)
    >>> Ikev2Flag.BEHIND_NAT in ras.get_projection_info(handle).flags
    True
    """

    MOBIKE = layout.RASIKEv2_FLAGS_MOBIKESUPPORTED
    BEHIND_NAT = layout.RASIKEv2_FLAGS_BEHIND_NAT
    SERVER_BEHIND_NAT = layout.RASIKEv2_FLAGS_SERVERBEHIND_NAT


class LinkOption(_NamedFlag):
    """RASLCPO_*: header compression and encryption of a PPP link.

    - `PROTOCOL_FIELD_COMPRESSION`: The protocol field is compressed.
    - `ADDRESS_FIELD_COMPRESSION`: The address and control fields are compressed.
    - `SHORT_SEQUENCE_NUMBERS`: Fragments of a multilink connection have short sequence numbers.
    - `DES_56`: DES, with 56 bits.
    - `TRIPLE_DES`: Triple DES.
    - `AES_128`: AES with 128 bits.
    - `AES_256`: AES with 256 bits.
    - `AES_192`: AES with 192 bits.
    - `GCM_AES_128`: AES-GCM with 128 bits.
    - `GCM_AES_192`: AES-GCM with 192 bits.
    - `GCM_AES_256`: AES-GCM with 256 bits.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, kind=ProjectionKind.PPP, link_options=LinkOption.AES_256)
    >>> LinkOption.AES_256 in ras.get_projection_info(handle).link_options
    True
    """

    PROTOCOL_FIELD_COMPRESSION = layout.RASLCPO_PFC
    ADDRESS_FIELD_COMPRESSION = layout.RASLCPO_ACFC
    SHORT_SEQUENCE_NUMBERS = layout.RASLCPO_SSHF
    DES_56 = layout.RASLCPO_DES_56
    TRIPLE_DES = layout.RASLCPO_3_DES
    AES_128 = layout.RASLCPO_AES_128
    AES_256 = layout.RASLCPO_AES_256
    AES_192 = layout.RASLCPO_AES_192
    GCM_AES_128 = layout.RASLCPO_GCM_AES_128
    GCM_AES_192 = layout.RASLCPO_GCM_AES_192
    GCM_AES_256 = layout.RASLCPO_GCM_AES_256


class Compression(_OpenEnum):
    """RASCCPCA_*: how PPP compresses data.

    - `NONE`: Not at all.
    - `STAC`: With STAC.
    - `MPPC`: With Microsoft's Point-to-Point Compression.

    >>> handle = sim.add("Head office")
    >>> sim.set_projection(handle, kind=ProjectionKind.PPP, compression=Compression.MPPC)
    >>> ras.get_projection_info(handle).compression is Compression.MPPC
    True
    """

    NONE = 0
    STAC = layout.RASCCPCA_STAC
    MPPC = layout.RASCCPCA_MPPC


class CompressionOption(_NamedFlag):
    """RASCCPO_*: the compression of PPP, and the encryption (MPPE) that is negotiated with it.

    - `COMPRESSION`: Data is compressed.
    - `STATELESS`: The key of the encryption changes with each packet.
    - `ENCRYPTION_56_BIT`: MPPE with 56 bits.
    - `ENCRYPTION_40_BIT`: MPPE with 40 bits.
    - `ENCRYPTION_128_BIT`: MPPE with 128 bits.

    >>> handle, mppe = sim.add("Head office"), CompressionOption.ENCRYPTION_128_BIT
    >>> sim.set_projection(handle, kind=ProjectionKind.PPP, compression_options=mppe)
    >>> CompressionOption.ENCRYPTION_128_BIT in ras.get_projection_info(handle).compression_options
    True
    """

    COMPRESSION = layout.RASCCPO_Compression
    STATELESS = layout.RASCCPO_HistoryLess
    ENCRYPTION_56_BIT = layout.RASCCPO_Encryption56bit
    ENCRYPTION_40_BIT = layout.RASCCPO_Encryption40bit
    ENCRYPTION_128_BIT = layout.RASCCPO_Encryption128bit


@documented
class Projection(NamedTuple):
    """What a connection negotiated, above all its addresses: one RAS_PROJECTION_INFO.

    A member is None if the kind of projection does not have it. Of an unknown kind only `kind` is
    known.

    - `kind`: Which protocol negotiated.
    - `client_ipv4`: This computer's IPv4 address in the tunnel; None if there is none.
    - `server_ipv4`: The server's IPv4 address in the tunnel; None if unknown.
    - `ipv4_error`: Why IPv4 was not negotiated; 0 if it was.
    - `client_ipv6`: This computer's IPv6 address in the tunnel (IKEv2); None if there is none.
    - `server_ipv6`: The server's IPv6 address in the tunnel (IKEv2); None if unknown.
    - `ipv6_error`: Why IPv6 was not negotiated; 0 if it was.
    - `prefix_length`: The bits of the IPv6 prefix (IKEv2); None without IPv6.
    - `authentication`: How this computer was authenticated (PPP), or the server was (IKEv2).
    - `eap_type`: The EAP method, such as 13 (TLS) or 26 (MS-CHAPv2); None without EAP.
    - `flags`: MOBIKE and NAT (IKEv2).
    - `encryption`: The encryption (IKEv2). For PPP see link_options and compression_options.
    - `other_servers`: Addresses that the server can switch to (IKEv2): at most 16 of each family.
    - `client_interface_id`: The last 64 bits of this computer's IPv6 addresses (PPP).
    - `server_interface_id`: The last 64 bits of the server's IPv6 addresses (PPP).
    - `chap`: The variant of CHAP (PPP); None without CHAP.
    - `server_authentication`: How the server was authenticated (PPP).
    - `server_eap_type`: The EAP method of the server's authentication (PPP); None without EAP.
    - `server_chap`: The variant of CHAP of the server's authentication (PPP); None without CHAP.
    - `is_bundled`: Whether it has several links (PPP).
    - `is_multilink`: Whether it can have several links (PPP).
    - `link_options`: Options of what this computer sends (PPP).
    - `server_link_options`: Options of what the server sends (PPP).
    - `compression_error`: Why compression was not negotiated; 0 if it was (PPP).
    - `compression`: How this computer compresses (PPP); None if that was not negotiated.
    - `server_compression`: How the server compresses (PPP); None if that was not negotiated.
    - `compression_options`: Compression and encryption of this computer (PPP).
    - `server_compression_options`: Compression and encryption of the server (PPP).

    >>> handle = sim.add("Head office")
    >>> projection = ras.get_projection_info("Head office")
    >>> print(projection.kind, projection.encryption, projection.client_ipv4)
    IKEV2 AES_256 10.0.0.2
    """

    kind: ProjectionKind
    client_ipv4: IPv4Address | None = None
    server_ipv4: IPv4Address | None = None
    ipv4_error: int | None = None
    client_ipv6: IPv6Address | None = None
    server_ipv6: IPv6Address | None = None
    ipv6_error: int | None = None
    prefix_length: int | None = None
    authentication: Ikev2Authentication | PppAuthentication | None = None
    eap_type: int | None = None
    flags: Ikev2Flag | None = None
    encryption: Cipher | None = None
    other_servers: tuple[Endpoint, ...] = ()
    client_interface_id: str | None = None
    server_interface_id: str | None = None
    chap: ChapAlgorithm | None = None
    server_authentication: PppAuthentication | None = None
    server_eap_type: int | None = None
    server_chap: ChapAlgorithm | None = None
    is_bundled: bool | None = None
    is_multilink: bool | None = None
    link_options: LinkOption | None = None
    server_link_options: LinkOption | None = None
    compression_error: int | None = None
    compression: Compression | None = None
    server_compression: Compression | None = None
    compression_options: CompressionOption | None = None
    server_compression_options: CompressionOption | None = None

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        """The addresses of this computer in the tunnel, IPv4 first."""
        both = (self.client_ipv4, self.client_ipv6)
        return tuple(address for address in both if address is not None)

    def to_dict(self) -> dict[str, Any]:
        """Give plain JSON data. Kinds and methods are their names, addresses their usual text."""
        return plain_members(self)


def decode_projection(record: bytes | memoryview) -> Projection:
    """Decode one rn_projection."""
    raw = RnProjection.from_buffer_copy(record)
    kind = ProjectionKind(raw.type)
    if raw.type == PROJECTION_INFO_TYPE_IKEv2:
        return Projection(kind, **_ipv4(raw), **_ikev2(raw))
    if raw.type == PROJECTION_INFO_TYPE_PPP:
        return Projection(kind, **_ipv4(raw), **_ppp(raw))
    return Projection(kind)


def _ipv4(raw: RnProjection) -> dict[str, Any]:
    """Decode what both kinds have. An address of zeros is none."""
    members: dict[str, Any] = {"ipv4_error": raw.ipv4_error, "ipv6_error": raw.ipv6_error}
    if not raw.ipv4_error:
        members["client_ipv4"] = _address(IPv4Address(bytes(raw.ipv4_address)))
        members["server_ipv4"] = _address(IPv4Address(bytes(raw.ipv4_server)))
    return members


def _ikev2(raw: RnProjection) -> dict[str, Any]:
    authentication = Ikev2Authentication(raw.authentication)
    has_eap = authentication is Ikev2Authentication.EAP
    members: dict[str, Any] = {
        "authentication": authentication,
        "eap_type": raw.eap_type if has_eap else None,
        "flags": Ikev2Flag(raw.flags),
        "encryption": Cipher(raw.encryption),
        "other_servers": tuple(_other_servers(raw)),
    }
    if not raw.ipv6_error:
        members["client_ipv6"] = _address(IPv6Address(bytes(raw.ipv6_address)))
        members["server_ipv6"] = _address(IPv6Address(bytes(raw.ipv6_server)))
        members["prefix_length"] = raw.prefix_length
    return members


def _other_servers(raw: RnProjection) -> Iterator[Endpoint]:
    four, six = bytes(raw.ipv4_servers), bytes(raw.ipv6_servers)
    for index in range(raw.ipv4_server_count):
        yield IPv4Address(four[4 * index : 4 * index + 4])
    for index in range(raw.ipv6_server_count):
        yield IPv6Address(six[16 * index : 16 * index + 16])


def _ppp(raw: RnProjection) -> dict[str, Any]:
    ours = PppAuthentication(raw.authentication)
    theirs = PppAuthentication(raw.server_authentication)
    members: dict[str, Any] = {
        "authentication": ours,
        "eap_type": raw.eap_type if ours is PppAuthentication.EAP else None,
        "chap": _chap(ours, raw.authentication_data),
        "server_authentication": theirs,
        "server_eap_type": raw.server_eap_type if theirs is PppAuthentication.EAP else None,
        "server_chap": _chap(theirs, raw.server_authentication_data),
        "is_bundled": bool(raw.bundled),
        "is_multilink": bool(raw.multilink),
        "link_options": LinkOption(raw.link_options),
        "server_link_options": LinkOption(raw.server_link_options),
        "compression_error": raw.compression_error,
        "compression_options": CompressionOption(raw.compression_options),
        "server_compression_options": CompressionOption(raw.server_compression_options),
    }
    if not raw.ipv6_error:
        members["client_interface_id"] = bytes(raw.interface_id).hex(":", 2)
        members["server_interface_id"] = bytes(raw.server_interface_id).hex(":", 2)
    if not raw.compression_error:
        members["compression"] = Compression(raw.compression)
        members["server_compression"] = Compression(raw.server_compression)
    return members


def _chap(method: PppAuthentication, data: int) -> ChapAlgorithm | None:
    return ChapAlgorithm(data) if method is PppAuthentication.CHAP else None


def _address(address: Any) -> Any:
    return None if address.is_unspecified else address
