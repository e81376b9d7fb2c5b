#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Changes the table of compressed data (section GZPC, docs/index-format.md) in an index: adds 1 to a field of one piece, or of all from one on.

usage: gzip_poke.py INDEX FIELD_OFFSET FIELD_BYTES FIRST [LAST]
"""
import pathlib
import struct
import sys

HEADER_TABLE = 64  # offset of the section table, number of sections
PIECE_BYTES = 48


def pieces_of(data):
    table, count = struct.unpack_from("<QI", data, HEADER_TABLE)
    for i in range(count):
        name, width, elements, offset = struct.unpack_from("<4sIQQ", data, table + 32 * i)
        if name == b"GZPC":
            assert width == PIECE_BYTES
            return offset, elements
    raise SystemExit("no table")


def main():
    path = pathlib.Path(sys.argv[1])
    field, size, first = (int(word) for word in sys.argv[2:5])
    data = bytearray(path.read_bytes())
    offset, count = pieces_of(data)
    last = int(sys.argv[5]) if len(sys.argv) > 5 else first
    for piece in range(first, min(last, count - 1) + 1):
        at = offset + PIECE_BYTES * piece + field
        value = int.from_bytes(data[at:at + size], "little") + 1
        data[at:at + size] = (value % (1 << 8 * size)).to_bytes(size, "little")
    path.write_bytes(data)


main()
