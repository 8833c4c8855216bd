"""Know why mail bounced, and do the right thing about it."""

__version__ = "0.1.0"
