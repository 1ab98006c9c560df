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
