"""What Sphinx takes from the package instead of from a page.

A line `<!-- generated: NAME -->` of a page is replaced by the Markdown that `PARTS[NAME]` makes.
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

import click
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

import ras_native.exporter
from ras_native.cli import _commands
from ras_native.cli._live.keys import KEYS

PUBLIC = (
    "ras_native",
    "ras_native.exporter",
    "ras_native.benchmark",
    "ras_native.event_log",
    "ras_native.exporter",
    "ras_native.monitor",
    "ras_native.sim",
)
ROOT = Path(ras_native.__file__).parent
MARK = re.compile(r"^<!-- generated: (\w+) -->$", re.MULTILINE)


# Parts of pages


def cell(text):
    """Return the text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def sentence(text):
    """Begin with a capital letter, and end with a full stop."""
    return f"{text[0].upper()}{text[1:]}" + ("" if text.endswith((".", "?")) else ".")


def rows_of_codes():
    """Return the rows of errors.tsv: code, name, errno, text, advice, source."""
    lines = (ROOT / "errors.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [["" if text == "-" else text for text in line.split("\t")] for line in lines]


def codes_with_advice():
    """Return a section for each code for which there is advice."""
    parts = []
    for code, name, _, text, advice, source in rows_of_codes():
        if advice:
            host = re.sub(r"^https?://(?:www\.)?([^/]+).*", r"\1", source)
            said = f"{sentence(text)} {sentence(advice)} [Source: {host}](<{source}>)"
            parts.append(f"`{code}` {name}\n: {said}\n")
    return "\n".join(parts)


def codes():
    """Return a table of all codes."""
    lines = ["| code | name | `errno` | meaning |", "|---|---|---|---|"]
    for code, name, number, text, *_ in rows_of_codes():
        lines.append(f'| <span id="{code}">{code}</span> | `{name}` | {number} | {cell(text)} |')
    return "\n".join(lines)


def first_line(thing):
    """Return the first sentence of a docstring."""
    text = " ".join(inspect.getdoc(thing).partition("\n\n")[0].split())
    return re.split(r"(?<=\.) ", text)[0]


def events():
    """Return a table of all events, each as the pattern for `match`."""
    lines = ["| event | meaning |", "|---|---|"]
    for event in ras_native.EVENTS:
        name, members = event.__name__, ", ".join(event.__match_args__)
        link = f"[`{name}({members})`](#ras_native.{name})"
        lines.append(f"| {link} | {cell(first_line(event))} |")
    return "\n".join(lines)


def event_classes():
    """Return the documentation of every event, the base classes first."""
    bases = [ras_native.MonitorEvent, ras_native.ConnectionEvent, ras_native.LoggedEvent]
    lines = ["```{eval-rst}"]
    for event in (*bases, *ras_native.EVENTS):
        lines += [f".. autoclass:: ras_native.{event.__name__}()", "   :members:"]
        lines += ["   :show-inheritance:", ""]
    return "\n".join([*lines, "```"])


def command():
    """Return a section for each command, with its help."""
    parts = []
    for name, one in sorted(_commands.cli.commands.items()):
        context = click.Context(one, info_name=f"ras-native {name}", max_content_width=90)
        parts.append(f"## {name}\n\n```text\n{one.get_help(context)}\n```\n")
    return "\n".join(parts)


def keys():
    """Return a table of the keys of the live screen."""
    lines = ["| key | what it does |", "|---|---|"]
    return "\n".join([*lines, *(f"| {cell(key.name)} | {cell(key.text)} |" for key in KEYS)])


def metrics():
    """Return a table of the metrics of the exporter."""
    lines = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for metric in ras_native.exporter.METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {cell(metric.text)} |")
    return "\n".join(lines)


PARTS = {
    "codes": codes,
    "codes_with_advice": codes_with_advice,
    "command": command,
    "event_classes": event_classes,
    "events": events,
    "keys": keys,
    "metrics": metrics,
}


def fill_in(app, _name, source):
    """Replace the marks of a page. Such a page is read again after a change of what it shows."""
    if MARK.search(source[0]):
        for path in (Path(__file__), ROOT / "errors.tsv", *ROOT.rglob("*.py")):
            app.env.note_dependency(path)
    source[0] = MARK.sub(lambda found: PARTS[found[1]](), source[0])


# Docstrings


def parameters_of(thing):
    """Return the names of the parameters of a function or a class."""
    try:
        return set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return set()


def drop_members(_app, what, _name, thing, _options, lines):
    """Leave out the list of members in the docstring of a class: each has its own entry."""
    if what not in {"class", "exception"}:
        return
    kept, is_member = [], False
    for line in lines:
        found = re.match(r"- `(\w+)`: ", line)
        if found:
            is_member = hasattr(thing, found[1]) and not is_noise(getattr(thing, found[1]))
        else:
            is_member = is_member and line.startswith("  ")
        if not is_member:
            kept.append(line)
    lines[:] = kept


def mark_code(_app, _what, _name, _thing, _options, lines):
    """Make code of each indented block that follows a paragraph, and not an item of a list."""
    paragraph, is_code = "", False
    for number, line in enumerate(lines):
        if line.startswith("    ") and not paragraph.startswith(("- ", "..", ":", " ")):
            if not is_code and not re.match(r"\d+\. ", paragraph):
                lines[number] = f"::\n\n{line}"
            is_code = True
        elif line.strip():
            is_code = False
            if not number or not lines[number - 1].strip():
                paragraph = line
    lines[:] = "\n".join(lines).split("\n")


def mark_parameters(_app, _what, _name, thing, _options, lines):
    """Make a field of each paragraph that begins with the name of a parameter and a colon."""
    names, is_inside = parameters_of(thing), False
    for number, line in enumerate(lines):
        found = re.match(r"\*{0,2}(\w+): (.*)", line)
        if found and found[1] in names:
            needs_gap = number and lines[number - 1].strip() and not is_inside
            lines[number] = ("\n" if needs_gap else "") + f":param {found[1]}: {found[2]}"
            is_inside = True
        elif is_inside and line.strip():
            lines[number] = f"    {line}"
        else:
            is_inside = False
    lines[:] = "\n".join(lines).split("\n")


def skip_noise(_app, _what, _name, thing, _skip, _options):
    """Leave out members that say nothing, such as those of a NamedTuple without a docstring."""
    return True if is_noise(thing) else None


def is_noise(thing):
    """Whether its docstring is that which Python writes for a field of a NamedTuple."""
    return (getattr(thing, "__doc__", None) or "").startswith("Alias for field")


def merge_sources():
    """Let autodoc find the docstrings of attributes: users see their classes in `ras_native`."""
    for public in PUBLIC:
        merged = ModuleAnalyzer.for_module(public)
        merged.analyze()
        for path in sorted(ROOT.rglob("*.py")):
            name = ".".join(("ras_native", *path.relative_to(ROOT).with_suffix("").parts))
            if defines_public(path, public):
                part = ModuleAnalyzer.for_module(name.removesuffix(".__init__"))
                part.analyze()
                offset = len(merged.tagorder)
                merged.attr_docs = {**part.attr_docs, **merged.attr_docs}
                merged.annotations = {**part.annotations, **merged.annotations}
                order = {key: offset + place for key, place in part.tagorder.items()}
                merged.tagorder = {**order, **merged.tagorder}


def defines_public(path, public):
    """Whether the file defines a class or function that the public module exports."""
    exported = importlib.import_module(public).__all__
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return any(getattr(node, "name", None) in exported for node in body)


def require_all_public(_app, env):
    """Warn of each public name that no page documents."""
    documented = {name.rpartition(".")[2] for name in env.domaindata["py"]["objects"]}
    for public in PUBLIC:
        for name in importlib.import_module(public).__all__:
            if name not in documented:
                logging.getLogger(__name__).warning("%s.%s is on no page", public, name)


def find_in_package(app, env, node, content):
    """Resolve a name without its module, or with the private module that defines it."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.get_domain("py"), node["reftarget"].removeprefix("ras_native.")
    for name in (target, target.rpartition(".")[2]):
        found = domain.resolve_xref(
            env, node["refdoc"], app.builder, "obj", f"ras_native.{name}", node, content
        )
        if found is not None:
            return found
    return None


def setup(app):
    """Connect the functions above to Sphinx."""
    merge_sources()
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", drop_members)
    app.connect("autodoc-process-docstring", mark_code)
    app.connect("autodoc-process-docstring", mark_parameters)
    app.connect("autodoc-skip-member", skip_noise)
    app.connect("missing-reference", find_in_package)
    app.connect("env-check-consistency", require_all_public)
    return {"parallel_read_safe": True}
