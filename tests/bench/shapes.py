# SPDX-License-Identifier: MIT
"""The heaps that are measured: how to make them, how large, and what they may cost.

    n        what bench_dump is given: small (the default) and full
    bound    ns of user time per link, as a multiple of that of the mix with about as many links; None: nothing to compare with
"""
import gzip
import os
import subprocess
import zlib

SHAPES = {
    #  name        shape        small       full         bound
    "mix": ("mix", 80_000, 1_600_000, None),
    "chain": ("chain", 2_000_000, 50_000_000, 1.5),
    "links": ("links", 1_000_000, 10_000_000, 2.5),
    "chains": ("chains", 1_000_000, 8_000_000, 1.5),
    "star": ("star", 2_000_000, 10_000_000, 1.5),
    "array": ("array", 4_000_000, 100_000_000, 1.5),
    "roots": ("roots", 1_000_000, 10_000_000, 6.0),
    "instances": ("instances", 1_000_000, 20_000_000, 1.5),
    "locals": ("locals", 500_000, 1_000_000, 10.0),
    "threads": ("threads", 50_000, 100_000, 40.0),
    "arrays": ("arrays", 2_000, 20_000, 2.5),  # finds its few scattered objects by bisection: computes where the mix waits for memory
    "zgc": ("zgc", 80_000, 1_600_000, 3.0),
    "mix4": ("mix4", 80_000, 1_600_000, 1.5),
    "gzip": ("mix", 80_000, 1_600_000, None),
    "gzip-chunked": ("mix", 80_000, 1_600_000, 2.0),
}

# Units of the mix: 19 objects and 29 references each. Growth is from 1 M to 64 M objects.
UNIT_LINKS = 48
GROWTH = {"small": [53_000, 210_000], "full": [53_000, 210_000, 842_000, 3_370_000]}
GROWTH_BOUND = 1.5
MEMBER_BYTES = 1 << 20


def compress(plain, path, chunked):
    """As `gzip` does, or in members of 1 MiB each, as jcmd GC.heap_dump -gz=1 does."""
    with open(plain, "rb") as source, open(path, "wb") as out:
        if not chunked:
            with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1, mtime=0) as packed:
                while block := source.read(MEMBER_BYTES):
                    packed.write(block)
            return
        first = True
        while block := source.read(MEMBER_BYTES):
            deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
            comment = b"HPROF BLOCKSIZE=%d\0" % MEMBER_BYTES if first else b""
            out.write(b"\x1f\x8b\x08" + (b"\x10" if first else b"\0") + b"\0\0\0\0\0\xff" + comment)
            out.write(deflate.compress(block) + deflate.flush())
            out.write(zlib.crc32(block).to_bytes(4, "little") + (len(block) & 0xFFFFFFFF).to_bytes(4, "little"))
            first = False


def make(generator, name, n, folder):
    """The dump of a shape in the folder; its path."""
    path = os.path.join(folder, f"{name}-{n}.hprof")
    subprocess.run([str(generator), SHAPES[name][0], path, str(n)], check=True)
    if name.startswith("gzip"):
        compress(path, path + ".gz", name == "gzip-chunked")
        os.unlink(path)
        path += ".gz"
    return path
