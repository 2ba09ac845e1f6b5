"""A network of one millisecond: a proxy on loopback that keeps back whatever a client sends.

    python -m bench.proxy HOST:PORT 1.0

Prints the port that it listens on, and works until it is ended. Only the way to the
server is delayed, so a round trip takes so many milliseconds more, once.
"""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.settings import PROJECT


def pump(source: socket.socket, sink: socket.socket, delay: float) -> None:
    """Pass on what comes, so many seconds later, until one side closes."""
    try:
        while data := source.recv(65536):
            if delay:
                time.sleep(delay)
            sink.sendall(data)
    except OSError:
        return  # the other side is gone, and so is this one
    finally:
        for end in (source, sink):
            end.close()


def serve(server: tuple[str, int], delay: float) -> None:
    """Accept clients for ever, two threads each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection(server)
            for end in (client, upstream):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for arguments in ((client, upstream, delay), (upstream, client, 0.0)):
                threading.Thread(target=pump, args=arguments, daemon=True).start()


@contextmanager
def delaying_proxy(host: str, port: int, milliseconds: float) -> Iterator[int]:
    """Run one in a process of its own, so that it has its own interpreter lock; yields its port."""
    command = [sys.executable, "-m", "bench.proxy", f"{host}:{port}", str(milliseconds)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


if __name__ == "__main__":
    host, _, port = sys.argv[1].rpartition(":")
    serve((host, int(port)), float(sys.argv[2]) / 1000)
