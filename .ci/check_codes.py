"""Compare the codes of errors.tsv with the mingw-w64 headers that zig contains.

usage: check_codes.py
"""

import re
from collections.abc import Iterator

from check_c import WINDOWS_HEADERS
from windows_python import ROOT

HEADERS = ["winerror", "raserror", "mprerror", "winhttp", "ntstatus", "eaphosterror"]
BASES = {"WSABASEERR": 10000, "RASBASE": 600, "ROUTEBASE": 900, "WINHTTP_ERROR_BASE": 12000}
DEFINE = re.compile(r"\s*#\s*define\s+([A-Z]\w+)\s+(.+)")
WRAPPER = re.compile(r"\((?:HRESULT|NTSTATUS|DWORD)\)|_HRESULT_TYPEDEF_|__MSABI_LONG|/\*.*")
TERM = re.compile(r"\(*\s*(\w+?)L?\s*(?:\+\s*(\d+)\s*)?\)*\s*")

WRONG_THERE = {
    "EAP_E_CERT_STORE_INACCESSIBLE",
    "EAP_E_EAPHOST_METHOD_INVALID_PACKET",
    "EAP_E_EAPHOST_REMOTE_INVALID_PACKET",
    "EAP_E_EAPHOST_XML_MALFORMED",
    "EAP_E_METHOD_CONFIG_DOES_NOT_SUPPORT_SSO",
    "EAP_E_USER_CREDENTIALS_REJECTED",
    "EAP_E_USER_NAME_PASSWORD_REJECTED",
}
"""Windows' documentation gives these other numbers."""

MISSING_THERE = {
    *("WSA_WAIT_TIMEOUT", "WSA_OPERATION_ABORTED", "WSA_IO_INCOMPLETE", "WSA_IO_PENDING"),
    *("ERROR_INVALID_DESTINATION_IP", "ERROR_INVALID_INTERFACE_CONFIG"),
    *("ERROR_VPN_PLUGIN_GENERIC", "ERROR_SSO_CERT_MISSING", "ERROR_DEVICE_COMPLIANCE"),
    *("ERROR_PLUGIN_NOT_INSTALLED", "ERROR_ACTION_REQUIRED", "ERROR_WINHTTP_AUTO_PROXY_SERVICE"),
    *("ERROR_IPSEC_IKE_SIMULTANEOUS_REKEY", "ERROR_IPSEC_IKE_CRITICAL_PAYLOAD_NOT_RECOGNIZED"),
}


def defined() -> Iterator[tuple[str, int]]:
    """Find the numbers that the headers define."""
    for header in HEADERS:
        text = (WINDOWS_HEADERS / f"{header}.h").read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            define = DEFINE.fullmatch(line)
            term = define and TERM.fullmatch(WRAPPER.sub("", define[2]))
            if define and term and (term[1] in BASES or term[1][0].isdigit()):
                number = BASES[term[1]] if term[1] in BASES else int(term[1], 0)
                yield define[1], number + int(term[2] or 0)


def main() -> None:
    """Fail if a number differs, or if a header lacks another name than those known."""
    known = dict(reversed(list(defined())))  # the first definition counts
    table = (ROOT / "ras_native" / "errors.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t")[:2] for line in table.splitlines()[1:]]
    codes = {name: int(code, 0) for code, name in rows}
    wrong = {name for name in codes if name in known and known[name] != codes[name]}
    missing = codes.keys() - known
    if wrong != WRONG_THERE or missing != MISSING_THERE:
        unexpected = sorted((wrong ^ WRONG_THERE) | (missing ^ MISSING_THERE))
        raise SystemExit(f"check_codes: compare with the headers: {', '.join(unexpected)}")
    print(f"check_codes: {len(codes) - len(wrong) - len(missing)} codes are those of the headers")


if __name__ == "__main__":
    main()
