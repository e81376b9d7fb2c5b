#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compresses a file in every layout of gzip members that occurs: writes one.gz, chunked.gz, … into the current folder.

usage: gzip_layouts.py FILE
"""
import pathlib
import struct
import sys
import zlib


def member(data, level=6, extra=b"", name=b"", comment=b"", header_crc=False):
    flags = 2 * header_crc + 4 * bool(extra) + 8 * bool(name) + 16 * bool(comment)
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\3"
    if extra:
        head += struct.pack("<H", len(extra)) + extra
    head += name + bytes(bool(name)) + comment + bytes(bool(comment))
    if header_crc:
        head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    deflate = zlib.compressobj(level, zlib.DEFLATED, -15)
    return head + deflate.compress(data) + deflate.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def main():
    data = pathlib.Path(sys.argv[1]).read_bytes()
    hotspot = b"HPROF BLOCKSIZE=20000"
    pieces = [data[i:i + 20000] for i in range(0, len(data), 20000)]
    layouts = {
        "one": member(data),
        "stored": member(data, 0),
        "chunked": member(pieces[0], 1, comment=hotspot) + b"".join(member(p, 1) for p in pieces[1:]),
        "bgzip": b"".join(member(p, extra=b"BC\2\0xx") for p in pieces) + member(b""),
        "full-headers": b"".join(member(p, 9, b"xtra", b"name", b"comment", True) for p in pieces),
        "empty-members": member(b"") + b"".join(member(p) + member(b"") for p in pieces),
        "zeros-behind": member(data[:50000]) + member(data[50000:]) + bytes(5000),
    }
    for name, packed in layouts.items():
        pathlib.Path(name + ".gz").write_bytes(packed)


main()
