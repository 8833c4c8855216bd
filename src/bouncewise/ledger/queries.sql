-- Every query of the ledger, in the SQL that SQLite and PostgreSQL share. queries.py says how this file is written.

-- name: meta_get
SELECT value FROM meta WHERE name = :name

-- name: meta_set
INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: meta_delete
DELETE FROM meta WHERE name = :name

-- ── evidence ─────────────────────────────────────────────────────────────────────────────────────────────

-- name: batch_add
INSERT INTO batch (source, rules, version, started) VALUES (:source, :rules, :version, :started) RETURNING id

-- name: batch_rules_since
-- The rules that judged anything in batches from *first* on, in the order in which they began.
SELECT rules FROM batch WHERE id >= :first GROUP BY rules ORDER BY min(id)

-- name: batch_other_rules
SELECT rules FROM batch WHERE id >= :first AND rules != :rules ORDER BY id DESC LIMIT 1

-- name: done_get
SELECT 1 FROM done WHERE fingerprint = :fingerprint

-- name: done_add
INSERT INTO done (fingerprint, path, batch) VALUES (:fingerprint, :path, :batch)
ON CONFLICT (fingerprint) DO UPDATE SET path = excluded.path, batch = excluded.batch

-- name: address_add
INSERT INTO address (id, name, domain) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING

-- name: address_names
SELECT id, name FROM address WHERE id IN :ids

-- name: address_all
SELECT name FROM address ORDER BY name

-- name: address_count
SELECT count(*) FROM address

-- name: address_page
SELECT id, name FROM address WHERE id >= :first ORDER BY id LIMIT :most

-- name: address_at_domain
SELECT name FROM address WHERE domain = :domain AND domain != 0 ORDER BY id LIMIT :most

-- name: block_add
INSERT INTO block (batch, data) VALUES (:batch, :data) RETURNING id

-- name: block_delete
DELETE FROM block WHERE id = :id

-- name: block_all
SELECT id FROM block ORDER BY id

-- name: block_since
SELECT DISTINCT block FROM event WHERE at >= :since ORDER BY block

-- name: block_get
SELECT started, data FROM block JOIN batch ON batch.id = block.batch WHERE block.id = :id

-- name: block_data
SELECT data FROM block WHERE id = :id

-- name: block_of_event
SELECT b.data, e.item FROM event e JOIN block b ON b.id = e.block
WHERE e.address = :address AND e.at = :at AND e.cause IS NOT NULL

-- name: event_add
INSERT INTO event (address, at, digest, kind, cause, advice, rule, words, receiver, channel, proof, undated, message, queue,
  sent, arrived, mailing, meant, about, trust, bearing, directory, mailed, good_before, block, item)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (address, at, digest) DO NOTHING

-- name: event_place
-- What follows for a report under one name from the mails that own logs recorded.
UPDATE event SET advice = ?, meant = ?, about = ?, trust = ?, bearing = ?, directory = ?, mailed = ?, good_before = ?
WHERE address = ? AND at = ? AND digest = ?
  AND (coalesce(advice, ''), meant, about, trust, bearing, directory, coalesce(mailed, 0), good_before)
    != (coalesce(?, ''), ?, ?, ?, ?, ?, coalesce(?, 0), ?)

-- name: event_unplace
-- The name was that of the recorded recipient, and is no longer.
UPDATE event SET meant = 0, bearing = '', mailed = NULL WHERE address = :address AND at = :at AND digest = :digest AND meant = 1

-- name: event_mean
-- A report about a whole domain, under the domain's name.
UPDATE event SET meant = 1, about = '' WHERE address = :address AND at = :at AND digest = :digest

-- name: event_copy
-- A report under one name more.
INSERT INTO event (address, at, digest, kind, cause, advice, rule, words, receiver, channel, proof, undated, message, queue,
  sent, arrived, mailing, meant, about, trust, bearing, directory, mailed, good_before, block, item)
SELECT :copy, at, digest, kind, cause, advice, rule, words, receiver, channel, proof, undated, message, queue,
  sent, arrived, mailing, 0, about, trust, '', directory, NULL, good_before, block, item
FROM event WHERE address = :source AND at = :at AND digest = :digest ON CONFLICT (address, at, digest) DO NOTHING

-- name: event_filed
-- A report under the name by which the last system knew the recipient.
SELECT at, digest, kind, cause, advice, rule, words, receiver, channel, proof, undated, message, queue, sent, arrived
FROM event WHERE address = :address AND block = :block AND item = :item

-- name: event_of_message
-- Reports by others than own logs that may concern a mail with one of these keys.
SELECT DISTINCT block, item FROM event WHERE message IN :keys AND message != 0 AND channel != 'log'

-- name: event_of_queue
-- The same by keys of queue ids.
SELECT DISTINCT block, item FROM event WHERE queue IN :keys AND queue != 0 AND channel != 'log'

-- name: event_with_message
-- Whether any report by others than own logs names a mail.
SELECT 1 FROM event WHERE message != 0 AND channel != 'log' LIMIT 1

-- name: event_with_queue
-- Whether any names a queue id.
SELECT 1 FROM event WHERE queue != 0 AND channel != 'log' LIMIT 1

-- name: event_known
-- An event without a time of its own is filed under the time of its batch; read again, it is found by its content.
SELECT 1 FROM event WHERE address = :address AND digest = :digest

-- name: event_history
SELECT address, at, kind, cause, advice, rule, words, receiver, channel, proof, trust, meant, about, undated, message, queue, sent,
  mailed, arrived, coalesce(m.stream, ''), coalesce(m.campaign, '')
FROM event e LEFT JOIN mailing m ON m.id = e.mailing WHERE at <= :until AND address IN :ids

-- name: act_history
SELECT address, at, kind, cause, scope, until, why, by, stream, imports FROM act WHERE at <= :until AND address IN :ids

-- name: carried_history
SELECT address, at, state, cause, since, until, why, rule FROM carried WHERE at <= :until AND address IN :ids

-- name: delivery_history
-- Of a day whose last delivery was later, only the first counts: those between are not kept.
SELECT address, first, CASE WHEN last <= :until THEN last ELSE first END, relay FROM delivery
WHERE first <= :until AND address IN :ids

-- name: act_add
-- An imported act that is there already is listed by one more import; one by hand is not.
INSERT INTO act (address, at, kind, cause, scope, stream, until, why, by, imports)
VALUES (:address, :at, :kind, :cause, :scope, :stream, :until, :why, :by, :imports)
ON CONFLICT (address, at, kind, scope, stream, by, why) DO UPDATE SET imports = act.imports || ' ' || excluded.imports
WHERE act.imports != '' AND excluded.imports != '' AND ' ' || act.imports || ' ' NOT LIKE '% ' || excluded.imports || ' %'

-- name: act_imported
-- The names that an import lists, by name.
SELECT DISTINCT a.name FROM act c JOIN address a ON a.id = c.address
WHERE c.kind = :kind AND ' ' || c.imports || ' ' LIKE '% ' || :import || ' %' ORDER BY a.name

-- name: act_imports
-- How many acts of each kind each set of imports lists.
SELECT kind, imports, COUNT(*) FROM act WHERE imports != '' GROUP BY kind, imports

