"""Pure functions named after the RFCs that they implement, without rules, readers or policy."""
