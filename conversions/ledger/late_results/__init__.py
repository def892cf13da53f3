"""What platforms say after they received a request: the state of each order, match rates, warnings."""
