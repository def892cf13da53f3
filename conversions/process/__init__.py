"""The process itself: signals and memory."""
