"""One run, step by step: the request, reading and staging, plan, workers, report."""
