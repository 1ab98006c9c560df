-- The vectors of nf-d-ausf. IMSIs are the 64-bit numbers of profile::Imsi::packed(); times are milliseconds since 1970.
-- version 1

CREATE TABLE vectors (
  dimsi                INTEGER PRIMARY KEY,
  rand                 BLOB NOT NULL,     -- 16 octets: RAND of TS 33.102, output_1 of the document
  autn                 BLOB NOT NULL,     -- 16 octets: AUTN, output_2
  imsi                 INTEGER NOT NULL,
  owner                TEXT NOT NULL,     -- the peer that preloaded it
  receipt_hash         BLOB,              -- 32 octets: SHA-256 of the AUTS of PROTOCOL.md, section 7.5
  notification_uri     TEXT,
  created_at           INTEGER NOT NULL,
  served               INTEGER NOT NULL DEFAULT 0,
  last_served_at       INTEGER,
  last_serving_network TEXT,
  received_at          INTEGER
);

-- Keys of this function that every instance shares.
CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- version 2

-- Receipts (PROTOCOL.md, section 7.5) whose owner is not told yet; a row goes with its delivery. No vector's end takes it along.
CREATE TABLE receipts (
  dimsi            INTEGER NOT NULL,
  auts             BLOB NOT NULL,              -- 14 octets: AUTS of TS 33.102, as the access network brought it
  imsi             INTEGER NOT NULL,           -- of the vector that it acknowledges
  received_at      INTEGER NOT NULL,
  serving_network  TEXT NOT NULL,              -- as the access network named it; may be empty
  notification_uri TEXT NOT NULL,              -- of the vector, within its owner's origin when it was preloaded
  attempts         INTEGER NOT NULL DEFAULT 0, -- deliveries that failed
  due_at           INTEGER NOT NULL,
  PRIMARY KEY (dimsi, auts)
) WITHOUT ROWID;
CREATE INDEX receipts_due ON receipts (due_at);