-- name: done_batch
SELECT batch FROM done WHERE fingerprint = :fingerprint

-- name: batch_imports
SELECT id, source, started FROM batch WHERE source LIKE :start || '%' ORDER BY id DESC LIMIT :most

-- ── deliveries on their way in ───────────────────────────────────────────────────────────────────────────

-- name: incoming_create
CREATE TEMP TABLE IF NOT EXISTS incoming (address INTEGER, day INTEGER)

-- name: incoming_add
INSERT INTO incoming (address, day) VALUES (?, ?)

-- name: incoming_clear
DELETE FROM incoming

-- name: incoming_known
-- The incoming address days that the ledger has already, with the deliveries of each mailing.
SELECT d.address, d.day, d.mailing, d.first, d.receiver
FROM incoming i JOIN delivery d ON d.address = i.address AND d.day = i.day

-- name: delivery_add
INSERT INTO delivery (address, day, mailing, first, last, receiver, relay) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (address, day, mailing) DO UPDATE SET
  receiver = CASE WHEN (excluded.first, excluded.receiver) < (delivery.first, delivery.receiver)
    THEN excluded.receiver ELSE delivery.receiver END,
  first = CASE WHEN excluded.first < delivery.first THEN excluded.first ELSE delivery.first END,
  last = CASE WHEN excluded.last > delivery.last THEN excluded.last ELSE delivery.last END,
  relay = CASE WHEN excluded.relay = delivery.relay THEN delivery.relay
    WHEN excluded.relay = 0 OR delivery.relay = 0 THEN 0 ELSE -1 END

-- name: delivery_any
SELECT 1 FROM delivery LIMIT 1

-- name: delivery_last
SELECT CASE WHEN last < :before THEN last ELSE first END FROM delivery
WHERE address = :address AND first < :before ORDER BY day DESC LIMIT 1

-- name: delivery_until
SELECT 1 FROM delivery WHERE address = :address AND first <= :until LIMIT 1

-- name: delivery_last_each
-- When mail was last delivered to each name, but by hosts that only pass it on.
SELECT address, max(CASE WHEN last <= :until THEN last ELSE first END) FROM delivery
WHERE address IN :ids AND first <= :until AND relay NOT IN :relays GROUP BY address

-- name: delivery_days
-- On how many days mail was delivered to each name.
SELECT address, count(DISTINCT day) FROM delivery WHERE address IN :ids AND first <= :until GROUP BY address

-- name: failed_last_each
SELECT address, max(at) FROM event WHERE address IN :ids AND kind IN :kinds AND meant = 1 AND at <= :until GROUP BY address

-- name: refused_by_domain
-- By domain: the addresses that were refused with one of these causes when they were mailed, and those whose mail was
-- accepted and then returned.
SELECT a.domain, count(DISTINCT CASE WHEN e.channel != 'mail' THEN e.address END),
  count(DISTINCT CASE WHEN e.channel = 'mail' THEN e.address END)
FROM address a JOIN event e ON e.address = a.id
WHERE a.domain IN :ids AND a.domain != 0 AND e.kind IN :kinds AND e.cause IN :causes AND e.meant = 1
  AND e.at >= :since AND e.at <= :until GROUP BY a.domain

-- name: acts_by_domain
-- By domain: the addresses with an act of one of these kinds.
SELECT a.domain, count(DISTINCT c.address) FROM address a JOIN act c ON c.address = a.id
WHERE a.domain IN :ids AND a.domain != 0 AND c.kind IN :kinds AND c.at <= :until GROUP BY a.domain

-- name: traffic_most_in_a_day
-- By destination: the most addresses that had mail delivered on one day.
SELECT destination, max(addresses) FROM (
  SELECT destination, slot / :slots AS day, sum(delivered) AS addresses FROM traffic
  WHERE destination IN :destinations AND slot < :until GROUP BY destination, slot / :slots) t
GROUP BY destination

-- name: traffic_add
INSERT INTO traffic (destination, slot, delivered) VALUES (?, ?, ?)
ON CONFLICT (destination, slot) DO UPDATE SET delivered = traffic.delivered + excluded.delivered

-- name: traffic_of
SELECT slot, delivered FROM traffic
WHERE destination = :destination AND slot >= :since AND slot < :until AND delivered > 0 ORDER BY slot

-- name: mailing_add
INSERT INTO mailing (id, stream, campaign) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING

-- name: sent_add
INSERT INTO sent (day, mailing, receiver, addresses) VALUES (?, ?, ?, ?)
ON CONFLICT (day, mailing, receiver) DO UPDATE SET addresses = sent.addresses + excluded.addresses

-- name: sent_counts
-- By day, stream, campaign and receiver: how many addresses had mail delivered.
SELECT s.day, coalesce(m.stream, ''), coalesce(m.campaign, ''), s.receiver, s.addresses
FROM sent s LEFT JOIN mailing m ON m.id = s.mailing
WHERE s.day >= :since AND s.day < :until AND s.addresses > 0 ORDER BY 1, 2, 3, 4

-- ── mails that own logs recorded, and what covers a time ─────────────────────────────────────────────────

-- name: message_get
SELECT id, address, accepted FROM message WHERE id IN :ids

-- name: message_put
INSERT INTO message (id, address, accepted) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET address = excluded.address, accepted = excluded.accepted

-- name: message_prune
DELETE FROM message WHERE id < :first

-- name: coverage_add
INSERT INTO coverage (source, hour) VALUES (?, ?) ON CONFLICT (source, hour) DO NOTHING

-- name: coverage_before
-- Of each source, its last hour with an entry from *since* up to *hour*.
SELECT source, max(hour) FROM coverage WHERE hour >= :since AND hour <= :hour GROUP BY source

-- name: coverage_after
SELECT min(hour) FROM coverage WHERE source = :source AND hour > :hour AND hour <= :known

-- name: coverage_any
SELECT 1 FROM coverage WHERE hour <= :known LIMIT 1

-- name: claims_by_day
SELECT at / :day, count(*) FROM event WHERE trust = 'claimed' AND meant = 1 AND at >= :since AND at < :until GROUP BY 1

-- name: claim_day_all
SELECT day, claims FROM claim_day WHERE day >= :since AND day < :until

-- name: claim_day_put
INSERT INTO claim_day (day, claims) VALUES (?, ?) ON CONFLICT (day) DO UPDATE SET claims = excluded.claims

-- name: relay_add
INSERT INTO relay (host, domain, first) VALUES (?, ?, ?)
ON CONFLICT (host, domain) DO UPDATE SET first = CASE WHEN excluded.first < relay.first THEN excluded.first ELSE relay.first END

-- name: relay_host_add
INSERT INTO relay_host (host, name, domains) VALUES (?, ?, 0) ON CONFLICT (host) DO NOTHING

-- name: relays_of_domains
-- Hosts that accepted mail for at least *least* domains up to a time.
SELECT host FROM relay WHERE first <= :until GROUP BY host HAVING count(*) >= :least

-- name: relays_changed
-- Hosts that accept mail for at least *least* domains now, and did not when Decisions were derived last.
SELECT h.host, count(*) FROM relay_host h JOIN relay r ON r.host = h.host
WHERE h.domains < :least GROUP BY h.host HAVING count(*) >= :least

