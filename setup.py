"""Everything is in pyproject.toml, except the optional kernel: no compiler, no kernel, and nothing else changes."""

import sys

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "scotopic.runtime._curves",
            sources=["src/scotopic/runtime/_curves.c"],
            # No -march: the source holds a variant for each instruction set and chooses when it runs.
            extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-ffp-contract=fast"],
            py_limited_api=True,
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
