"""Mail server logs: one module per server, and what they share (lines, JSON lines, tables)."""
