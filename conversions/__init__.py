"""Order conversions for Google and Meta: hashed, sent once, and accounted for."""

__version__ = "0.2.0"
