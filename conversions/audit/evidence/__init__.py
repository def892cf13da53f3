"""Evidence for somebody else: exports, and bundles with a verifier of their own."""
