"""The XML of events, as Windows renders it."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
TIME = "2026-11-21T08:15:00.1234567Z"
CORRELATION_ID = "{FACCBEE1-0102-0304-0506-0708090A0B0C}"


def event_xml(
    event_id: object,
    *data: str,
    source: str = "RasClient",
    channel: str = "Application",
    record_id: object = 77,
    time: str = TIME,
    names: tuple[str, ...] = (),
) -> str:
    """Render an event in the shape of a real 20227."""
    tags = [f"<Data Name={quoteattr(name)}>" for name in names] or ["<Data>"] * len(data)
    fields = "".join(f"{tag}{escape(text)}</Data>" for tag, text in zip(tags, data, strict=True))
    return (
        f"<Event xmlns='{NAMESPACE}'><System><Provider Name={quoteattr(source)}/>"
        f"<EventID Qualifiers='0'>{event_id}</EventID><Level>2</Level><Task>0</Task>"
        f"<Keywords>0x80000000000000</Keywords><TimeCreated SystemTime={quoteattr(time)}/>"
        f"<EventRecordID>{record_id}</EventRecordID><Channel>{escape(channel)}</Channel>"
        "<Computer>pc-1</Computer><Security/></System>"
        f"<EventData>{fields}</EventData></Event>"
    )
