"""aiohttp as a client of the program: `aiohttp_client.py URL [CERTIFICATE] [CODE]`.

Exchanges, and every close code that a client can bring about by what it sends; or with CODE the one by which the
server ends a client that does nothing.
"""

import asyncio
import ssl
import struct
import sys

import aiohttp
from aiohttp import WSMsgType

TIMEOUT = 30
"""Seconds after which a silent server has failed."""
TIMES = 10
"""How often each close is tried: what used to be lost was not lost each time."""
SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, 524_279]
LONG = 8_000_000


def packet(cmd, data=b"", flag=7):
    """A packet to the server."""
    return struct.pack(">HBIH", min(len(data), 65_535), 0, flag, cmd) + data


def login(role):
    """Command 1002 of an account `a` with this role, below 128."""
    return packet(1002, b"\x0a\x01a\x20" + bytes([role]))


async def close_code(link):
    """The code that the server's Close brings. What comes before it is left out."""
    while (await link.receive(TIMEOUT)).type not in (
        WSMsgType.CLOSE,
        WSMsgType.CLOSING,
        WSMsgType.CLOSED,
        WSMsgType.ERROR,
    ):
        pass
    return link.close_code


def sends(code, *messages):
    """A case: these messages close with this code."""

    async def case(connect):
        async with connect() as link:
            try:
                for message in messages:
                    await (link.send_str if isinstance(message, str) else link.send_bytes)(message)
            except (ConnectionError, aiohttp.ClientError):
                pass  # The Close may come before all is sent.
            same(await close_code(link), code)

    return case


def sends_raw(code, data):
    """A case: these bytes, which are no frame that the library would send, close with this code."""

    async def case(connect):
        async with connect() as link:
            link._writer.transport.write(data)
            same(await close_code(link), code)

    return case


async def echoes(connect):
    async with connect() as link:
        for size in SIZES:
            await link.send_bytes(packet(1101, bytes(size)))
            same(await link.receive_bytes(timeout=TIMEOUT), b"\0\0" + packet(1101, bytes(size)))
        same(await link.close(code=aiohttp.WSCloseCode.OK), True)
        same(link.close_code, 1000)


async def replaced(connect):
    async with connect() as older, connect() as newer:
        for link in (older, newer):
            await link.send_bytes(login(5))
            same((await link.receive_bytes(timeout=TIMEOUT))[:2], b"\0\0")
        same(await close_code(older), 4007)


async def refusals(connect):
    """The 11th bad request closes; the 10 before it are answered."""
    async with connect() as link:
        for flag in range(11):
            await link.send_bytes(packet(1199, flag=flag))
        for flag in range(10):
            same(await link.receive_bytes(timeout=TIMEOUT), b"\0\1" + packet(1199, flag=flag))
        same(await close_code(link), 4002)


async def nothing(connect):
    """The server ends a client that does nothing."""
    async with connect() as link:
        same(await close_code(link), int(sys.argv[3]))


CASES = {
    "1002": sends_raw(1002, b"\xf3\x80mask"),
    "1003": sends(1003, "text"),
    "1007": sends_raw(1007, b"\x88\x83\0\0\0\0\x03\xe8\xff"),
    "1009": sends(1009, bytes(600_000)),
    "1009, 8 MB": sends(1009, bytes(LONG)),
    "1011": sends(1011, packet(1106)),
    "4000": sends(4000, bytes(8)),
    "4001": sends(4001, packet(1103, b"x")),
    "4002": refusals,
    "4002, and 8 MB more": sends(4002, *[packet(1199)] * 11, *[packet(1102, bytes(100_000))] * 80),
    "4007": replaced,
}


def same(got, expected):
    if got != expected:
        raise AssertionError(f"{brief(got)}, expected {brief(expected)}")


def brief(value):
    return f"{len(value)} bytes {value[:24].hex()}" if isinstance(value, bytes) else repr(value)


async def main():
    url = sys.argv[1]
    context = ssl.create_default_context(cafile=sys.argv[2]) if url.startswith("wss:") else None
    failed = 0
    listed = [(sys.argv[3], nothing)] if len(sys.argv) > 3 else [("echo", echoes), *list(CASES.items()) * TIMES]
    async with aiohttp.ClientSession() as session:
        for name, case in listed:
            try:
                await case(lambda: session.ws_connect(url, ssl=context, max_msg_size=0))
                print(f"ok: {name}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED: {name}: {type(error).__name__}: {error}", flush=True)
    print(f"test result: {len(listed) - failed} passed; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
