"""A set of order numbers in a fixed amount of memory."""

BITS = 26
"""Bits of an address: 8 MiB."""


class NumberSet:
    """A Bloom filter: it has every number that was added, and takes a few others for added.

    With a million numbers, it does so once in a thousand.
    """

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(1 << BITS - 3)

    def add(self, number: str) -> bool:
        """Return whether *number* is new."""
        new = False
        for place in _places(number):
            byte, bit = place >> 3, 1 << (place & 7)
            new = new or not self._bits[byte] & bit
            self._bits[byte] |= bit
        return new

    def __contains__(self, number: str) -> bool:
        return all(self._bits[place >> 3] & 1 << (place & 7) for place in _places(number))


def _places(number: str) -> tuple[int, int]:
    value, mask = hash(number), (1 << BITS) - 1
    return value & mask, value >> BITS & mask
