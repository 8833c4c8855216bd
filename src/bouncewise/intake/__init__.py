"""Intake: from paths to findings with verdicts. Formats, archives, worker processes."""
