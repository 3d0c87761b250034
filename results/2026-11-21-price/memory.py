#!/usr/bin/env python3
"""What the broker's memory goes to: connections, topics, log entries. Run by `run.sh memory`; the first argument is the
broker. Each row is the growth of the resident set (VmRSS) by so many of a thing, divided by their number."""

import base64
import json
import os
import random
import resource
import socket
import subprocess
import sys
import time

resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
QUOTE = '{"channel":"quotes","symbol":"S%05d","ts":%d,"bid":"%d.45","bid_size":"15.988","ask":"%d.47","ask_size":"34.024"}\n'
TRADE = '{"channel":"trades","symbol":"S%05d","ts":%d,"id":%d,"side":"buy","price":"%d.45","size":"15.988"}\n'


class Broker:
    """A broker with one shard, fed by tick lines for `symbols` symbols."""

    def __init__(self, symbols, *options):
        feed = "ticks+listen://127.0.0.1:0?venue=acme"
        command = [sys.argv[1], "--listen", "127.0.0.1:0", "--shards", "1", "--log", "warn", "--feed", feed, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.ticks = self.stream = None
        for line in self.process.stdout:
            for word in line.split():
                if word.startswith("ticks+listen://"):
                    self.ticks = address(word)
                if word.startswith("ws://"):
                    self.stream = address(word)
            if self.stream:
                break
        self.feed = socket.create_connection(self.ticks)
        self.symbols = symbols

    def publish(self, line, rounds):
        """Sends `rounds` lines for each symbol and waits until the broker has them."""
        for turn in range(rounds):
            ts = time.time_ns() // 1000
            lines = [line(symbol, ts, turn) for symbol in range(self.symbols)]
            self.feed.sendall("".join(lines).encode())
        self.settle()

    def settle(self):
        """Waits until memory stands still."""
        last, same = self.rss(), 0
        while same < 4:
            time.sleep(0.5)
            now = self.rss()
            same = same + 1 if abs(now - last) < 64 * 1024 else 0
            last = now

    def rss(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            line = next(line for line in status if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def connect(self, count, per_connection):
        """Opens connections with so many subscriptions to quotes each, and reads their replies and snapshots."""
        chosen, sockets = random.Random(1), []
        for _ in range(count):
            connection = socket.create_connection(self.stream)
            key = base64.b64encode(os.urandom(16)).decode()
            connection.sendall(
                f"GET /v1/stream HTTP/1.1\r\nHost: broker\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            if per_connection:
                numbers = chosen.sample(range(self.symbols), per_connection)
                symbols = [f"acme:S{number:05}" for number in numbers]
                params = {"channel": "quotes", "symbols": symbols}
                connection.sendall(masked(json.dumps({"id": 1, "method": "subscribe", "params": params})))
            awaited = per_connection or 0
            received = b""
            while b'"hello"' not in received or received.count(b'"snapshot"') < awaited:
                data = connection.recv(1 << 20)
                if not data:
                    sys.exit("the broker has ended a connection")
                received += data
            sockets.append(connection)
        self.settle()
        return sockets

    def stop(self):
        self.feed.close()
        self.process.terminate()
        self.process.wait()


def address(url):
    """Host and port of a URL."""
    host, port = url.split("//")[1].split("?")[0].split("/")[0].split(":")
    return host, int(port)


def masked(text):
    """A client's text frame."""
    payload, mask = text.encode(), os.urandom(4)
    length = len(payload)
    head = bytes([0x81, 0x80 | length]) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


def quote(symbol, ts, turn):
    return QUOTE % (symbol, ts, 100 + turn % 900, 100 + turn % 900)


def trade(symbol, ts, turn):
    return TRADE % (symbol, ts, turn + 1, 100 + turn % 900)


def row(what, bytes_each):
    print(f"| {what} | {bytes_each:,.0f} |", flush=True)


def connections(count, per_connection):
    broker = Broker(1000)
    broker.publish(quote, 20)
    # What the first connections bring with them is not theirs.
    for connection in broker.connect(100, per_connection):
        connection.close()
    broker.settle()
    before = broker.rss()
    sockets = broker.connect(count, per_connection)
    row(f"a connection with {per_connection} subscriptions, of {count:,}", (broker.rss() - before) / count)
    for connection in sockets:
        connection.close()
    broker.stop()


def topics():
    broker = Broker(10000)
    before = broker.rss()
    broker.publish(quote, 1)
    after = broker.rss()
    row("a symbol with a topic of quotes and one of status, one entry each, of 10,000", (after - before) / broker.symbols)
    broker.stop()


def entries(what, line, kept):
    broker = Broker(100, "--log-bytes-max", "1000000000")
    broker.publish(line, 1)
    before = broker.rss()
    broker.publish(line, kept)
    row(f"an entry of {what}, logs of {kept:,} entries full, of 100 symbols", (broker.rss() - before) / (kept * broker.symbols))
    broker.stop()


print("| what | bytes |\n| --- | ---: |", flush=True)
connections(15000, 0)
connections(15000, 20)
connections(5000, 200)
topics()
entries("quotes", quote, 1024)
entries("trades", trade, 4096)
