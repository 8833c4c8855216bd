-- Schema 8: sources of addresses, and engagement.

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
