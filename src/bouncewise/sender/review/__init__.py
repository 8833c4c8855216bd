"""The content of a mailing before it is sent: checks that need no network."""
