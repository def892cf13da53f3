"""What a person orders: decisions, and facts that the store is to adopt."""
