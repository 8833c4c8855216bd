"""From paths and bytes to judged findings: formats, archives, worker processes."""
