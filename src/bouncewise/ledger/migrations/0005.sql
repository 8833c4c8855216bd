-- From schema 4: columns that incidents are counted by, so that no query names an advice or a cause; the field's words.

ALTER TABLE event ADD COLUMN bearing TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN directory TEXT NOT NULL DEFAULT '';
DROP INDEX event_dead;
DROP INDEX event_of_us;
-- python: event_columns
CREATE INDEX event_address_refused ON event (at) WHERE bearing = 'address';
CREATE INDEX event_sender_refused ON event (at) WHERE bearing = 'sender';

ALTER TABLE traffic RENAME COLUMN unit TO destination;
ALTER TABLE incident RENAME COLUMN unit TO destination;
ALTER TABLE incident RENAME COLUMN flipped TO newly_refused;
ALTER TABLE incident RENAME COLUMN usual TO baseline_rate;
ALTER TABLE ruling RENAME COLUMN unit TO destination;

DROP TRIGGER state_came;
DROP TRIGGER state_went;
ALTER TABLE moved RENAME TO state_change;

UPDATE meta SET name = 'observed' WHERE name = 'heard';
UPDATE meta SET name = 'unexamined' WHERE name = 'touched';
INSERT INTO meta (name, value) SELECT 'first_delivery', CAST(min(first) AS TEXT) FROM delivery HAVING count(*) > 0;
