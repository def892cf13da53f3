"""What may leave: the policy, the schema of events, and the gate before the wire."""
