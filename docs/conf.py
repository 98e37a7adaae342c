"""Sphinx builds the documents with this: python -m sphinx -W --keep-going docs build/docs."""

import sys
from importlib import metadata
from pathlib import Path

import ras_native

sys.path.insert(0, str(Path(__file__).parent))  # for generated.py

project = "ras_native"
author = "The ras_native engineers"
release = version = ras_native.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "generated"]
default_role = "py:obj"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"Address": "Address"}
python_maximum_signature_line_length = 80
add_module_names = False

html_theme = "furo"
html_show_copyright = False
html_title = f"ras_native {release}"

# The addresses are in pyproject.toml alone.
addresses = metadata.metadata("ras_native").get_all("Project-URL") or []
urls = dict(address.split(", ", 1) for address in addresses)
html_baseurl = urls.get("Documentation", "")
if "Source" in urls:
    html_theme_options = {
        "source_repository": urls["Source"],
        "source_branch": "main",
        "source_directory": "docs/",
    }
