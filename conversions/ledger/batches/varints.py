"""Unsigned integers of variable length: seven bits a byte, the lowest first, the high bit where more follow (LEB128).

The format is that of the DWARF Debugging Information Format, version 5 (2017), 7.6.
"""

from collections.abc import Iterable
from itertools import accumulate, pairwise


def pack(numbers: Iterable[int]) -> bytes:
    """Return *numbers*, none below zero, as bytes."""
    packed = bytearray()
    for number in numbers:
        rest = number
        while rest > 0x7F:
            packed.append(rest & 0x7F | 0x80)
            rest >>= 7
        packed.append(rest)
    return bytes(packed)


def unpack(packed: bytes) -> list[int]:
    """Return the numbers of *packed*. Raises ValueError where the last one is cut."""
    numbers, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    if shift:
        raise ValueError("the last number is cut")
    return numbers


def pack_signed(numbers: Iterable[int]) -> bytes:
    """Return *numbers* as bytes; those below zero are the odd ones (zigzag)."""
    return pack(n << 1 if n >= 0 else (-n << 1) - 1 for n in numbers)


def unpack_signed(packed: bytes) -> list[int]:
    """Return the numbers that ``pack_signed`` has packed."""
    return [n >> 1 if n % 2 == 0 else -(n + 1 >> 1) for n in unpack(packed)]


def pack_steps(numbers: list[int]) -> bytes:
    """Return *numbers* as the steps from each to the next, which are small where they rise together."""
    return pack_signed(b - a for a, b in pairwise([0, *numbers]))


def unpack_steps(packed: bytes) -> list[int]:
    """Return the numbers that ``pack_steps`` has packed."""
    return list(accumulate(unpack_signed(packed)))
