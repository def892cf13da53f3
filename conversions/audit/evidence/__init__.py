"""Evidence for auditors: exports, and bundles that contain their own verifier."""
