"""A house whose database is damaged, out of reach, or whose process is killed while that is mended."""

import dataclasses
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from care_house import START, House

from care_robot.care import swap
from care_robot.care.alarms import Alarm, Changes, PageState, Presence
from care_robot.care.inputs import Resolve
from care_robot.care.recovery import Opened, open_store

PRESENT = Presence("박 간호사", "bedroom", START, START)


def live(folder: Path, falls: int = 1) -> list[Alarm]:
    """An open fall with a page whose fate is unknown, and some that are over; the alarms as they are."""
    house = House(folder)
    for i in range(falls - 1):
        house.fall(f"over {i}")
        house.do(Resolve(house.store.load().seen[f"fall:over {i}"], "박 간호사", "괜찮으심"))
    house.channels = {}
    house.fall("open")
    house.silence(audible=False)
    house.store.save(Changes(presences={PRESENT.by: PRESENT}))
    alarms = house.store.load().alarms
    house.store.close()
    return alarms


def plain(alarms: list[Alarm]) -> list[dict[str, Any]]:
    return [dataclasses.asdict(alarm) for alarm in sorted(alarms, key=lambda a: a.id)]


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is not a database, it is a shopping list" * 200)


def damage_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def damage_table(path: Path, table: str) -> None:
    """The first page of a table, and with it where the others are."""
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xa5" * 4096
    path.write_bytes(content)


def kept_aside(folder: Path) -> Path:
    (path,) = folder.glob("care.damaged-*.db")
    return path


def pending(opened: Opened) -> list[str]:
    return [page.id for page in opened.snapshot.pages if page.state is PageState.PENDING]


class Killed(BaseException):
    """The process is gone; nothing of it goes on."""


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: int) -> Iterator[list[str]]:
    """Dies before the `step`-th renaming."""
    done: list[str] = []
    rename = swap._rename

    def counted(path: Path, target: Path) -> None:
        if len(done) == step:
            raise Killed
        rename(path, target)
        done.append(target.name)

    with monkeypatch.context() as patch:
        patch.setattr(swap, "_rename", counted)
        yield done


def killed(monkeypatch: pytest.MonkeyPatch, step: int, folder: Path) -> bool:
    with killed_at(monkeypatch, step):
        try:
            open_store(folder).store.close()
        except Killed:
            return True
    return False
