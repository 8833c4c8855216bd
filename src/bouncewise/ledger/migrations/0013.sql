-- From schema 12: counts that pages for people are made of. Events are counted when Decisions are derived next.
CREATE INDEX event_at ON event (at);
CREATE INDEX event_sender_cause ON event (cause, receiver, at, address, bearing) WHERE bearing IN ('sender', 'sender-claim');
CREATE INDEX state_newest ON state (state, cause, since, address, basis, scope, stream) WHERE cause IS NOT NULL;
CREATE INDEX state_newest_by_rule ON state (state, rule, since, address, basis, scope, stream) WHERE cause IS NULL;
CREATE INDEX state_until ON state (until, state, cause, rule, trust) WHERE until IS NOT NULL;
CREATE TABLE tally_due (hour INTEGER PRIMARY KEY);
CREATE TABLE tally_hour (hour INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE tally (
  day INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  kind TEXT NOT NULL,
  bearing TEXT NOT NULL,
  cause TEXT NOT NULL,
  reports INTEGER NOT NULL,
  PRIMARY KEY (day, receiver, kind, bearing, cause)
) WITHOUT ROWID;
CREATE TABLE tally_domain (
  receiver TEXT NOT NULL,
  week INTEGER NOT NULL,
  domain TEXT NOT NULL,
  kind TEXT NOT NULL,
  bearing TEXT NOT NULL,
  reports INTEGER NOT NULL,
  PRIMARY KEY (receiver, week, domain, kind, bearing)
) WITHOUT ROWID;
CREATE TABLE tally_reply (
  week INTEGER NOT NULL,
  reply INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  rule TEXT NOT NULL,
  reports INTEGER NOT NULL,
  PRIMARY KEY (week, reply, receiver, kind, cause, rule)
) WITHOUT ROWID;
CREATE INDEX tally_reply_reply ON tally_reply (reply, week);
CREATE INDEX tally_reply_most ON tally_reply (week, reports);
CREATE TABLE reply (id INTEGER PRIMARY KEY, words TEXT NOT NULL, block INTEGER NOT NULL, item INTEGER NOT NULL);
CREATE TABLE tally_state (
  state TEXT NOT NULL,
  basis TEXT NOT NULL,
  cause TEXT NOT NULL,
  trust TEXT NOT NULL,
  names INTEGER NOT NULL,
  PRIMARY KEY (state, basis, cause, trust)
) WITHOUT ROWID;
INSERT INTO tally_due (hour) SELECT DISTINCT at / 3600000000 FROM event;
INSERT INTO tally_state (state, basis, cause, trust, names)
  SELECT state, basis, coalesce(cause, rule), trust, count(*) FROM state WHERE until IS NULL
  GROUP BY state, basis, coalesce(cause, rule), trust;
