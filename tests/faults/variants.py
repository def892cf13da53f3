"""The program broken on purpose, once in each promise: what the oracle must notice. Only ever applied in a fork."""
VARIANTS = {}
