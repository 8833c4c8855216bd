-- Who did what, when and why. Of acts under schema 11 there are no rows.
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  by TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  names INTEGER NOT NULL,
  why TEXT NOT NULL,
  effective INTEGER NOT NULL,
  number INTEGER NOT NULL
);
