"""Writes the seeds of the fuzz harnesses that are no text: tests/fuzz/seeds. Run from the repository root.

Usage: scripts/golden/fuzz_seeds.py CHECKPOINT
CHECKPOINT is a last.safetensors of a small training with callbacks; its checksum is left out of the seed, so that a
mutated byte is not answered by the checksum alone.
"""
import gzip
import io
import json
import pathlib
import struct
import sys
import zlib

SEEDS = pathlib.Path("tests/fuzz/seeds")


def write(harness, name, data):
    folder = SEEDS / harness
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


# ---- pictures ----

def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, color, interlace=0, extra=b""):
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    row = (width * channels * depth + 7) // 8
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b""
    if interlace:
        for x, y, dx, dy in passes:
            w, h = (width - x + dx - 1) // dx, (height - y + dy - 1) // dy
            if w > 0 and h > 0:
                rows += b"".join(bytes([i % 5]) + bytes((w * channels * depth + 7) // 8) for i in range(h))
    else:
        rows = b"".join(bytes([i % 5]) + bytes((7 * k + i) % 256 for k in range(row)) for i in range(height))
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + extra + png_chunk(b"IDAT", zlib.compress(rows)) +
            png_chunk(b"IEND", b""))


def bmp(width, height, bits, compression=0, header=40, masks=b"", palette=0):
    row = (width * bits + 31) // 32 * 4
    info = struct.pack("<IiiHHIIiiII", header, width, height, 1, bits, compression, 0, 0, 0, palette, 0)
    info += masks + bytes(max(0, header - 40 - len(masks)))
    colors = bytes(range(4 * palette))
    offset = 14 + len(info) + len(colors)
    pixels = bytes(i % 256 for i in range(row * abs(height)))
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + colors + pixels


def pictures():
    for color, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 4: (8,), 6: (8, 16)}.items():
        for depth in depths:
            write("image", f"png_{color}_{depth}", png(5, 4, depth, color))
    palette = png_chunk(b"PLTE", bytes(range(12)))
    write("image", "png_palette", png(5, 4, 2, 3, extra=palette))
    write("image", "png_palette_alpha", png(5, 4, 2, 3, extra=palette + png_chunk(b"tRNS", b"\1\2\3")))
    write("image", "png_key", png(5, 4, 8, 2, extra=png_chunk(b"tRNS", bytes(6))))
    write("image", "png_interlaced", png(9, 9, 8, 2, interlace=1))
    write("image", "bmp_1", bmp(9, 3, 1, palette=2))
    write("image", "bmp_4", bmp(9, 3, 4, palette=16))
    write("image", "bmp_8", bmp(5, 3, 8, palette=4))
    write("image", "bmp_16", bmp(5, 3, 16))
    write("image", "bmp_24", bmp(5, -3, 24))
    write("image", "bmp_32", bmp(5, 3, 32))
    write("image", "bmp_masks", bmp(5, 3, 32, 3, masks=struct.pack("<III", 0xff0000, 0xff00, 0xff)))
    write("image", "bmp_v5", bmp(5, 3, 32, 3, header=124, masks=struct.pack("<IIII", 0xff0000, 0xff00, 0xff, 0xff << 24)))
    write("image", "gif", b"GIF89a\2\0\2\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\2\0\2\0\0\2\2\x8c\x53\0;")


# ---- arrays ----

def matrix(name, kind, mx_class, sizes, data, packed):
    def part(code, payload):
        return struct.pack("<II", code, len(payload)) + payload + bytes(-len(payload) % 8)
    body = (part(6, struct.pack("<II", mx_class, 0)) + part(5, struct.pack(f"<{len(sizes)}i", *sizes)) +
            part(1, name) + part(kind, data))
    element = struct.pack("<II", 14, len(body)) + body
    if not packed:
        return element
    element = zlib.compress(element)
    return struct.pack("<II", 15, len(element)) + element


def mat(packed, labels=(9, 6, b"\0" * 6 + b"\xf0\x3f")):
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM"
    pixels = bytes(range(24))
    kind, mx_class, one = labels
    return (header + matrix(b"X", 2, 9, (2, 2, 3, 2), pixels, packed) +
            matrix(b"y", kind, mx_class, (2, 1), one * 2, packed))


def npy(descr, shape, data, version=1):
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def arrays():
    write("mat", "plain", mat(False))
    write("mat", "packed", mat(True))
    write("mat", "bytes", mat(False, (2, 9, b"\1")))
    write("mat", "wide", mat(False, (12, 14, b"\1" + b"\0" * 7)))
    write("mat", "short_numbers", mat(False, (2, 6, b"\1")))
    images = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2]) + bytes(range(12))
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 2])
    for choice, data in ((b"\0", images), (b"\1", labels)):
        write("idx", f"plain_{choice[0]}", choice + data)
        write("idx", f"packed_{choice[0]}", choice + gzip.compress(data, mtime=0))
    write("npy", "u1", b"\0" + npy("|u1", (3, 2, 2), bytes(range(12))))
    write("npy", "u1_color", b"\0" + npy("|u1", (3, 2, 2, 1), bytes(range(12)), 2))
    write("npy", "f4", b"\0" + npy("<f4", (3, 1, 1), struct.pack("<3f", 0, 0.5, 1)))
    for descr in ("|u1", "<i2", "<u4", "<i8"):
        width = int(descr[2])
        write("npy", f"labels_{descr[1:]}", b"\1" + npy(descr, (3,), (b"\2" + bytes(width - 1)) * 3))
    for choice in range(3):
        write("cifar", f"record_{choice}", bytes([choice]) + bytes([1] * (1 if choice == 0 else 2)) + bytes(3072))


# ---- checkpoints ----

def safetensors(header, data):
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def small_safetensors():
    sizes = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4,
             "U64": 8, "I64": 8, "F64": 8}
    header, at = {"__metadata__": {"a": "b"}}, 0
    for dtype, size in sizes.items():
        header["t" + dtype] = {"dtype": dtype, "shape": [2], "data_offsets": [at, at + 2 * size]}
        at += 2 * size
    write("safetensors", "types", safetensors(header, bytes(range(at))))
    header = {"s": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
              "e": {"dtype": "F32", "shape": [0, 3], "data_offsets": [4, 4]}}
    write("safetensors", "scalar_and_empty", safetensors(header, bytes(4)))


def checkpoint(path):
    data = pathlib.Path(path).read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    metadata = header["__metadata__"]
    for key in ("checksum", "writer"):
        metadata.pop(key)
    write("checkpoint", "small", safetensors(header, data[8 + length:]))
    write("safetensors", "checkpoint", data)
    write("training", "callbacks", metadata["training"].encode())
    facts = {"input_shape": [8, 8, 2], "classes": 3, "class_names": ["a", "b", "c"], "scale": 0.25, "mean": [0, 1],
             "std": [1, 2]}
    write("facts", "named", json.dumps(facts).encode())


pictures()
arrays()
small_safetensors()
checkpoint(sys.argv[1])
