#!/usr/bin/env python3
"""Checks the golden vectors as another program would, from FORMAT.md alone: hashes, signatures, nonces, sealing.

Needs Python's `cryptography`. Shares no code with the node.
"""
import hashlib
import json
import os
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def blake(data, size=32):
    return hashlib.blake2b(data, digest_size=size).digest()


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


def open_sealed(key, nonce, sealed):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).decrypt(bytes(4) + nonce[16:], sealed, None)


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
        content = blake(b"renkei change set 2" + context + blake(b"renkei body 1" + unsigned))
        assert content.hex() == entry["contentHash"]
        public.verify(signature, content)
        assert private.sign(content) == signature
        assert previous.hex() == entry["previousHash"]

        reader = Reader(unsigned)
        version = reader.take(1)[0]
        assert version >> 4 == 1
        milliseconds += reader.varint()
        logical = reader.varint()
        assert (milliseconds, logical) == (entry["timeMilliseconds"], entry["timeLogical"])
        assert read_clock(reader, clock) == entry["clock"]
        assert (read_clock(reader, control) if version & 1 else []) == entry["control"]
        assert reader.varint() == 1
        header = unsigned[:reader.offset]
        assert reader.varint() == vector["audienceKeyID"]
        sealed = reader.take(reader.varint())
        assert reader.offset == len(unsigned)
        nonce = blake(b"renkei nonce 1" + context + struct.pack(">Q", milliseconds << 16 | logical) + header + b"\0", 24)
        assert nonce.hex() == entry["nonce"]
        assert open_sealed(bytes.fromhex(vector["audienceKey"]), nonce, sealed).hex() == entry["plainSection"]
        previous = blake(b"renkei chain 1" + content + signature)
        assert previous.hex() == entry["chainHash"]
    print(f"vectors: {len(vector['entries'])} change sets hold")


if __name__ == "__main__":
    sys.exit(main())
