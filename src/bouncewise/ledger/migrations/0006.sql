-- From schema 5: provenance and trust of events, the mails that own logs recorded, hosts that only pass mail on, streams, and
-- Decisions by evidence, acts and wishes apart. No address becomes mailable: what evidence decided is carried over.

ALTER TABLE event ADD COLUMN channel TEXT NOT NULL DEFAULT 'log';
ALTER TABLE event ADD COLUMN proof TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN trust TEXT NOT NULL DEFAULT 'own';
ALTER TABLE event ADD COLUMN meant INTEGER NOT NULL DEFAULT 1;
ALTER TABLE event ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN undated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN message INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN queue INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN sent INTEGER;
ALTER TABLE event ADD COLUMN mailed INTEGER;
ALTER TABLE event ADD COLUMN arrived INTEGER;
ALTER TABLE event ADD COLUMN good_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN mailing INTEGER NOT NULL DEFAULT 0;
-- python: inherited_trust
-- python: bounded_times
UPDATE event SET good_before = at;
DROP INDEX event_sender_refused;
CREATE INDEX event_sender_refused ON event (at) WHERE bearing IN ('sender', 'sender-claim');
CREATE INDEX event_domain_refused ON event (at) WHERE bearing = 'domain';
CREATE INDEX event_claim ON event (at) WHERE trust = 'claimed';
CREATE INDEX event_claim_arrived ON event (arrived) WHERE trust = 'claimed';
CREATE INDEX event_message ON event (message) WHERE message != 0 AND channel != 'log';
CREATE INDEX event_queue ON event (queue) WHERE queue != 0 AND channel != 'log';

CREATE TABLE delivery_6 (
  address INTEGER NOT NULL,
  day INTEGER NOT NULL,
  mailing INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  relay INTEGER NOT NULL,
  PRIMARY KEY (address, day, mailing)
) WITHOUT ROWID;
INSERT INTO delivery_6 (address, day, mailing, first, last, receiver, relay)
SELECT address, day, 0, first, last, receiver, 0 FROM delivery ORDER BY address, day;
DROP TABLE delivery;
ALTER TABLE delivery_6 RENAME TO delivery;

CREATE TABLE mailing (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, campaign TEXT NOT NULL);
CREATE TABLE sent (
  day INTEGER NOT NULL,
  mailing INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  addresses INTEGER NOT NULL,
  PRIMARY KEY (day, mailing, receiver)
) WITHOUT ROWID;
CREATE TABLE message (id INTEGER PRIMARY KEY, address INTEGER NOT NULL, accepted INTEGER NOT NULL);
CREATE TABLE coverage (source TEXT NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY (source, hour)) WITHOUT ROWID;
CREATE TABLE relay (
  host INTEGER NOT NULL,
  domain INTEGER NOT NULL,
  first INTEGER NOT NULL,
  PRIMARY KEY (host, domain)
) WITHOUT ROWID;
CREATE TABLE relay_host (host INTEGER PRIMARY KEY, name TEXT NOT NULL, domains INTEGER NOT NULL);
CREATE TABLE claim_day (day INTEGER PRIMARY KEY, claims INTEGER NOT NULL);

CREATE TABLE carried (
  address INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  state TEXT NOT NULL,
  cause TEXT,
  since INTEGER NOT NULL,
  until INTEGER,
  why TEXT NOT NULL,
  rule TEXT NOT NULL
);
-- After all evidence, so that a later sign of life ends it as it would have ended the Decision.
INSERT INTO carried (address, at, state, cause, since, until, why, rule)
SELECT address, 1 + coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'latest'), 0),
  state, cause, since, until, why, rule
FROM state WHERE by = '' AND rule NOT IN ('complaint', 'unsubscribe');

CREATE TABLE act_6 (
  id INTEGER PRIMARY KEY,
  address INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT,
  scope TEXT NOT NULL,
  until INTEGER,
  why TEXT NOT NULL,
  by TEXT NOT NULL,
  stream TEXT NOT NULL DEFAULT '',
  UNIQUE (address, at, kind, scope, stream, by, why)
);
INSERT INTO act_6 (id, address, at, kind, cause, scope, until, why, by)
SELECT id, address, at, kind, cause, scope, until, why, by FROM act;
DROP TABLE act;
ALTER TABLE act_6 RENAME TO act;

CREATE TABLE state_6 (
  address INTEGER NOT NULL,
  basis TEXT NOT NULL,
  scope TEXT NOT NULL,
  stream TEXT NOT NULL,
  state TEXT NOT NULL,
  cause TEXT,
  since INTEGER NOT NULL,
  until INTEGER,
  why TEXT NOT NULL,
  rule TEXT NOT NULL,
  by TEXT NOT NULL,
  trust TEXT NOT NULL,
  PRIMARY KEY (address, basis, scope, stream)
) WITHOUT ROWID;
INSERT INTO state_6 (address, basis, scope, stream, state, cause, since, until, why, rule, by, trust)
SELECT address,
  CASE WHEN by != '' THEN 'act' WHEN rule IN ('complaint', 'unsubscribe') THEN 'wish' ELSE 'evidence' END,
  scope, '', state, cause, since, until, why, rule, by, 'own'
FROM state;
DROP TABLE state;
ALTER TABLE state_6 RENAME TO state;

-- What follows from the evidence by the rules of today is derived when it is asked for, and stored by the next ingest.
INSERT INTO pending (address) SELECT id FROM address WHERE true ON CONFLICT (address) DO NOTHING;
