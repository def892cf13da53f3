"""Whether a value has a shape, for the tests of the schema and of the gate."""

from conversions.disclosure.schema import validator


def fits(shape: str, value: object) -> bool:
    try:
        return bool(validator(shape)(value))
    except TypeError:
        return False
