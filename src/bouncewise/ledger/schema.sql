-- The ledger of bouncewise, SQLite. Times are microseconds since 1970 in UTC.
-- Evidence (block, event, delivery, act, ruling) is only ever added to; state is derived from it and can be derived again.
-- An event's cause, advice, rule, words and receiver are those of the rules that judged last; its block keeps the first.
-- An address is known by the first 64 bits of a BLAKE2b hash of its normal form; "@example.org" stands for a domain.

CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- One run of ingest over one source, with the rules that judged it; or one replay, with those that judged everything anew.
CREATE TABLE batch (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  rules TEXT NOT NULL,
  version TEXT NOT NULL,
  started INTEGER NOT NULL
);

-- Sources read to their end; unchanged ones are not read again.
CREATE TABLE done (fingerprint BLOB PRIMARY KEY, path TEXT NOT NULL, batch INTEGER NOT NULL) WITHOUT ROWID;

-- domain: the id of its "@domain"; 0 for such names themselves.
CREATE TABLE address (id INTEGER PRIMARY KEY, name TEXT NOT NULL, domain INTEGER NOT NULL);
CREATE INDEX address_domain ON address (domain) WHERE domain != 0;

-- Raw evidence with the report made of it: zstd over a msgpack array of [report, raw, verdict].
CREATE TABLE block (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, data BLOB NOT NULL);

CREATE TABLE event (
  address INTEGER NOT NULL,
  at INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT,
  advice TEXT,
  rule TEXT NOT NULL,
  words TEXT NOT NULL,
  receiver TEXT NOT NULL,
  block INTEGER NOT NULL,
  item INTEGER NOT NULL,
  PRIMARY KEY (address, at, digest)
) WITHOUT ROWID;

-- Deliveries are many and all alike: the first and the last of each day say all that policy asks. receiver: of the first.
CREATE TABLE delivery (
  address INTEGER NOT NULL,
  day INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  PRIMARY KEY (address, day)
) WITHOUT ROWID;

-- Refusals as dead, by time: few, and asked for by incidents.
CREATE INDEX event_dead ON event (at) WHERE advice = 'suppress-address';

-- Refusals of us, not of the recipient: by time, for alerts, and because who answers so is no outage.
CREATE INDEX event_of_us ON event (at) WHERE advice IN ('fix-sender', 'fix-message');

-- Addresses that had mail delivered, by receiver and by "@domain": each once a day, in the ten minutes of its first.
CREATE TABLE traffic (unit TEXT NOT NULL, slot INTEGER NOT NULL, delivered INTEGER NOT NULL, PRIMARY KEY (unit, slot)) WITHOUT ROWID;

-- Derived: many good addresses of a unit turning bad at once. Times as elsewhere.
CREATE TABLE incident (
  unit TEXT NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER,
  recovered INTEGER NOT NULL,
  flipped INTEGER NOT NULL,
  mailed INTEGER NOT NULL,
  usual REAL,
  PRIMARY KEY (unit, opened)
) WITHOUT ROWID;

-- What people said of the incident that opened about then: over since ``closed``, or (null) that there was none.
CREATE TABLE ruling (
  id INTEGER PRIMARY KEY,
  unit TEXT NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER,
  at INTEGER NOT NULL,
  why TEXT NOT NULL,
  by TEXT NOT NULL
);

-- Names about which evidence came that state does not follow yet: an ingest is at work, or was stopped.
CREATE TABLE pending (address INTEGER PRIMARY KEY);

-- What people did by hand, or imported.
CREATE TABLE act (
  id INTEGER PRIMARY KEY,
  address INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT,
  scope TEXT NOT NULL,
  until INTEGER,
  why TEXT NOT NULL,
  by TEXT NOT NULL,
  UNIQUE (address, at, kind, scope, by, why)
);

CREATE TABLE state (
  address INTEGER PRIMARY KEY,
  state TEXT NOT NULL,
  cause TEXT,
  scope TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER,
  why TEXT NOT NULL,
  rule TEXT NOT NULL,
  by TEXT NOT NULL
);

-- States that came or went since the index file was written, where there is one; see index.py.
CREATE TABLE moved (address INTEGER PRIMARY KEY);
CREATE TRIGGER state_came AFTER INSERT ON state WHEN EXISTS (SELECT 1 FROM meta WHERE name = 'index')
  BEGIN INSERT OR IGNORE INTO moved VALUES (new.address); END;
CREATE TRIGGER state_went AFTER DELETE ON state WHEN EXISTS (SELECT 1 FROM meta WHERE name = 'index')
  BEGIN INSERT OR IGNORE INTO moved VALUES (old.address); END;
