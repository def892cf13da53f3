"""Verification: the log, the rows of the store and the sent bytes must agree."""
