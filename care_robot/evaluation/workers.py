"""The same work on many things, on several cores, of which none can take the others down."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[T], R], items: Sequence[T], jobs: int
) -> Generator[tuple[int, R | None], None, None]:
    """Do the same with each item in processes of their own, and give what is done as it comes.

    Parameters
    ----------
    work : callable
        At the top of a module; item and result are pickled.
    jobs : int
        Processes at a time.

    Yields
    ------
    int, result
        Number of the item, and what came of it; None where the process died of it (a library that crashes
        on a damaged file takes its process with it). Close the iterator to end all work at once.
    """
    done = set()
    for n, result in _in_pool(work, dict(enumerate(items)), jobs):
        if n not in done:
            done.add(n)
            yield n, result
    for n in sorted(set(range(len(items))) - done):  # one of these killed its process: each alone
        yield n, next((result for _, result in _in_pool(work, {n: items[n]}, 1)), None)


def _in_pool(work: Callable[[T], R], items: dict[int, T], jobs: int) -> Generator[tuple[int, R], None, None]:
    """As `each`, but ends without a word where a process dies; may give what is done twice."""
    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")  # the pose model's threads do not survive a fork
    pool = ProcessPoolExecutor(min(jobs, len(items)) or 1, mp_context=spawn, initializer=_keep_quiet)
    futures: dict[Future[R], int] = {}
    try:
        for n, item in items.items():
            futures[pool.submit(work, item)] = n
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool:
        for future, n in futures.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                yield n, future.result()
    except BaseException:
        for child in set(multiprocessing.active_children()) - before:
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _keep_quiet() -> None:
    """What is wrong comes back as a result; libraries' chatter would tear the progress bar."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a terminal sends Ctrl-C to this process too
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
