"""How likely a count or an amount is in this shop; pure functions of figures without persons."""
