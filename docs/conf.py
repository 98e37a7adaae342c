"""Sphinx builds the documents with this: python -m sphinx -W --keep-going docs build/docs."""

import ras_native

project = "ras_native"
author = "The ras_native engineers"
release = version = ras_native.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
default_role = "any"
exclude_patterns = []

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"ras_native {release}"
