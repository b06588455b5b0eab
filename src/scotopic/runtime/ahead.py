"""Work ahead: the next strip is decoded while this one is being changed and the last one encoded."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    """Put in the queue after the last item; carries what went wrong, if anything did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


@contextmanager
def ahead(items: Iterable[Item], depth: int = 2) -> Iterator[Iterator[Item]]:
    """The same items in the same order, made by a thread that runs up to `depth` items ahead.

    The thread starts at once. An error in `items` is raised by the iterator, after the items before it. Leaving the
    block, for whatever reason, stops the thread and waits for it.

    >>> with ahead(x * x for x in range(4)) as squares:
    ...     list(squares)
    [0, 1, 4, 9]
    """
    queue: Queue[Item | _End] = Queue(depth)
    stop = Event()

    def put(item: Item | _End) -> None:
        while not stop.is_set():
            try:
                return queue.put(item, timeout=0.1)
            except Full:
                continue

    def work() -> None:
        error = None
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    break
            if isinstance(items, Generator):
                items.close()  # what it cleans up is cleaned up here and now, not when the collector comes by
        except BaseException as caught:  # handed to the thread that asked, whatever it is
            error = caught
        put(_End(error))

    def take() -> Iterator[Item]:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = Thread(target=work, name="scotopic-ahead", daemon=True)
    thread.start()
    try:
        yield take()
    finally:
        stop.set()
        thread.join()
