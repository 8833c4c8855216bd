-- The ledger of bouncewise, schema 13. Times are microseconds since 1970 in UTC; a slot is ten minutes since 1970.
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

-- One report stands under every name that it gives the recipient, with the same time and digest; meant: under this one we
-- mailed; about: the name by which the last system knew the recipient, where that is another. channel, proof, sent and
-- arrived are its provenance (model/trust.py); message and queue are keys of the mail's Message-ID and queue id, 0: unknown.
-- Derived from that and from table message: trust, meant, and mailed, the day on which that mail was accepted. good_before:
-- deliveries after that moment are of the same mail, and do not prove that the address exists.
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
  channel TEXT NOT NULL DEFAULT 'log',
  proof TEXT NOT NULL DEFAULT '',
  trust TEXT NOT NULL DEFAULT 'own',
  meant INTEGER NOT NULL DEFAULT 1,
  about TEXT NOT NULL DEFAULT '',
  undated INTEGER NOT NULL DEFAULT 0,
  message INTEGER NOT NULL DEFAULT 0,
  queue INTEGER NOT NULL DEFAULT 0,
  sent INTEGER,
  mailed INTEGER,
  arrived INTEGER,
  good_before INTEGER NOT NULL DEFAULT 0,
  mailing INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (address, at, digest)
) WITHOUT ROWID;

-- Final refusals by time: few beside the deliveries, and counted by incidents and alerts.
CREATE INDEX event_address_refused ON event (at) WHERE bearing = 'address';
CREATE INDEX event_sender_refused ON event (at) WHERE bearing IN ('sender', 'sender-claim');
CREATE INDEX event_domain_refused ON event (at) WHERE bearing = 'domain';
-- Claims, and reports that may concern a mail in table message.
CREATE INDEX event_claim ON event (at) WHERE trust = 'claimed';
CREATE INDEX event_claim_arrived ON event (arrived) WHERE trust = 'claimed';
CREATE INDEX event_message ON event (message) WHERE message != 0 AND channel != 'log';
CREATE INDEX event_queue ON event (queue) WHERE queue != 0 AND channel != 'log';

-- Deliveries are many and alike: the first and the last of each day say all that policy needs. mailing: what the mail
-- belonged to, 0: not known. receiver: of the first. relay: the host that accepted all of that day, where it may be one that
-- only passes mail on; 0: one of them was the receiver's own; -1: several such hosts. rows.py says how hosts become numbers.
CREATE TABLE delivery (
  address INTEGER NOT NULL,
  day INTEGER NOT NULL,
  mailing INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  relay INTEGER NOT NULL,
  PRIMARY KEY (address, day, mailing)
) WITHOUT ROWID;

-- Streams and campaigns of mail, by a number made of both names.
CREATE TABLE mailing (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, campaign TEXT NOT NULL);

-- How many addresses had mail of a mailing delivered on a day, each counted once.
CREATE TABLE sent (
  day INTEGER NOT NULL,
  mailing INTEGER NOT NULL,
  receiver TEXT NOT NULL,
  addresses INTEGER NOT NULL,
  PRIMARY KEY (day, mailing, receiver)
) WITHOUT ROWID;

-- Mails that own logs and events recorded: id is the day and the key of the Message-ID, or of the queue id where that is
-- all they name; address is its recipient, 0: it had several; accepted: by a server, to deliver it or to pass it on.
CREATE TABLE message (id INTEGER PRIMARY KEY, address INTEGER NOT NULL, accepted INTEGER NOT NULL);

-- The hours for which an own log or export has an entry.
CREATE TABLE coverage (source TEXT NOT NULL, hour INTEGER NOT NULL, PRIMARY KEY (source, hour)) WITHOUT ROWID;

-- Hosts that accepted mail and may only pass it on: for which "@domain" since when.
CREATE TABLE relay (
  host INTEGER NOT NULL,
  domain INTEGER NOT NULL,
  first INTEGER NOT NULL,
  PRIMARY KEY (host, domain)
) WITHOUT ROWID;

-- Their names, and for how many domains when Decisions were derived last.
CREATE TABLE relay_host (host INTEGER PRIMARY KEY, name TEXT NOT NULL, domains INTEGER NOT NULL);

-- How many claims each day had when Decisions were derived last.
CREATE TABLE claim_day (day INTEGER PRIMARY KEY, claims INTEGER NOT NULL);

-- Decisions of evidence that a migration keeps: the history of the name goes on from there.
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

-- Addresses that had mail delivered, by receiver and by "@domain": each once a day, in the slot of its first delivery.
-- Under 'dns' the domains are counted in this way.
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

