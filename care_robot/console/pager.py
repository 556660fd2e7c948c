"""A carer's telephone for the demo: an HTTP receiver on this machine that shows each page once."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

MAX_BYTES = 65_536


class Pager:
    """Receives webhook pages while its ``with`` block lasts.

    Parameters
    ----------
    on_page
        Gets the JSON object of each new page, from the receiver's thread; a page id that was seen is not new.
    """

    def __init__(self, on_page: Callable[[dict[str, Any]], None]) -> None:
        seen: set[str] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                try:
                    page = json.loads(self.rfile.read(min(length, MAX_BYTES)))
                    page_id = str(page["page_id"])
                except (ValueError, KeyError, TypeError):
                    self.send_error(400, "A page is a JSON object with a page_id.")
                    return
                if page_id not in seen:
                    seen.add(page_id)
                    on_page(page)
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet: the timeline shows the page."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/page"

    def __enter__(self) -> "Pager":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
