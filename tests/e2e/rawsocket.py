"""A WebSocket by hand, for the bytes that a proper client would never send."""

import base64
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80


class RawSocket:
    """A socket after the upgrade."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = b""

    def send(self, first_byte: int, payload: bytes, masked: bool = True) -> None:
        """Sends one frame whose first byte is given as it is."""
        self.sock.sendall(frame(first_byte, payload, masked))

    def read_frame(self) -> tuple[int, bytes]:
        """The opcode and payload of the next frame."""
        first, length = self.read(2)
        assert first & 0x70 == 0 and length & FIN == 0, "the broker masks or uses reserved bits"
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
        return first & 0x0F, self.read(length)

    def read_close(self) -> tuple[int, str]:
        """Skips to the close frame: its code and reason. After it the broker ends its side."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == CLOSE:
                (code,) = struct.unpack("!H", payload[:2])
                assert self.sock.recv(1) == b"", "something follows the close frame"
                return code, payload[2:].decode()

    def read_text(self, wanted: str) -> str:
        """Skips to the next text frame that holds `wanted`."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == TEXT and wanted in payload.decode():
                return payload.decode()

    def read(self, count: int) -> bytes:
        while len(self.received) < count:
            data = self.sock.recv(1 << 16)
            if not data:
                raise EOFError(f"the broker ended the connection, {count} bytes were due")
            self.received += data
        data, self.received = self.received[:count], self.received[count:]
        return data


@contextmanager
def raw_socket(port: int, receive_buffer_bytes: int | None = None) -> Iterator[RawSocket]:
    """Opens a connection and upgrades it; a small receive buffer makes a slow reader."""
    with socket.socket() as sock:
        if receive_buffer_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        sock.settimeout(10)
        sock.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        sock.sendall(request.encode())
        raw = RawSocket(sock)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += raw.read(1)
        assert head.startswith(b"HTTP/1.1 101 "), head.decode()
        yield raw


def frame(first_byte: int, payload: bytes, masked: bool = True) -> bytes:
    """One frame; the mask is of zeros, so that the payload stands as it is."""
    mask_bit, mask = (0x80, bytes(4)) if masked else (0, b"")
    if len(payload) < 126:
        head = struct.pack("!BB", first_byte, mask_bit | len(payload))
    elif len(payload) < 1 << 16:
        head = struct.pack("!BBH", first_byte, mask_bit | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first_byte, mask_bit | 127, len(payload))
    return head + mask + payload