-- name: relay_host_count
UPDATE relay_host SET domains = ? WHERE host = ?

-- ── what follows from the evidence ───────────────────────────────────────────────────────────────────────

-- name: pending_any
SELECT 1 FROM pending LIMIT 1

-- name: pending_add
INSERT INTO pending (address) VALUES (?) ON CONFLICT (address) DO NOTHING

-- name: pending_add_incoming
-- A delivery changes only the state of what is suppressed or held.
INSERT INTO pending (address) SELECT DISTINCT i.address FROM incoming i JOIN state s ON s.address = i.address WHERE true
ON CONFLICT (address) DO NOTHING

-- name: pending_add_refused
INSERT INTO pending (address) SELECT DISTINCT address FROM event
WHERE bearing = 'address' AND at >= :since AND at < :until
ON CONFLICT (address) DO NOTHING

-- name: pending_add_claims
-- Claims by their time, and by when they arrived.
INSERT INTO pending (address) SELECT address FROM event WHERE trust = 'claimed' AND at >= :since AND at < :until
UNION SELECT address FROM event WHERE trust = 'claimed' AND arrived >= :since AND arrived < :until
ON CONFLICT (address) DO NOTHING

-- name: pending_add_relayed
-- A host turned out to pass mail on: its deliveries to addresses with other evidence count differently.
INSERT INTO pending (address) SELECT DISTINCT d.address FROM delivery d JOIN address a ON a.id = d.address WHERE d.relay IN :relays
ON CONFLICT (address) DO NOTHING

-- name: pending_add_domain_refusals
INSERT INTO pending (address) SELECT DISTINCT address FROM event
WHERE bearing = 'domain' AND at >= :since AND at < :until
ON CONFLICT (address) DO NOTHING

-- name: pending_page
SELECT p.address, a.name FROM pending p LEFT JOIN address a ON a.id = p.address LIMIT :most

-- name: pending_delete
DELETE FROM pending WHERE address = ?

-- name: pending_among
SELECT address FROM pending WHERE address IN :ids

-- name: state_delete
DELETE FROM state WHERE address = ?

-- name: state_put
INSERT INTO state (address, basis, scope, stream, state, cause, since, until, why, rule, by, trust)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: state_all
SELECT a.name, s.basis, s.scope, s.stream, s.state, s.cause, s.since, s.until, s.why, s.rule, s.by, s.trust
FROM state s JOIN address a ON a.id = s.address ORDER BY a.name, s.basis, s.scope, s.stream

-- name: state_behind
SELECT a.name, s.basis, s.scope, s.stream, s.state, s.cause, s.since, s.until, s.why, s.rule, s.by, s.trust
FROM state s JOIN address a ON a.id = s.address WHERE s.address > :after
ORDER BY s.address, s.basis, s.scope, s.stream

-- name: state_counts
SELECT state, coalesce(cause, rule), count(*) FROM state GROUP BY 1, 2

-- name: batch_last
SELECT source, rules, started FROM batch ORDER BY id DESC LIMIT :most

-- name: state_of
SELECT a.name, s.basis, s.scope, s.stream, s.state, s.cause, s.since, s.until, s.why, s.rule, s.by, s.trust
FROM state s JOIN address a ON a.id = s.address WHERE s.address IN :ids

-- name: state_suppressed
-- The names that are suppressed for good: for all mail, or (by the complement of the id) for a part of it.
SELECT CASE WHEN scope = 'all' THEN address ELSE -1 - address END FROM state
WHERE state = 'suppressed' AND until IS NULL

-- name: state_ids
SELECT DISTINCT address FROM state ORDER BY address

-- name: state_and_change_ids
-- All that may stand in an index file.
SELECT address FROM state UNION SELECT address FROM state_change ORDER BY address

-- name: state_more_than
SELECT 1 FROM state LIMIT 1 OFFSET :count

-- name: state_change_add
INSERT INTO state_change (address) VALUES (?) ON CONFLICT (address) DO NOTHING

-- name: state_change_ids
SELECT address FROM state_change ORDER BY address

-- name: state_change_each
SELECT c.address, EXISTS (SELECT 1 FROM state s WHERE s.address = c.address) FROM state_change c ORDER BY c.address

-- name: state_change_more_than
SELECT 1 FROM state_change LIMIT 1 OFFSET :count

-- name: state_change_clear
DELETE FROM state_change

-- ── incidents ────────────────────────────────────────────────────────────────────────────────────────────

-- name: refusals_of_good
-- Refusals of addresses, or of *domains* by their names, that had mail delivered less than *recent* microseconds before; and
-- whether the name was refused since that delivery already.
WITH refused AS (
  SELECT e.address, e.at, e.directory,
    (SELECT max(CASE WHEN d.last < e.good_before THEN d.last ELSE d.first END) FROM delivery d
      WHERE d.address = e.address AND d.first < e.good_before) AS delivered
  FROM event e WHERE e.at >= :since AND e.at < :until
    AND e.bearing = 'address'   -- if addresses
    AND e.bearing = 'domain'    -- if domains
)
SELECT r.address, r.at, r.directory, a.name, EXISTS (
    SELECT 1 FROM event p WHERE p.address = r.address AND p.at < r.at AND p.at >= r.delivered
    AND p.bearing = 'address'   -- if addresses
    AND p.bearing = 'domain'    -- if domains
  )
FROM refused r JOIN address a ON a.id = r.address WHERE r.delivered > r.at - :recent
  AND a.domain = 0              -- if domains
ORDER BY r.at, r.address

-- name: sender_refusals_by_slot
SELECT e.at / :slot, e.receiver, a.domain, count(DISTINCT e.address) FROM event e JOIN address a ON a.id = e.address
WHERE e.bearing = 'sender' AND e.at >= :since AND e.at < :until GROUP BY 1, 2, 3

-- name: sender_refusals_by_day
SELECT e.cause, e.receiver, count(DISTINCT e.address) AS refused, min(e.at), max(e.at)
FROM event e WHERE e.bearing IN ('sender', 'sender-claim') AND e.at >= :since AND e.at < :until
  AND e.cause = :cause          -- if cause
  AND e.receiver = :receiver    -- if receiver
GROUP BY e.cause, e.receiver

-- name: sender_refusal_words
SELECT max(words) FROM event WHERE bearing IN ('sender', 'sender-claim') AND cause = :cause AND receiver = :receiver AND at = :at

-- name: refused_by_day
SELECT e.receiver, e.at / :day AS day, count(DISTINCT e.address) FROM event e
WHERE e.at >= :since AND e.kind IN :kinds AND e.cause IN :causes AND e.meant = 1 AND e.trust != 'claimed'
GROUP BY e.receiver, e.at / :day ORDER BY 1, 2

