"""Late results of received requests: the final state of each order, match counts, quality scores."""
