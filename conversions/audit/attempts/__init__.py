"""The attempts to send, one by one."""
