"""What several tests need: log lines, worlds of events."""
