"""The platform's own totals beside the log's: what only somebody outside the program can count."""
