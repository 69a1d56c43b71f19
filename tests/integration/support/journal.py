"""Looks into journal files (docs/DURABILITY.md), to find the place for a wound."""
import os
import struct

HEADER_SIZE = 4096
FRAME_HEADER = struct.Struct('<4sIQQQQQQII')


def segments(data):
    folder = os.path.join(data, 'journal')
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith('.ohj'))


def snapshots(data):
    folder = os.path.join(data, 'snapshot')
    if not os.path.isdir(folder):
        return []
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith('.ohs'))


def frames(path):
    """[(offset, size, record_count, first_seq, last_seq)] of the frames in a segment, proofs (0 records) included."""
    found = []
    with open(path, 'rb') as file:
        file.seek(64)
        align = struct.unpack('<I', file.read(4))[0]
        offset = HEADER_SIZE
        while True:
            file.seek(offset)
            head = file.read(FRAME_HEADER.size)
            if len(head) < FRAME_HEADER.size or head[:4] != b'OHFR':
                return found
            _, count, _, _, first, last, _, _, size, _ = FRAME_HEADER.unpack(head)
            whole = (FRAME_HEADER.size + size + align - 1) // align * align
            found.append((offset, FRAME_HEADER.size + size, count, first, last))
            offset += whole


def newest_segment_with_frames(data):
    return [path for path in segments(data) if frames(path)][-1]


def overwrite(path, offset, data):
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(data)


def flip(path, offset):
    with open(path, 'r+b') as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 0x40]))
