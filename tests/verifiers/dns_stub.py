#!/usr/bin/python3
"""A DNS server for tests: answers TXT, A, AAAA, MX and PTR from a zone file, and nothing else exists.

Usage: dns_stub.py ZONE.json

It listens on 127.0.0.1, UDP and TCP, on a free port which it prints, until it is ended or its standard input closes.
The zone maps names to the text of one TXT record, or to records by type:

    {"s1._domainkey.example.org": "v=DKIM1; p=…",
     "example.org": {"TXT": ["v=spf1 mx -all"], "MX": ["10 mail.example.org"], "A": ["192.0.2.10"]},
     "10.2.0.192.in-addr.arpa": {"PTR": ["mail.example.org"]}}
"""

import ipaddress
import json
import pathlib
import socketserver
import struct
import sys
import threading

TYPES = {"A": 1, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}
TTL = 60
OPT = b"\0" + struct.pack("!HHIH", 41, 4096, 0, 0)
NO_ERROR, FORMAT_ERROR, NO_SUCH_NAME = 0, 1, 3


def read_zone(path):
    """{name: {type: [value, …]}}, names in lower case and without the dot at the end."""
    zone = json.loads(pathlib.Path(path).read_text("utf-8"))
    records = lambda value: {"TXT": [value]} if isinstance(value, str) else value
    return {name.rstrip(".").lower(): records(value) for name, value in zone.items()}


def txt(zone, name):
    """The first TXT record of a name, or None."""
    return next(iter(zone.get(name.rstrip(".").lower(), {}).get("TXT", [])), None)


def wire_name(name):
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def wire_data(kind, value):
    if kind in ("A", "AAAA"):
        return ipaddress.ip_address(value).packed
    if kind == "PTR":
        return wire_name(value)
    if kind == "MX":
        preference, host = value.split()
        return struct.pack("!H", int(preference)) + wire_name(host)
    text = value.encode("utf-8")
    strings = [text[at : at + 255] for at in range(0, len(text), 255)] or [b""]
    return b"".join(bytes([len(string)]) + string for string in strings)


def read_question(query):
    """Name, type, and the question's own bytes."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii").lower())
        at += 1 + query[at]
    (kind,) = struct.unpack_from("!H", query, at + 1)
    return ".".join(labels), kind, query[12 : at + 5]


def answer(zone, query, limit):
    """The reply's bytes; `limit` is how long it may be without EDNS, or None."""
    number, flags, _, _, _, additional = struct.unpack_from("!6H", query)
    try:
        name, wanted, question = read_question(query)
    except (IndexError, UnicodeDecodeError, struct.error):
        return struct.pack("!6H", number, 0x8400 | FORMAT_ERROR, 0, 0, 0, 0)
    # A name exists too where only names below it have records.
    exists = name in zone or any(other.endswith(f".{name}") for other in zone)
    found = [
        # The name is a pointer to the question's.
        b"\xc0\x0c" + struct.pack("!HHIH", TYPES[kind], 1, TTL, len(data)) + data
        for kind, values in zone.get(name, {}).items()
        if TYPES[kind] == wanted
        for data in (wire_data(kind, value) for value in values)
    ]
    opt = OPT if additional else b""
    # Authoritative; recursion as if available.
    flags = 0x8480 | (flags & 0x0100) | (NO_ERROR if exists else NO_SUCH_NAME)
    if limit and not additional and 12 + len(question) + sum(map(len, found)) > limit:
        found, flags = [], flags | 0x0200
    head = struct.pack("!6H", number, flags, 1, len(found), 0, bool(opt))
    return head + question + b"".join(found) + opt


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        query, socket = self.request
        if len(query) >= 12:
            socket.sendto(answer(self.server.zone, query, 512), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while len(length := self.rfile.read(2)) == 2:
            query = self.rfile.read(int.from_bytes(length, "big"))
            if len(query) < 12:
                return
            reply = answer(self.server.zone, query, None)
            self.wfile.write(len(reply).to_bytes(2, "big") + reply)


class UdpServer(socketserver.UDPServer):
    max_packet_size = 65535


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class DnsStub:
    """Serves a zone of `read_zone` from threads, as a context manager."""

    def __init__(self, zone):
        for _ in range(20):
            udp = UdpServer(("127.0.0.1", 0), Datagram)
            try:
                tcp = TcpServer(udp.server_address, Stream)
                break
            except OSError:  # the port is taken for TCP
                udp.server_close()
        else:
            raise OSError("no port that is free for both UDP and TCP")
        self.servers = [udp, tcp]
        self.port = udp.server_address[1]
        for server in self.servers:
            server.zone = zone

    def __enter__(self):
        for server in self.servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            server.shutdown()
            server.server_close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: dns_stub.py ZONE.json")
    with DnsStub(read_zone(sys.argv[1])) as stub:
        print(stub.port, flush=True)
        sys.stdin.read()
