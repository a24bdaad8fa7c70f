"""A pipe from plain TCP to TLS, for clients that speak no TLS themselves."""

import asyncio
import contextlib
import ssl
import threading


@contextlib.contextmanager
def to_tls(port, certificate):
    """Accepts on a free port of loopback, and passes each connection on to `port` over TLS, whose server must
    have `certificate`. Yields the free port."""
    context = ssl.create_default_context(cafile=certificate)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def accept(reader, writer):
        try:
            to, back = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        except OSError:
            return writer.close()
        await asyncio.gather(copy(reader, back), copy(to, writer))

    async def listen():
        return await asyncio.start_server(accept, "127.0.0.1", 0)

    try:
        listener = asyncio.run_coroutine_threadsafe(listen(), loop).result()
        yield listener.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def copy(reader, writer):
    """Passes on bytes until there are no more, and then the end."""
    # The other side may have ended in any way: so does this one.
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
