"""HTTP requests, and the platforms' clocks."""
