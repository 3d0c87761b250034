#!/usr/bin/env python3
"""slow_reader.py PORT BYTES_PER_SECOND SECONDS: how old data is when a slow reader gets it, and what the broker holds for it.

It subscribes to the quotes of the 20 first symbols with a receive buffer of 4,096 bytes and reads a little every 50 ms.
"""

import base64
import json
import os
import re
import socket
import sys
import time
import urllib.request

port, rate, seconds = (int(argument) for argument in sys.argv[1:])


def connect() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", port))
    key = base64.b64encode(os.urandom(16)).decode()
    sock.sendall(
        f"GET /v1/stream HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
    )
    while not sock.recv(1).endswith(b"\n") or not sock.recv(4096, socket.MSG_PEEK):
        pass
    return sock


def frame(text: str) -> bytes:
    payload = text.encode()
    length = bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    return b"\x81" + (length if len(payload) > 125 else bytes([0x80 | len(payload)])) + bytes(4) + payload


def get(path: str) -> str:
    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}").read().decode()


def held() -> int:
    """The most bytes that a shard holds for one connection."""
    found = re.findall(r"^tickcast_shard_bytes_held_largest\S* (\S+)", get("/metrics"), re.M)
    return max(int(float(value)) for value in found)


symbols = [symbol["symbol"] for symbol in json.loads(get("/v1/symbols"))["symbols"][:20]]
sock = connect()
request = {"id": 1, "method": "subscribe", "params": {"channel": "quotes", "symbols": symbols}}
sock.sendall(frame(json.dumps(request)))
ages, conflated, largest, seen = [], 0, 0, b""
begun = time.time()
step = 0
while time.time() < begun + seconds:
    step += 1
    seen += sock.recv(rate // 20)
    now_us = time.time_ns() // 1000
    *whole, seen = re.split(rb'(?=\{"type":)', seen)
    for text in whole:
        if rx := re.search(rb'"type":"update".*"rx":(\d+)', text):
            # Before the first five seconds the socket's buffers fill.
            if time.time() > begun + 5:
                ages.append((now_us - int(rx[1])) / 1e6)
        if text.startswith(b'{"type":"conflated"'):
            conflated += 1
    if step % 20 == 0:
        largest = max(largest, held())
    time.sleep(max(0.0, begun + step / 20 - time.time()))
ages.sort()
print(
    f"{rate} B/s, {seconds} s: {len(ages)} updates, {conflated} conflated frames; age p50 {ages[len(ages) // 2]:.2f} s, "
    f"p99 {ages[len(ages) * 99 // 100]:.2f} s, max {ages[-1]:.2f} s; the broker held {largest} B at most"
)
