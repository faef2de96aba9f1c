#!/usr/bin/env python3
"""Checks the golden vectors as another program would, from FORMAT.md alone: hashes, signatures, sealing.

Needs Python's `cryptography`. Shares no code with the node.
"""
import hashlib
import json
import os
import struct
import sys
import zlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20


def blake(data, size=32, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha, section 2.2."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))
    rotate = lambda x, n: ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            state[z] = rotate(state[z] ^ state[x], n)

    for _ in range(10):
        for indexes in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                        (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*indexes)
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha20(key, nonce, data):
    """The stream from its block 0 on."""
    return Cipher(ChaCha20(hchacha20(key, nonce[:16]), bytes(8) + nonce[16:]), mode=None).encryptor().update(data)


def sealing_tag(key, place, plain):
    return blake(struct.pack(">I", len(place)) + place + plain, 16, blake(b"renkei seal tag 2\0", key=key))


def sealing_stream(key, tag, data):
    return xchacha20(blake(b"renkei seal stream 2\0", key=key), tag + b"renkei 2", data)


def open_sealed(key, place, sealed):
    data, tag = sealed[:-16], sealed[-16:]
    plain = sealing_stream(key, tag, data)
    assert sealing_tag(key, place, plain) == tag
    return plain


def seal(key, place, plain):
    tag = sealing_tag(key, place, plain)
    return sealing_stream(key, tag, plain) + tag


class Reader:
    def __init__(self, data):
        self.data, self.offset = data, 0

    def take(self, count):
        assert self.offset + count <= len(self.data)
        self.offset += count
        return self.data[self.offset - count:self.offset]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value


def read_clock(reader, mentioned):
    head, advances, position = reader.varint(), [], 0
    for _ in range(head >> 1):
        token = reader.varint()
        position += token >> 3
        step = (token & 7) + 1
        if token & 7 == 7:
            step += reader.varint()
        mentioned[position][1] += step
        advances.append(list(mentioned[position]))
        position += 1
    if head & 1:
        for _ in range(reader.varint()):
            dot = [reader.varint(), reader.varint()]
            mentioned.append(list(dot))
            advances.append(dot)
    return advances


def unpacked(plain, is_packed):
    if not is_packed:
        return plain
    reader = Reader(plain)
    length = reader.varint()
    rest = reader.take(len(plain) - reader.offset)
    content = zlib.decompress(rest) if length else rest
    assert not length or len(content) == length
    return content


def main():
    path = os.path.join(os.path.dirname(__file__), "../../Tests/Core/CoreTests/Vectors/changeset.json")
    with open(path) as file:
        vector = json.load(file)
    federation, key = bytes.fromhex(vector["federation"]), bytes.fromhex(vector["nodeKey"])
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["nodeSeed"]))
    public = Ed25519PublicKey.from_public_bytes(key)
    previous, milliseconds, clock, control = bytes(32), 0, [], []
    for entry in vector["entries"]:
        data = bytes.fromhex(entry["bytes"])
        unsigned, signature = data[:-64], data[-64:]
        context = (federation + key + struct.pack(">IBQ", vector["author"], vector["lane"], entry["sequence"]) + previous)
        content = blake(b"renkei change set 2" + context + blake(b"renkei body 2" + unsigned))
        assert content.hex() == entry["contentHash"]
        public.verify(signature, content)
        assert private.sign(content) == signature
        assert previous.hex() == entry["previousHash"]

        reader = Reader(unsigned)
        version = reader.take(1)[0]
        assert version & 0xF0 == 0x20
        milliseconds += reader.varint()
        logical = reader.varint()
        assert (milliseconds, logical) == (entry["timeMilliseconds"], entry["timeLogical"])
        assert read_clock(reader, clock) == entry["clock"]
        assert (read_clock(reader, control) if version & 1 else []) == entry["control"]
        branches = {str(reader.varint()): reader.take(32).hex() for _ in range(reader.varint())} if version & 4 else {}
        assert branches == entry["branches"]
        assert reader.varint() == 1
        header = unsigned[:reader.offset]
        assert reader.varint() == vector["audienceKeyID"]
        sealed = reader.take(reader.varint())
        assert reader.offset == len(unsigned)
        place = context + header + b"\0" + struct.pack(">I", vector["audienceKeyID"])
        plain = open_sealed(bytes.fromhex(vector["audienceKey"]), place, sealed)
        assert unpacked(plain, version & 8).hex() == entry["plainSection"]
        assert seal(bytes.fromhex(vector["audienceKey"]), place, plain) == sealed
        previous = blake(b"renkei chain 2" + content + signature)
        assert previous.hex() == entry["chainHash"]
    print(f"vectors: {len(vector['entries'])} change sets hold")


if __name__ == "__main__":
    sys.exit(main())
