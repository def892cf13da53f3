"""What left the company, attempt by attempt."""
