-- The ledger of bouncewise, schema 5. Times are microseconds since 1970 in UTC; a slot is ten minutes since 1970.
-- Evidence (block, event, delivery, act, ruling) is only ever added to; everything else is derived and can be derived again.
-- An event's cause, advice, rule, words, receiver, bearing and directory follow the rules that judged last; its block keeps
-- the verdict as first judged. An address is known by the first 64 bits of a BLAKE2b hash of its normal form; "@example.org"
-- stands for a domain. database.py maps the types and WITHOUT ROWID for the store at hand.

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

-- bearing: whom a final refusal is about (address, domain, sender, or ''); directory: the receiver whose directory answered
-- ('' where each tenant has its own). model/bearing.py derives both.
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
  bearing TEXT NOT NULL DEFAULT '',
  directory TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (address, at, digest)
) WITHOUT ROWID;

-- Final refusals by time: few beside the deliveries, and counted by incidents and alerts.
CREATE INDEX event_address_refused ON event (at) WHERE bearing = 'address';
CREATE INDEX event_sender_refused ON event (at) WHERE bearing = 'sender';

-- Deliveries are many and alike: the first and the last of each day say all that policy needs. receiver: of the first.
CREATE TABLE delivery (
  address INTEGER NOT NULL,
  day INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  PRIMARY KEY (address, day)
) WITHOUT ROWID;

-- Addresses that had mail delivered, by receiver and by "@domain": each once a day, in the slot of its first delivery.
CREATE TABLE traffic (
  destination TEXT NOT NULL,
  slot INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  PRIMARY KEY (destination, slot)
) WITHOUT ROWID;

-- Derived: many addresses of a destination that were delivered to lately are refused at once.
CREATE TABLE incident (
  destination TEXT NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER,
  recovered INTEGER NOT NULL,
  newly_refused INTEGER NOT NULL,
  mailed INTEGER NOT NULL,
  baseline_rate REAL,
  PRIMARY KEY (destination, opened)
) WITHOUT ROWID;

-- Decisions of people about the incident that opened about then: over since ``closed``, or (null) a false alarm.
CREATE TABLE ruling (
  id INTEGER PRIMARY KEY,
  destination TEXT NOT NULL,
  opened INTEGER NOT NULL,
  closed INTEGER,
  at INTEGER NOT NULL,
  why TEXT NOT NULL,
  by TEXT NOT NULL
);

-- Names with evidence that their state does not follow yet: an ingest is at work, or was stopped.
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

-- Derived: the decision on each name that is suppressed or held.
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

-- States that were added or removed since the index file was written, where there is one; see index.py.
CREATE TABLE state_change (address INTEGER PRIMARY KEY);
