"""Work on several cores of which none takes the others down."""

import multiprocessing
import os
from pathlib import Path

from care_robot.evaluation.workers import each


def square(n: int) -> int:
    return n * n


def die_of_three(n: int) -> int:
    if n == 3:
        os._exit(1)
    return n


def test_all_is_done_on_several_cores() -> None:
    assert dict(each(square, [3, 4, 5], jobs=2)) == {0: 9, 1: 16, 2: 25}
    assert list(each(square, [], jobs=2)) == []


def test_a_process_that_dies_costs_one_item_alone() -> None:
    done = list(each(die_of_three, [1, 3, 2, 3, 4], jobs=2))
    assert sorted(done, key=lambda pair: pair[0]) == [(0, 1), (1, None), (2, 2), (3, None), (4, 4)]


def wait_for_ever(fifo: str) -> None:
    with Path(fifo).open():  # until somebody writes to it: nobody does
        pass


def test_closing_ends_what_is_under_way(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    before = set(multiprocessing.active_children())
    work = each(wait_or_square, [(2, ""), (0, str(fifo))], jobs=2)
    assert next(work) == (0, 4)
    work.close()
    assert set(multiprocessing.active_children()) <= before


def wait_or_square(item: tuple[int, str]) -> int:
    n, fifo = item
    if fifo:
        wait_for_ever(fifo)
    return n * n
