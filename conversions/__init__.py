"""Order conversions for Google and Meta: hashed, once, accounted for."""

__version__ = "0.2.0"
