"""Mail server logs: one module per server, and the three forms that they share (lines, JSON lines, tables)."""
