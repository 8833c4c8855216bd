-- Figures of receivers about our addresses and domains: Microsoft SNDS, Gmail Postmaster Tools.
CREATE TABLE signal (
  origin TEXT NOT NULL,
  subject TEXT NOT NULL,
  name TEXT NOT NULL,
  day INTEGER NOT NULL,
  value DOUBLE PRECISION,
  words TEXT NOT NULL,
  batch INTEGER NOT NULL,
  PRIMARY KEY (origin, subject, name, day)
) WITHOUT ROWID;
