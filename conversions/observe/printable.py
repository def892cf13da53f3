"""Text from outside (file names, order numbers, answers), escaped so that it cannot control a terminal."""


def printable(text: str, keep: str = "") -> str:
    """Return *text* with control characters, marks of direction and the like escaped, except those in *keep*."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)
