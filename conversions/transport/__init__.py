"""HTTP, and the clock of the other side."""
