"""One process that is web server and worker."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from waitress.server import create_server

from provisioning import worker


@contextmanager
def background_worker() -> Iterator[None]:
    """The worker in a thread, stopped cleanly at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=[stop.is_set], name="worker")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def serve(*, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve pages and push accounts until Ctrl-C or SIGTERM.

    `ready` is told the address once it answers. Raises OSError when the address is taken.
    """
    # Made only now, because it learns at its birth which static files there are.
    application = get_wsgi_application()
    server = create_server(
        application,
        host=host,
        port=port,
        threads=8,
        ident="Gatehouse",
        # Otherwise it ends when more than a thousand connections are open, those to apps included.
        asyncore_use_poll=True,
        **_behind_a_proxy(),
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    with background_worker():
        try:
            ready(f"http://{host}:{port}/")
            server.run()
        except KeyboardInterrupt:
            # Asked to stop before the loop of waitress was there to take it.
            pass
        finally:
            server.close()


def _behind_a_proxy() -> dict[str, Any]:
    """With https a proxy stands in front, on this machine, and says so in a header.

    waitress takes that header away unless it is told whose word to trust.
    """
    if not settings.HTTPS:
        return {}
    return {"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": {"x-forwarded-proto"}}


def _stop(*_: object) -> NoReturn:
    # waitress ends its loop on this, in whatever way it was asked to stop.
    raise KeyboardInterrupt


def free_port(wanted: int) -> int:
    """The port if nobody listens there, else one that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