-- name: complaint_counts
-- By stream and receiver of the last delivery to the address, or of the complaint itself where none is known.
SELECT coalesce(m.stream, '') AS stream, c.receiver, count(*), sum(c.claimed) FROM (
  SELECT e.address,
    max(coalesce((SELECT d.receiver FROM delivery d WHERE d.address = e.address ORDER BY d.day DESC, d.mailing LIMIT 1),
      e.receiver)) AS receiver,
    max(CASE WHEN e.mailing != 0 THEN e.mailing ELSE coalesce((SELECT d.mailing FROM delivery d
      WHERE d.address = e.address ORDER BY d.day DESC, d.mailing LIMIT 1), 0) END) AS mailing,
    min(CASE WHEN e.trust = 'claimed' THEN 1 ELSE 0 END) AS claimed
  FROM event e WHERE e.kind = :kind AND e.meant = 1 AND e.at >= :since AND e.at < :until GROUP BY e.address) AS c
LEFT JOIN mailing m ON m.id = c.mailing GROUP BY coalesce(m.stream, ''), c.receiver ORDER BY 1, 2

-- name: traffic_sum
SELECT coalesce(sum(delivered), 0) FROM traffic WHERE destination = :destination AND slot >= :since AND slot < :until

-- name: refused_of_new_domains
-- Of each domain of which an address was refused in the span, while nobody there had ever been delivered to: all such refusals.
WITH fresh AS (
  SELECT DISTINCT a.domain AS domain FROM event e JOIN address a ON a.id = e.address
  WHERE a.domain != 0 AND e.bearing = 'address' AND e.at >= :since AND e.at < :until
    AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.address = a.domain AND d.first < e.at)
)
SELECT a.name, e.at FROM fresh f JOIN address a ON a.domain = f.domain AND a.domain != 0
JOIN event e ON e.address = a.id WHERE e.bearing = 'address' AND e.at < :until
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.address = a.domain AND d.first < e.at)
ORDER BY e.at, a.name

-- name: refused_names
SELECT DISTINCT a.name FROM event e JOIN address a ON a.id = e.address
WHERE e.bearing = 'address' AND e.at >= :since AND e.at < :until
  AND a.domain = :domain          -- if domain
  AND e.directory = :directory    -- if directory
ORDER BY a.name

-- name: failed_mails
-- Final failures of mails to names that were mailed.
SELECT e.address, a.name, e.at, e.cause, e.words, e.receiver, e.bearing, e.channel, e.message, e.mailing,
  coalesce(m.stream, ''), coalesce(m.campaign, ''), e.block, e.item
FROM event e JOIN address a ON a.id = e.address LEFT JOIN mailing m ON m.id = e.mailing
WHERE e.kind = :kind AND e.meant = 1 AND e.cause IS NOT NULL AND a.domain != 0 AND e.at >= :since AND e.at < :until
  AND e.receiver = :receiver    -- if receiver
ORDER BY e.at, e.address, e.digest

-- name: delivery_of_mailings
-- When mail of each mailing was last delivered to each name.
SELECT address, mailing, max(last) FROM delivery WHERE address IN :ids AND mailing != 0 GROUP BY address, mailing

-- name: refused_words
SELECT e.words FROM event e JOIN address a ON a.id = e.address
WHERE e.bearing = 'address' AND e.at >= :since AND e.at < :until
  AND a.domain = :domain          -- if domain
  AND e.directory = :directory    -- if directory
GROUP BY e.words ORDER BY count(*) DESC, e.words LIMIT :most

-- name: incident_all
SELECT destination, opened, closed, recovered, newly_refused, mailed, baseline_rate FROM incident
ORDER BY opened DESC, destination

-- name: incident_delete
DELETE FROM incident WHERE opened >= :since AND opened < :until

-- name: incident_add
INSERT INTO incident (destination, opened, closed, recovered, newly_refused, mailed, baseline_rate)
VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (destination, opened) DO UPDATE SET closed = excluded.closed,
  recovered = excluded.recovered, newly_refused = excluded.newly_refused, mailed = excluded.mailed,
  baseline_rate = excluded.baseline_rate

-- name: ruling_add
INSERT INTO ruling (destination, opened, closed, at, why, by) VALUES (:destination, :opened, :closed, :at, :why, :by)

-- name: ruling_all
SELECT destination, opened, closed, at, why, by FROM ruling ORDER BY id

-- name: audit_add
INSERT INTO audit (at, by, kind, subject, names, why, effective, number)
VALUES (:at, :by, :kind, :subject, :names, :why, :effective, :number)

-- name: audit_page
-- Acts of people before the one with this id, the latest first.
SELECT id, at, by, kind, subject, names, why, effective, number FROM audit WHERE id < :before ORDER BY id DESC LIMIT :most

-- name: audit_names
-- The names that an act concerned, by name.
SELECT DISTINCT a.name FROM act c JOIN address a ON a.id = c.address
WHERE c.at = :effective AND c.kind = :kind AND c.by = :by AND c.why = :why ORDER BY a.name

-- ── neighbours of one refusal, for a diagnosis ───────────────────────────────────────────────────────────

-- name: fates_at_domain
SELECT count(*), coalesce(sum(good), 0), coalesce(sum(back), 0) FROM (
  SELECT max(CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.address = e.address AND d.first < e.at
      AND d.last > e.at - :lately) THEN 1 ELSE 0 END) AS good,
    max(CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.address = e.address AND d.last > e.at
      AND d.first <= :known) THEN 1 ELSE 0 END) AS back
  FROM address a JOIN event e ON e.address = a.id
  WHERE a.domain = :domain AND a.domain != 0 AND e.address != :self AND e.kind IN :kinds AND e.cause = :cause
    AND e.meant = 1 AND e.at >= :since AND e.at <= :until GROUP BY e.address) AS fate

-- name: fates_at_receiver
SELECT count(*), coalesce(sum(good), 0), coalesce(sum(back), 0) FROM (
  SELECT max(CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.address = e.address AND d.first < e.at
      AND d.last > e.at - :lately) THEN 1 ELSE 0 END) AS good,
    max(CASE WHEN EXISTS (SELECT 1 FROM delivery d WHERE d.address = e.address AND d.last > e.at
      AND d.first <= :known) THEN 1 ELSE 0 END) AS back
  FROM event e
  WHERE e.receiver = :receiver AND e.address != :self AND e.kind IN :kinds AND e.cause = :cause
    AND e.meant = 1 AND e.at >= :since AND e.at <= :until GROUP BY e.address) AS fate

-- name: receivers_refusing
SELECT receiver FROM event WHERE cause = :cause AND at >= :since AND at <= :until AND kind IN :kinds AND meant = 1 AND receiver != ''
GROUP BY receiver HAVING count(DISTINCT address) >= :least ORDER BY receiver

-- name: last_refused_at_domain
SELECT a.name FROM address a JOIN event e ON e.address = a.id WHERE a.domain = :domain AND a.domain != 0
AND e.at <= :known AND e.kind IN :kinds AND e.meant = 1 AND e.cause IS NOT NULL ORDER BY e.at DESC, a.name LIMIT 1

-- name: sender_refusal_counts
SELECT e.cause, count(DISTINCT e.address) AS refused, min(e.at), max(e.at)
FROM event e JOIN address a ON a.id = e.address
WHERE e.at >= :since AND e.kind IN :kinds AND e.cause IN :causes AND e.meant = 1 AND e.trust != 'claimed'
  AND a.domain = :domain          -- if domain
  AND e.receiver = :receiver      -- if receiver
GROUP BY e.cause ORDER BY refused DESC, e.cause

