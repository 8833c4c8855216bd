-- Names that were forgotten: a keyed hash of each, when, and the Decisions that were in force then (msgpack).
CREATE TABLE forgotten (hash BLOB PRIMARY KEY, at INTEGER NOT NULL, decisions BLOB NOT NULL) WITHOUT ROWID;
