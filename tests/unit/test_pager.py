"""The demo's receiver: shows a page once, and survives what is not a page."""

import json
import queue
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from care_robot.console.pager import Pager

Pages = tuple[Pager, "queue.Queue[dict[str, object]]"]


@pytest.fixture
def pages() -> Iterator[Pages]:
    received: queue.Queue[dict[str, object]] = queue.Queue()
    with Pager(received.put) as pager:
        yield pager, received


def post(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, data=body, method="POST")  # noqa: S310 (own address)
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310
        return int(response.status)


def test_a_page_is_shown_and_its_repetition_is_not(pages: Pages) -> None:
    pager, received = pages
    for page_id in ("1", "1", "2"):
        assert post(pager.url, json.dumps({"page_id": page_id}).encode()) == 204
    assert [received.get(timeout=5)["page_id"] for _ in range(2)] == ["1", "2"]
    assert received.empty()


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"null", b"\xff\xfe", b"{" * 70_000])
def test_what_is_not_a_page_is_refused(pages: Pages, body: bytes) -> None:
    pager, received = pages
    with pytest.raises(urllib.error.HTTPError, match="400"):
        post(pager.url, body)
    assert received.empty()