-- name: sender_refusals_newest
SELECT e.cause, e.at, e.block, e.item FROM event e JOIN address a ON a.id = e.address
WHERE e.at >= :since AND e.kind IN :kinds AND e.cause IN :causes AND e.meant = 1 AND e.trust != 'claimed'
  AND a.domain = :domain          -- if domain
  AND e.receiver = :receiver      -- if receiver
ORDER BY e.at DESC, e.block, e.item LIMIT :most

-- ── evidence judged again ────────────────────────────────────────────────────────────────────────────────

-- name: previous_state_create
CREATE TEMP TABLE previous_state AS SELECT * FROM state

-- name: previous_state_index
CREATE UNIQUE INDEX previous_state_key ON previous_state (address, basis, scope, stream)

-- name: previous_rule_create
CREATE TEMP TABLE previous_rule (address INTEGER, at INTEGER, rule TEXT, PRIMARY KEY (address, at, rule))

-- name: previous_rule_add
INSERT INTO previous_rule (address, at, rule) VALUES (:address, :at, :rule) ON CONFLICT (address, at, rule) DO NOTHING

-- name: event_find
SELECT address, digest, kind, cause, advice, rule, words, receiver, bearing, directory, trust, meant FROM event
WHERE address IN :ids AND at = :at AND block = :block AND item = :item

-- name: event_judge
UPDATE event SET kind = ?, cause = ?, advice = ?, rule = ?, words = ?, receiver = ?, bearing = ?, directory = ?
WHERE address = ? AND at = ? AND digest = ?

-- name: event_delete
DELETE FROM event WHERE address = :address AND at = :at AND block = :block AND item = :item

-- name: changed_create
-- Decisions that differ, before and after; and the rule that now judges the words that decided before, and the rule that then
-- judged the words that decide now.
CREATE TEMP TABLE changed AS
WITH places AS (SELECT address, basis, scope, stream FROM previous_state UNION SELECT address, basis, scope, stream FROM state)
SELECT a.name,
  b.basis AS basis_0, b.scope AS scope_0, b.stream AS stream_0, b.state AS state_0, b.cause AS cause_0, b.since AS since_0,
  b.until AS until_0, b.why AS why_0, b.rule AS rule_0, b.by AS by_0, b.trust AS trust_0,
  s.basis AS basis_1, s.scope AS scope_1, s.stream AS stream_1, s.state AS state_1, s.cause AS cause_1, s.since AS since_1,
  s.until AS until_1, s.why AS why_1, s.rule AS rule_1, s.by AS by_1, s.trust AS trust_1,
  (SELECT max(e.rule) FROM event e WHERE e.address = a.id AND e.at = b.since) AS rule_now,
  coalesce((SELECT max(p.rule) FROM previous_rule p WHERE p.address = a.id AND p.at = s.since),
    (SELECT max(e.rule) FROM event e WHERE e.address = a.id AND e.at = s.since)) AS rule_then
FROM places x JOIN address a ON a.id = x.address
LEFT JOIN previous_state b ON b.address = x.address AND b.basis = x.basis AND b.scope = x.scope AND b.stream = x.stream
LEFT JOIN state s ON s.address = x.address AND s.basis = x.basis AND s.scope = x.scope AND s.stream = x.stream
WHERE coalesce(b.state, '') != coalesce(s.state, '') OR coalesce(b.cause, '') != coalesce(s.cause, '')
  OR coalesce(b.rule, '') != coalesce(s.rule, '') OR coalesce(b.until, -1) != coalesce(s.until, -1)

-- name: changed_all
SELECT * FROM changed ORDER BY name, coalesce(basis_0, basis_1), coalesce(scope_0, scope_1), coalesce(stream_0, stream_1)

-- ── steps of migrations ──────────────────────────────────────────────────────────────────────────────────

-- name: migrate_0005_kinds
SELECT DISTINCT kind, cause, advice, receiver FROM event

-- name: migrate_0005_columns
UPDATE event SET bearing = :bearing, directory = :directory WHERE kind = :kind AND coalesce(cause, '') = :cause
AND coalesce(advice, '') = :advice AND receiver = :receiver

-- name: migrate_0006_undated
-- Events whose time cannot be have that of their batch.
UPDATE event SET undated = 1, at = (SELECT b.started FROM block k JOIN batch b ON b.id = k.batch WHERE k.id = event.block)
WHERE at < :earliest
  OR at > :margin + (SELECT b.started FROM block k JOIN batch b ON b.id = k.batch WHERE k.id = event.block)

-- name: migrate_0006_last_batch
SELECT max(started) FROM batch

-- name: migrate_0006_deliveries
DELETE FROM delivery WHERE last > :latest OR first < :earliest

-- name: migrate_0006_traffic
DELETE FROM traffic WHERE slot > :latest OR slot < :earliest

-- name: migrate_0006_incidents
DELETE FROM incident WHERE opened > :latest OR closed > :latest OR opened < :earliest

-- name: migrate_0006_acts
UPDATE act SET at = :latest + id WHERE at > :latest + :acts

-- name: migrate_0006_acts_count
SELECT coalesce(max(id), 0) FROM act

-- name: migrate_0006_mail
UPDATE event SET channel = 'mail', trust = 'inherited', undated = :undated WHERE block = :block AND item IN :items

-- ── reports of receivers about our mail ──────────────────────────────────────────────────────────────────

-- name: dmarc_report_add
INSERT INTO dmarc_report (reporter, report_id, domain, first, last, policy, batch)
VALUES (:reporter, :report_id, :domain, :first, :last, :policy, :batch)
ON CONFLICT (reporter, report_id, domain) DO NOTHING RETURNING id

-- name: dmarc_row_add
INSERT INTO dmarc_row
  (report, source, mails, disposition, dkim, spf, header_from, envelope_from, dkim_results, spf_results, reasons)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: dmarc_domains
-- Each domain with its reports since that moment: how many, of how many reporters, the first and the last moment.
SELECT domain, count(*), count(DISTINCT reporter), min(first), max(last) FROM dmarc_report
WHERE last >= :since
GROUP BY domain ORDER BY domain

-- name: dmarc_policies
-- The policies that reporters saw, the latest first.
SELECT policy, max(last), count(DISTINCT reporter) FROM dmarc_report
WHERE domain = :domain AND last >= :since
GROUP BY policy ORDER BY max(last) DESC, policy

-- name: dmarc_rows
-- Mails with the same results from the same source, in all reports on a domain since that moment.
SELECT w.source, w.disposition, w.dkim, w.spf, w.header_from, w.dkim_results, w.spf_results, w.reasons,
  sum(w.mails), count(DISTINCT r.reporter), min(r.first), max(r.last)
FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id
WHERE r.domain = :domain AND r.last >= :since
GROUP BY w.source, w.disposition, w.dkim, w.spf, w.header_from, w.dkim_results, w.spf_results, w.reasons
ORDER BY sum(w.mails) DESC, w.source

-- name: dmarc_new_sources
-- Sources that no report named before :since: their mails, those that pass DMARC, those in reports up to number :known,
-- the first and the last moment.
SELECT r.domain, w.source, sum(w.mails), sum(CASE WHEN w.dkim = 'pass' OR w.spf = 'pass' THEN w.mails ELSE 0 END),
  sum(CASE WHEN r.id <= :known THEN w.mails ELSE 0 END), min(r.first), max(r.last)
FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id
WHERE 1 = 1
  AND r.domain = :domain  -- if domain
GROUP BY r.domain, w.source
HAVING min(r.first) >= :since
ORDER BY r.domain, sum(w.mails) DESC, w.source

-- name: dmarc_mails
-- Of each domain, the mails in reports since that moment, and of them those in reports up to number :known.
SELECT r.domain, sum(w.mails), sum(CASE WHEN r.id <= :known THEN w.mails ELSE 0 END)
FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id
WHERE r.last >= :since
GROUP BY r.domain

-- name: dmarc_newest
SELECT coalesce(max(id), 0) FROM dmarc_report

-- name: tls_report_add
INSERT INTO tls_report (reporter, report_id, domain, policy, first, last, sessions, failed, batch)
VALUES (:reporter, :report_id, :domain, :policy, :first, :last, :sessions, :failed, :batch)
ON CONFLICT (reporter, report_id, domain, policy) DO NOTHING RETURNING id

-- name: tls_failure_add
INSERT INTO tls_failure (report, result, mx, sessions) VALUES (?, ?, ?, ?)

-- name: tls_sessions
-- Of each domain and policy: reporters, sessions and those that failed.
SELECT domain, policy, count(DISTINCT reporter), sum(sessions), sum(failed), max(last) FROM tls_report
WHERE last >= :since
GROUP BY domain, policy ORDER BY domain, policy

-- name: tls_failures
SELECT f.result, f.mx, sum(f.sessions) FROM tls_report r JOIN tls_failure f ON f.report = r.id
WHERE r.domain = :domain AND r.policy = :policy AND r.last >= :since
GROUP BY f.result, f.mx ORDER BY sum(f.sessions) DESC, f.result, f.mx

-- ── outcomes of mailings ─────────────────────────────────────────────────────────────────────────────────

-- name: mailing_find
SELECT id, stream, campaign FROM mailing
WHERE 1 = 1
  AND campaign = :campaign  -- if campaign
  AND stream = :stream      -- if stream

-- name: mailing_slots
-- By slot: the addresses that had mail of a mailing delivered, each once a day, in the slot of the first delivery.
SELECT first / :slot, count(*) FROM delivery WHERE mailing IN :mailings AND day >= :since AND first >= :from
AND first < :until GROUP BY 1 ORDER BY 1

-- name: traffic_slots
-- The same for all mail.
SELECT slot, sum(delivered) FROM traffic WHERE destination LIKE '@%' AND slot >= :since AND slot < :until
GROUP BY slot ORDER BY slot

-- name: delivery_gaps
-- Deliveries, each address once a day, by week and by the days since the delivery before; NULL: there is none.
SELECT day / :week, gap, count(*) FROM (
  SELECT day, day - lag(day) OVER (PARTITION BY address ORDER BY day) AS gap FROM (
    SELECT DISTINCT address, day FROM delivery WHERE day < :until) each_day) with_gap
WHERE day >= :since GROUP BY 1, 2

-- name: delivery_gaps_of
-- The same of some names.
SELECT day / :week, gap, count(*) FROM (
  SELECT day, day - lag(day) OVER (PARTITION BY address ORDER BY day) AS gap FROM (
    SELECT DISTINCT address, day FROM delivery WHERE day < :until AND address IN :ids) each_day) with_gap
WHERE day >= :since GROUP BY 1, 2

-- name: delivery_gaps_by_source
-- The same of addresses whose source is known, by source.
SELECT source, day / :week, gap, count(*) FROM (
  SELECT source, day, day - lag(day) OVER (PARTITION BY address ORDER BY day) AS gap FROM (
    SELECT DISTINCT s.source, d.address, d.day FROM address_source s JOIN delivery d ON d.address = s.address
    WHERE d.day < :until) each_day) with_gap
WHERE day >= :since GROUP BY 1, 2, 3

-- name: delivery_domains
SELECT DISTINCT destination FROM traffic WHERE destination LIKE '@%'

-- name: delivery_first_day
SELECT min(slot) FROM traffic

-- name: outcomes
-- Final refusals of addresses, or *complaints*: when, where, of which mailing; the last delivery before that mail; and, of a
-- mail that was accepted first, when.
SELECT a.name, e.at, e.bearing, e.directory, e.receiver, e.mailing, e.mailed, coalesce(s.source, ''), (
    SELECT max(d.day) FROM delivery d WHERE d.address = e.address AND d.first < e.good_before
  ), (
    SELECT max(d.day) FROM delivery d WHERE d.address = e.address AND d.first <= e.at AND d.day < (
      SELECT max(p.day) FROM delivery p WHERE p.address = e.address AND p.first <= e.at)
  )
FROM event e JOIN address a ON a.id = e.address LEFT JOIN address_source s ON s.address = e.address
WHERE a.domain != 0 AND e.meant = 1 AND e.at >= :since AND e.at < :until
  AND e.bearing IN :bearings                          -- if bearings
  AND e.kind IN :kinds AND e.trust != 'claimed'       -- if kinds
  AND e.address IN :ids                               -- if ids
ORDER BY e.at, a.name

-- name: sender_refused
-- Addresses that refused the sender or the message.
SELECT count(DISTINCT address) FROM event WHERE bearing = 'sender' AND at >= :since AND at < :until
  AND mailing IN :mailings    -- if mailings

-- name: delivery_last_of
-- The last delivery to each name, of some mailings.
SELECT address, max(first) FROM delivery WHERE address IN :ids AND first >= :since AND first < :until
  AND mailing IN :mailings    -- if mailings
GROUP BY address

-- name: sent_sources
-- By source, how many addresses had mail delivered, each once a day.
SELECT source, count(*) FROM (SELECT DISTINCT s.source, d.address, d.day FROM address_source s
  JOIN delivery d ON d.address = s.address WHERE d.day >= :since AND d.day < :until) each_day GROUP BY source

-- name: address_source_put
INSERT INTO address_source (address, source, since) VALUES (?, ?, ?)
ON CONFLICT (address) DO UPDATE SET source = excluded.source

-- ── engagement ───────────────────────────────────────────────────────────────────────────────────────────

-- name: engagement_add
-- The same file may be read twice: the greatest number of one reading counts.
INSERT INTO engagement (address, day, kind, count) VALUES (?, ?, ?, ?)
ON CONFLICT (address, day, kind) DO UPDATE SET
  count = CASE WHEN excluded.count > engagement.count THEN excluded.count ELSE engagement.count END

-- name: engagement_prune
DELETE FROM engagement WHERE day < :first

-- name: engagement_times
-- The first and the last delivery of each day, to compare acts with.
SELECT address, first, last FROM delivery WHERE address IN :ids AND day >= :since AND day <= :until

