-- From schema 10: which imports list an imported suppression, so that one can be undone. Of earlier imports it is not known.
ALTER TABLE act ADD COLUMN imports TEXT NOT NULL DEFAULT '';
