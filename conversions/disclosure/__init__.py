"""The disclosure policy, the schema of events, and the gate that checks each request before it leaves."""
