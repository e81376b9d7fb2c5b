# SPDX-License-Identifier: MIT
# Records and sub-records that the format does not have.
. "$TOP/tests/cli/damage/chain.inc"
with 3537 'b"\x77" + bytes(4) + struct.pack(">I", 50) + b"x" * 50' < chain.hprof > record-before-the-heap.hprof
nodes record-before-the-heap.hprof
with 25518 'b"\x77" + bytes(4) + struct.pack(">I", 50) + b"x" * 50' < chain.hprof > record-within-the-heap.hprof
nodes record-within-the-heap.hprof
with 3537 'b"\x1c" + bytes(8)' < chain.hprof > empty-segment.hprof
nodes empty-segment.hprof
with 25518 'b"\x1c" + bytes(4) + struct.pack(">I", 22) + b"\x3f" + b"abc" * 7' < chain.hprof > sub-record.hprof
nodes sub-record.hprof
with 25527 'b"\x3f" + b"abc" * 7' < chain.hprof | without 25523 4 | with 25523 'struct.pack(">I", 1998 + 22)' > sub-record-in-front.hprof
nodes sub-record-in-front.hprof
with 25518 'b"\x1c" + bytes(4) + struct.pack(">I", 22) + b"\x23" + bytes(7) + b"\x08" + bytes(3) + b"\x01" + bytes(4) + b"\x0c" + bytes(4)' \
    < chain.hprof > element-type-12.hprof
nodes element-type-12.hprof
