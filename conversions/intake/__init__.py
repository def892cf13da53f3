"""All raw personal data, and nothing else: from the shop's rows to orders without an address."""
