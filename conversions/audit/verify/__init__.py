"""Whether the log, the rows and the bytes agree."""