-- name: engagement_known
-- Of each address: the last day with an act of a person (also a complaint, an unsubscribe or a confirmation), the first day
-- with a delivery, the days with deliveries in all, after that act, and from *covered* to *end*, with the first of the latter;
-- and the last day.
WITH acted AS (
  SELECT address, max(day) AS last FROM (
    SELECT address, day FROM engagement WHERE address IN :ids AND kind IN :persons AND day <= :until
    UNION ALL SELECT address, at / :micros FROM event
      WHERE address IN :ids AND kind IN :wishes AND trust != 'claimed' AND at / :micros <= :until
    UNION ALL SELECT address, at / :micros FROM act WHERE address IN :ids AND kind IN :confirmed AND at / :micros <= :until
  ) each_act GROUP BY address
)
SELECT d.address, a.last, min(d.day), count(DISTINCT d.day), count(DISTINCT CASE WHEN d.day > coalesce(a.last, -1) THEN d.day END),
  count(DISTINCT CASE WHEN d.day >= :covered AND d.day <= :end THEN d.day END),
  min(CASE WHEN d.day >= :covered AND d.day <= :end THEN d.day END), max(d.day)
FROM delivery d LEFT JOIN acted a ON a.address = d.address WHERE d.address IN :ids AND d.day <= :until
GROUP BY d.address, a.last
UNION ALL SELECT a.address, a.last, NULL, 0, 0, 0, NULL, NULL FROM acted a
WHERE NOT EXISTS (SELECT 1 FROM delivery d WHERE d.address = a.address AND d.day <= :until)

-- name: statements_of
-- What notices and automatic replies state about each name, that may name another address; the latest first.
SELECT address, block, item FROM event
WHERE address IN :ids AND at <= :until AND (rule LIKE :rule || '%' OR cause = :cause) ORDER BY at DESC

-- name: delivery_days_between
-- On how many days mail was delivered to each name.
SELECT address, count(DISTINCT day) FROM delivery WHERE address IN :ids AND day >= :since AND day < :until GROUP BY address

-- name: signal_put
INSERT INTO signal (origin, subject, name, day, value, words, batch)
VALUES (:origin, :subject, :name, :day, :value, :words, :batch)
ON CONFLICT (origin, subject, name, day) DO UPDATE SET value = excluded.value, words = excluded.words, batch = excluded.batch
WHERE coalesce(signal.value, -1) != coalesce(excluded.value, -1) OR signal.words != excluded.words

-- name: signal_all
SELECT origin, subject, name, day, value, words FROM signal WHERE day >= :since ORDER BY origin, subject, name, day

-- ── forgotten names ──────────────────────────────────────────────────────────────────────────────────────

-- name: erase_about
UPDATE event SET about = '' WHERE about = :name

-- name: act_reasons
-- What people wrote as reasons, where an address may stand in it.
SELECT c.id, c.address, a.name, c.at, c.by, c.why FROM act c JOIN address a ON a.id = c.address
WHERE c.why LIKE '%@%' OR c.why LIKE '%=%' ORDER BY c.id

-- name: ruling_reasons
SELECT id, destination, at, by, why FROM ruling WHERE why LIKE '%@%' OR why LIKE '%=%' ORDER BY id

-- name: audit_reasons
SELECT id, why FROM audit WHERE why LIKE '%@%' OR why LIKE '%=%' ORDER BY id

-- name: erase_audit_why
UPDATE audit SET why = :why WHERE id = :id

-- name: erase_act_why
UPDATE act SET why = :why WHERE id = :id

-- name: erase_ruling_why
UPDATE ruling SET why = :why WHERE id = :id

-- name: erase_event
DELETE FROM event WHERE address = :address

-- name: erase_delivery
DELETE FROM delivery WHERE address = :address

-- name: erase_audit
UPDATE audit SET subject = '', why = '' WHERE subject = :name

-- name: erase_act
DELETE FROM act WHERE address = :address

-- name: erase_state
DELETE FROM state WHERE address = :address

-- name: erase_carried
DELETE FROM carried WHERE address = :address

-- name: erase_pending
DELETE FROM pending WHERE address = :address

-- name: erase_state_change
DELETE FROM state_change WHERE address = :address

-- name: erase_message
DELETE FROM message WHERE address = :address

-- name: erase_address_source
DELETE FROM address_source WHERE address = :address

-- name: erase_engagement
DELETE FROM engagement WHERE address = :address

-- name: erase_address
DELETE FROM address WHERE id = :address

-- name: event_of
SELECT count(*) FROM event WHERE address = :address

-- name: delivery_of
SELECT count(*) FROM delivery WHERE address = :address

-- name: act_of
SELECT count(*) FROM act WHERE address = :address

-- name: event_places
SELECT DISTINCT block, item FROM event WHERE address = :address

-- name: block_put
UPDATE block SET data = :data WHERE id = :id

-- name: forgotten_all
SELECT hash, at, decisions FROM forgotten

-- name: forgotten_put
INSERT INTO forgotten (hash, at, decisions) VALUES (:hash, :at, :decisions)
ON CONFLICT (hash) DO UPDATE SET at = excluded.at, decisions = excluded.decisions

-- name: forgotten_delete
DELETE FROM forgotten WHERE hash = :hash

-- ── counts for pages ─────────────────────────────────────────────────────────────────────────────────────

-- name: tally_due_add
INSERT INTO tally_due (hour) VALUES (?) ON CONFLICT (hour) DO NOTHING

-- name: tally_due_page
SELECT hour FROM tally_due ORDER BY hour LIMIT :most

-- name: tally_due_all
SELECT hour FROM tally_due

-- name: tally_due_count
SELECT count(*) FROM tally_due

-- name: tally_due_delete
DELETE FROM tally_due WHERE hour = ?

-- name: tally_due_events
-- The times of the events of a name.
SELECT at FROM event WHERE address = :address

-- name: tally_hour_get
SELECT data FROM tally_hour WHERE hour = :hour

-- name: tally_hour_put
INSERT INTO tally_hour (hour, data) VALUES (:hour, :data) ON CONFLICT (hour) DO UPDATE SET data = excluded.data

-- name: tally_hour_delete
DELETE FROM tally_hour WHERE hour = :hour

-- name: tally_events
-- A refusal of the sender first: alerts rely on its count.
SELECT e.address, e.kind, coalesce(e.cause, ''), e.receiver, CASE WHEN e.bearing IN ('sender', 'sender-claim') THEN 0 ELSE 1 END,
  e.channel, e.digest, e.bearing, e.rule, e.words, a.name, e.block, e.item
FROM event e JOIN address a ON a.id = e.address
WHERE e.at >= :since AND e.at < :until AND e.meant = 1 AND e.kind IN :kinds AND a.domain != 0

-- name: tally_add
INSERT INTO tally (day, receiver, kind, bearing, cause, reports) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (day, receiver, kind, bearing, cause) DO UPDATE SET reports = tally.reports + excluded.reports

-- name: tally_prune
DELETE FROM tally WHERE day = ? AND receiver = ? AND kind = ? AND bearing = ? AND cause = ? AND reports = 0

-- name: tally_domain_add
INSERT INTO tally_domain (receiver, week, domain, kind, bearing, reports) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (receiver, week, domain, kind, bearing) DO UPDATE SET reports = tally_domain.reports + excluded.reports

-- name: tally_domain_prune
DELETE FROM tally_domain WHERE receiver = ? AND week = ? AND domain = ? AND kind = ? AND bearing = ? AND reports = 0

