"""Pictures that show the same: found by perceptual hashes, among a hundred thousand in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

NEAR = 6
"""Bits of 64 in which two hashes may differ and count as near. Measured on SICE: of the pairs of different exposures of
one scene 72 % are that near, of 135,103 pairs of different scenes none (the nearest differ in more than 10 bits)."""
FLAT = 2 / 255
"""Standard deviation of luma below which a picture shows nothing that a hash could hold."""
Hashes = NDArray[np.uint64]
Places = NDArray[np.intp]


def fingerprint(picture: NDArray[np.float32]) -> int:
    """The perceptual hash of a picture (sRGB `h w 3`, small), or 0 if it is flat; another exposure changes few bits.

    64 bits: whether each of the 8 x 8 lowest frequencies is above their median (imagehash's `phash`), of luma that is
    stretched over the whole range first, so that a dark picture has as many steps as a bright one.
    """
    try:
        import imagehash
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError("Looking for near-duplicates", "train") from error
    from scotopic.metrics import luma

    grey = luma(picture)
    if float(grey.std()) < FLAT:
        return 0
    low, high = np.quantile(grey, [0.01, 0.99])
    stretched = np.clip((grey - low) / max(float(high - low), 1e-6), 0, 1)
    bits = imagehash.phash(Image.fromarray(np.round(stretched * 255).astype(np.uint8))).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def nearest(hashes: Hashes, among: Hashes, most: int = NEAR) -> tuple[Places, Places]:
    """For each of `hashes` the index of the nearest `among` them (-1: none is near), and how many bits differ.

    >>> place, bits = nearest(np.array([0b1011, 2**40 - 1], np.uint64), np.array([0b0100, 0b1010], np.uint64))
    >>> place.tolist(), bits.tolist()
    ([1, -1], [1, 64])
    """
    ours, inverse = np.unique(hashes, return_inverse=True)
    theirs, first = np.unique(among, return_index=True)
    place, bits = np.full(len(ours), -1), np.full(len(ours), 64)
    for one, other, apart in near_pairs(np.concatenate([ours, theirs]), most):
        across = (one < len(ours)) != (other < len(ours))
        mine, its, apart = np.minimum(one, other)[across], np.maximum(one, other)[across] - len(ours), apart[across]
        order = np.argsort(-apart, kind="stable")  # of several assignments to one place the last stays: the nearest
        mine, its, apart = mine[order], its[order], apart[order]
        nearer = apart < bits[mine]
        place[mine[nearer]], bits[mine[nearer]] = first[its[nearer]], apart[nearer]
    return place[inverse], bits[inverse]


def alike(hashes: Hashes, most: int = NEAR) -> Places:
    """A group number for each hash: those that differ by at most `most` bits are of one group, and so are their kin.

    >>> alike(np.array([0b1, 0b11, 2**63 - 1, 0b1], np.uint64)).tolist()
    [0, 0, 2, 0]
    """
    different, inverse = np.unique(hashes, return_inverse=True)
    first = np.arange(len(different))

    def find(i: int) -> int:
        while first[i] != i:
            first[i] = first[first[i]]
            i = first[i]
        return i

    for one, other, _ in near_pairs(different, most):
        for i, j in zip(one.tolist(), other.tolist(), strict=True):
            low, high = sorted((find(i), find(j)))
            first[high] = low
    return np.array([find(i) for i in range(len(different))], np.intp)[inverse]


def near_pairs(hashes: Hashes, most: int = NEAR) -> Iterator[tuple[Places, Places, Places]]:
    """The indices of pairs that differ by at most `most` bits, and by how many; some pairs come several times.

    Of `most` + 1 pieces of the bits, such hashes share one: only those that share it are compared, which of real
    pictures are 3 % of all pairs.
    """
    ends = np.linspace(0, 64, most + 2).astype(int).tolist()
    for start, end in pairwise(ends):
        piece = hashes >> np.uint64(start) & np.uint64(2 ** (end - start) - 1)
        order = np.argsort(piece, kind="stable")
        in_order, piece = hashes[order], piece[order]
        last = np.searchsorted(piece, piece, side="right")
        here, step = np.arange(len(hashes)), 1
        while len(here := here[here + step < last[here]]):
            apart = count_bits(in_order[here] ^ in_order[here + step])
            near = apart <= most
            if near.any():
                yield order[here[near]], order[here[near] + step], apart[near]
            step += 1


def count_bits(words: Hashes) -> Places:
    """How many bits of each 64-bit word are set; numpy before 2.0 has no function for it.

    >>> count_bits(np.array([0, 0b1011, 2**64 - 1], np.uint64)).tolist()
    [0, 3, 64]
    """
    if hasattr(np, "bitwise_count"):
        return np.asarray(np.bitwise_count(words), np.intp)
    bits = np.unpackbits(np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8), axis=1)
    return np.asarray(bits.sum(axis=1), np.intp)
