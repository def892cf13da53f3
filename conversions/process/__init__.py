"""The operating-system process: signals, memory, durable files."""
