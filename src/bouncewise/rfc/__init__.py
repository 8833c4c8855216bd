"""Pure functions named after the RFCs they read. Nothing here knows of rules, readers or policy."""
