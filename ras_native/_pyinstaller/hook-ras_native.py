"""What PyInstaller cannot see in the imports of ras_native.

The native module imports _cffi_backend in C. Textual imports its widgets by name. The simulator is
a library, not a module. The tables are data. `doctor` reads the metadata.
"""

from __future__ import annotations

from pathlib import Path

from PyInstaller.utils.hooks import collect_data_files, copy_metadata, get_package_paths

hiddenimports = ["_cffi_backend", "textual.widgets._input", "textual.widgets._static"]
binaries = [
    (str(path), "ras_native") for path in Path(get_package_paths("ras_native")[1]).glob("_rassim.*")
]
datas = [
    *collect_data_files("ras_native", includes=["**/*.tsv"]),
    *copy_metadata("ras_native"),
    *copy_metadata("cffi"),
]
