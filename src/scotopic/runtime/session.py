"""ONNX Runtime sessions, set up for pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CardError, ControlError
from .blocks import default_threads

if TYPE_CHECKING:  # importing it takes longer than everything else together: only when a session is opened
    import onnxruntime

CPU = "CPUExecutionProvider"


class Graph:
    """A loaded graph. Calling it is safe from several threads at once."""

    def __init__(self, session: onnxruntime.InferenceSession, name: str) -> None:
        self._session = session
        self._name = name

    @property
    def providers(self) -> list[str]:
        """The execution providers in use, first choice first."""
        return list(self._session.get_providers())

    def __call__(self, output: str, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The output of that name. Raises CardError when the graph and its card do not fit."""
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        try:
            result: Any = self._session.run([output], inputs)[0]
        except (ValueError, state.InvalidArgument) as error:  # a name or a shape the graph does not have
            shapes = ", ".join(f"{key} {value.shape}" for key, value in inputs.items())
            raise CardError(
                f"'{self._name}' does not take {shapes} to '{output}' as its card says: {error}. "
                "Export the model again."
            ) from error
        if result.dtype != np.float32 or result.ndim != 4 or result.shape[0] != 1:
            got = f"{result.dtype} {result.shape}"
            raise CardError(f"'{self._name}' gave {got} where float32 (1, c, h, w) was due. Export the model again.")
        return result  # type: ignore[no-any-return]


class Loading:
    """A graph that is loaded once, in a thread of its own: ONNX Runtime takes as long as opening a picture."""

    def __init__(self, load: Callable[[], Graph]) -> None:
        self._load = load
        self._future: Future[Graph] | None = None
        self._lock = Lock()

    def begin(self) -> Future[Graph]:
        """Begins, if that has not happened yet."""
        with self._lock:
            if self._future is None:
                loader = ThreadPoolExecutor(1, thread_name_prefix="scotopic-load")
                self._future = loader.submit(self._load)
                loader.shutdown(wait=False)
            return self._future

    def result(self) -> Graph:
        """The graph, once it is there. Raises what loading it raised."""
        return self.begin().result()


def open_graph(
    graph: bytes,
    name: str,
    *,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
    reuse_memory: bool = False,
) -> Graph:
    """A session for an ONNX graph (its bytes), called `name` in errors.

    `threads`: how many processors one run uses, default all. `providers`: names such as "cuda", "openvino" or
    "CUDAExecutionProvider", first choice first, default the CPU; the CPU always comes last. `reuse_memory` keeps the
    memory of one run for the next: for inputs that are all of one bounded size.
    """
    if threads is not None and threads < 1:
        raise ControlError(f"threads must be at least 1, got {threads}.")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # ONNX Runtime would start a hundred thousand threads if asked to, and take all memory for them.
    options.intra_op_num_threads = min(threads, default_threads()) if threads else 0
    options.log_severity_level = 3  # errors only: a warning in the middle of a progress bar helps nobody
    # The arena keeps the largest picture's memory for ever, and a plan made for one size is useless for the next.
    options.enable_cpu_mem_arena = reuse_memory
    options.enable_mem_pattern = False
    # Idle workers would spin on the processors that decode, apply and encode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=resolve_providers(providers))
    except ControlError:
        raise
    except Exception as error:  # ONNX Runtime has a class for every status, and RuntimeError for the rest
        raise CardError(f"'{name}' is not a graph ONNX Runtime can run: {error}. Export the model again.") from error
    return Graph(session, name)


def resolve_providers(wanted: Sequence[str] | None) -> list[str]:
    """ONNX Runtime's names of the providers; ControlError for one that is not installed, with those that are."""
    import onnxruntime

    available: list[str] = onnxruntime.get_available_providers()
    by_short_name = {name.removesuffix("ExecutionProvider").lower(): name for name in available}
    chosen = []
    for name in wanted or []:
        found = by_short_name.get(name.lower().removesuffix("executionprovider"))
        if found is None:
            raise ControlError(
                f"provider '{name}' is not installed. Installed: {', '.join(by_short_name)}. "
                "Install the ONNX Runtime package that carries it, or leave the provider out to use the CPU."
            )
        chosen.append(found)
    return chosen if CPU in chosen else [*chosen, CPU]