-- name: tally_reply_add
INSERT INTO tally_reply (week, reply, receiver, kind, cause, rule, reports) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (week, reply, receiver, kind, cause, rule) DO UPDATE SET reports = tally_reply.reports + excluded.reports

-- name: tally_reply_prune
DELETE FROM tally_reply WHERE week = ? AND reply = ? AND receiver = ? AND kind = ? AND cause = ? AND rule = ? AND reports = 0

-- name: reply_add
INSERT INTO reply (id, words, block, item) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING

-- name: reply_prune
DELETE FROM reply WHERE id = :id AND NOT EXISTS (SELECT 1 FROM tally_reply t WHERE t.reply = reply.id)

-- name: tally_days
SELECT day, receiver, kind, bearing, cause, reports FROM tally WHERE day >= :since AND day < :until
  AND receiver = :receiver    -- if receiver

-- name: sent_days
SELECT day, sum(addresses) FROM sent WHERE day >= :since AND day < :until
  AND receiver = :receiver    -- if receiver
GROUP BY day

-- name: sent_receivers
SELECT receiver, sum(addresses) FROM sent WHERE day >= :since AND day < :until GROUP BY receiver

-- name: tally_domains
SELECT domain,
  sum(CASE WHEN kind = 'failed' AND bearing = 'address' THEN reports ELSE 0 END),
  sum(CASE WHEN kind = 'failed' AND bearing = 'domain' THEN reports ELSE 0 END),
  sum(CASE WHEN kind = 'failed' AND bearing IN ('sender', 'sender-claim') THEN reports ELSE 0 END),
  sum(CASE WHEN kind = 'failed' AND bearing = '' THEN reports ELSE 0 END),
  sum(CASE WHEN kind = 'delayed' THEN reports ELSE 0 END)
FROM tally_domain WHERE receiver = :receiver AND week >= :since
GROUP BY domain ORDER BY sum(reports) DESC, domain LIMIT :most

-- name: tally_delivered
SELECT destination, sum(delivered) FROM traffic WHERE destination IN :ids AND slot >= :since AND slot < :until
GROUP BY destination

-- name: tally_reply_most
-- The replies with the largest counts of a week.
SELECT reply FROM tally_reply WHERE week = :week
  AND receiver = :receiver                                                    -- if receiver
  AND (cause IN :no_cause OR rule IN :no_rule)                                -- if unclassified
  AND rule IN :by_model AND cause NOT IN :no_cause                            -- if model
  AND rule NOT IN :no_rule AND rule NOT IN :by_model AND cause NOT IN :no_cause -- if rule
ORDER BY reports DESC, reply LIMIT :most

-- name: tally_replies
-- The counts of some replies.
SELECT reply, receiver, kind, cause, rule, sum(reports) FROM tally_reply WHERE reply IN :ids AND week >= :since
  AND receiver = :receiver                                                    -- if receiver
  AND (cause IN :no_cause OR rule IN :no_rule)                                -- if unclassified
  AND rule IN :by_model AND cause NOT IN :no_cause                            -- if model
  AND rule NOT IN :no_rule AND rule NOT IN :by_model AND cause NOT IN :no_cause -- if rule
GROUP BY reply, receiver, kind, cause, rule

-- name: tally_reply_weeks
SELECT week, reply, receiver, kind, cause, rule, reports FROM tally_reply WHERE reply = :id ORDER BY week DESC, reports DESC

-- name: reply_words
SELECT id, words FROM reply WHERE id IN :ids

-- name: reply_get
SELECT words, block, item FROM reply WHERE id = :id

-- name: tally_refusing
SELECT day, receiver, cause, sum(reports) FROM tally WHERE day >= :since AND bearing IN ('sender', 'sender-claim')
GROUP BY day, receiver, cause

-- name: tally_state_of
SELECT address, state, basis, coalesce(cause, rule), trust, until IS NULL FROM state WHERE address IN :ids

-- name: tally_state_add
INSERT INTO tally_state (state, basis, cause, trust, names) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (state, basis, cause, trust) DO UPDATE SET names = tally_state.names + excluded.names

-- name: tally_state_prune
DELETE FROM tally_state WHERE names = 0

-- name: tally_states
-- Decisions without an end, and those that end after :now.
SELECT state, basis, cause, trust, names FROM tally_state
UNION ALL SELECT state, '', coalesce(cause, rule), trust, count(*) FROM state WHERE until IS NOT NULL AND until > :now
GROUP BY state, coalesce(cause, rule), trust

-- name: state_begun
-- Decisions of one kind that began from :since to :now.
SELECT count(*) FROM state WHERE state = :state AND since >= :since AND since <= :now
  AND cause = :cause                     -- if cause
  AND cause IS NULL AND rule = :rule     -- if rule

-- name: state_newest
-- Decisions of one kind, the latest first, behind a place in that order.
SELECT s.since, s.address, s.basis, s.scope, s.stream, a.name, s.state, s.cause, s.until, s.why, s.rule, s.by, s.trust
FROM state s JOIN address a ON a.id = s.address
WHERE s.state = :state AND (s.until IS NULL OR s.until > :now)
  AND s.cause = :cause                       -- if cause
  AND s.cause IS NULL AND s.rule = :rule     -- if rule
  AND (s.since, s.address, s.basis, s.scope, s.stream) < (:since, :address, :basis, :scope, :stream)    -- if since
ORDER BY s.since DESC, s.address DESC, s.basis DESC, s.scope DESC, s.stream DESC LIMIT :most

-- name: state_at_domain
-- Decisions on a domain and its addresses, of those behind an address in the order of ids.
SELECT s.since, s.address, s.basis, s.scope, s.stream, a.name, s.state, s.cause, s.until, s.why, s.rule, s.by, s.trust
FROM (SELECT id, name FROM address WHERE domain = :domain AND domain != 0 AND id > :after ORDER BY id LIMIT :scanned) a
JOIN state s ON s.address = a.id
WHERE s.until IS NULL OR s.until > :now ORDER BY s.address, s.basis, s.scope, s.stream

-- name: address_after
-- The last of so many addresses at a domain behind one.
SELECT max(id), count(*) FROM (SELECT id FROM address WHERE domain = :domain AND domain != 0 AND id > :after ORDER BY id LIMIT :scanned) page

-- name: dmarc_passed
-- Of each domain, the mails in reports since that moment, those that pass DMARC, those that pass it by DKIM and by SPF, the
-- reports and the last moment.
SELECT r.domain, sum(w.mails), sum(CASE WHEN w.dkim = 'pass' OR w.spf = 'pass' THEN w.mails ELSE 0 END),
  sum(CASE WHEN w.dkim = 'pass' THEN w.mails ELSE 0 END), sum(CASE WHEN w.spf = 'pass' THEN w.mails ELSE 0 END),
  count(DISTINCT r.id), max(r.last)
FROM dmarc_report r JOIN dmarc_row w ON w.report = r.id WHERE r.last >= :since GROUP BY r.domain ORDER BY sum(w.mails) DESC, r.domain

-- name: coverage_hours
-- The hours with an entry, by source.
SELECT source, hour FROM coverage WHERE hour >= :since ORDER BY source, hour
