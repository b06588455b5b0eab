"""See in the dark: turns a photo taken in too little light into one worth keeping.

    import scotopic
    scotopic.enhance("night.jpg", output="bright.jpg")

Everything is imported when it is first used: `import scotopic` costs next to nothing and never loads torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._enhance import enhance
    from .errors import ScotopicError
    from .image import Picture, RawFrame, read, read_raw, write
    from .runtime import Controls, Enhancer, Result

    __version__: str

__all__ = [
    "Controls",
    "Enhancer",
    "Picture",
    "RawFrame",
    "Result",
    "ScotopicError",
    "__version__",
    "enhance",
    "read",
    "read_raw",
    "write",
]

_HOMES = {
    "Controls": ".runtime",
    "Enhancer": ".runtime",
    "Picture": ".image",
    "RawFrame": ".image",
    "Result": ".runtime",
    "ScotopicError": ".errors",
    "enhance": "._enhance",
    "read": ".image",
    "read_raw": ".image",
    "write": ".image",
}


if not TYPE_CHECKING:  # a type checker would otherwise believe in any name at all

    def __getattr__(name: str) -> Any:
        if name == "__version__":
            value = _version()
        elif name in _HOMES:
            from importlib import import_module

            value = getattr(import_module(_HOMES[name], __name__), name)
        else:
            raise AttributeError(f"module 'scotopic' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("scotopic")
    except PackageNotFoundError:
        return "0 (not installed)"