-- What people did by hand, or imported. imports: the batches of the imports that list it, separated by spaces, the one that
-- added it first; of an act that undoes an import, its batch.
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
  stream TEXT NOT NULL DEFAULT '',
  imports TEXT NOT NULL DEFAULT '',
  UNIQUE (address, at, kind, scope, stream, by, why)
);

-- Who did what, when and why: a row for each act of a person, however many names it concerns. at: by the clock; effective: the
-- time of its rows in act or ruling; subject: the name, where it is one, else '', or the incident, or the file of an import;
-- number: of the import that it made or undid, or of the record that it read again; 0: none.
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

-- Derived: the Decisions on each name that is suppressed or held; basis: evidence, act or wish.
CREATE TABLE state (
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

-- States that were added or removed since the index file was written, where there is one; see index.py.
CREATE TABLE state_change (address INTEGER PRIMARY KEY);

-- DMARC aggregate reports: the period, and the policy that the reporter saw ("p=none sp= …").
CREATE TABLE dmarc_report (
  id INTEGER PRIMARY KEY,
  reporter TEXT NOT NULL,
  report_id TEXT NOT NULL,
  domain TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  policy TEXT NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (reporter, report_id, domain)
);
CREATE INDEX dmarc_report_domain ON dmarc_report (domain, last);

-- Their records. dkim, spf: "pass" where the result is aligned; dkim_results, spf_results: "domain=result", for DKIM
-- "domain/selector=result", separated by blanks.
CREATE TABLE dmarc_row (
  report INTEGER NOT NULL,
  source TEXT NOT NULL,
  mails INTEGER NOT NULL,
  disposition TEXT NOT NULL,
  dkim TEXT NOT NULL,
  spf TEXT NOT NULL,
  header_from TEXT NOT NULL,
  envelope_from TEXT NOT NULL,
  dkim_results TEXT NOT NULL,
  spf_results TEXT NOT NULL,
  reasons TEXT NOT NULL
);
CREATE INDEX dmarc_row_report ON dmarc_row (report);

-- SMTP TLS reports, a row per policy; and the sessions that failed.
CREATE TABLE tls_report (
  id INTEGER PRIMARY KEY,
  reporter TEXT NOT NULL,
  report_id TEXT NOT NULL,
  domain TEXT NOT NULL,
  policy TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (reporter, report_id, domain, policy)
);

CREATE TABLE tls_failure (
  report INTEGER NOT NULL,
  result TEXT NOT NULL,
  mx TEXT NOT NULL,
  sessions INTEGER NOT NULL
);
CREATE INDEX tls_failure_report ON tls_failure (report);

-- Where an address was collected, as a list states it (gate --source); since: the day on which it was recorded.
CREATE TABLE address_source (address INTEGER PRIMARY KEY, source TEXT NOT NULL, since INTEGER NOT NULL);

-- Acts of recipients, or of machines in their place, by day; kind: open, click, open-machine, click-machine, reply, other.
-- Neither links nor IP addresses are kept.
CREATE TABLE engagement (
  address INTEGER NOT NULL,
  day INTEGER NOT NULL,
  kind TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (address, day, kind)
) WITHOUT ROWID;

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

-- Names that were forgotten: a keyed hash of each, when, and the Decisions that were in force then (msgpack).
CREATE TABLE forgotten (hash BLOB PRIMARY KEY, at INTEGER NOT NULL, decisions BLOB NOT NULL) WITHOUT ROWID;

-- Counts for pages, derived. What is counted: the final failures and deferrals of addresses that were mailed, each address
-- once an hour for one cause; tallies.py says how. tally_due: the hours of which events were added or changed since they
-- were counted; tally_hour: what was counted of each (zstd over msgpack). A week begins on Monday.
CREATE INDEX event_at ON event (at);
CREATE INDEX event_sender_cause ON event (cause, receiver, at, address, bearing) WHERE bearing IN ('sender', 'sender-claim');
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

-- Words that decided, without what differs between recipients; and where a report with them stands.
CREATE TABLE reply (id INTEGER PRIMARY KEY, words TEXT NOT NULL, block INTEGER NOT NULL, item INTEGER NOT NULL);

-- Decisions without an end. The others are few, and counted by the index.
CREATE TABLE tally_state (
  state TEXT NOT NULL,
  basis TEXT NOT NULL,
  cause TEXT NOT NULL,
  trust TEXT NOT NULL,
  names INTEGER NOT NULL,
  PRIMARY KEY (state, basis, cause, trust)
) WITHOUT ROWID;
CREATE INDEX state_newest ON state (state, cause, since, address, basis, scope, stream) WHERE cause IS NOT NULL;
CREATE INDEX state_newest_by_rule ON state (state, rule, since, address, basis, scope, stream) WHERE cause IS NULL;
CREATE INDEX state_until ON state (until, state, cause, rule, trust) WHERE until IS NOT NULL;
