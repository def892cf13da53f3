"""Why a bundle is not accepted."""


class Refused(Exception):
    """The bundle is not what it claims to be; the text says in which way."""


def require(holds: bool, otherwise: str) -> None:
    """Raise Refused with the sentence *otherwise* where a condition does not hold."""
    if not holds:
        raise Refused(otherwise)
