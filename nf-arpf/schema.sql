-- The ledger of nf-arpf. A dIMSI is the 64-bit number of profile::Imsi::packed(); times are milliseconds since 1970.
-- version 1

-- Which operator holds a dIMSI: the first that retrieved its key (PROTOCOL.md, section 6).
CREATE TABLE claims (
  dimsi      INTEGER PRIMARY KEY,
  operator   TEXT NOT NULL,     -- the operator id: organizationName of CERT.MNO
  claimed_at INTEGER NOT NULL,
  retrievals INTEGER NOT NULL   -- the first one included
);

-- The ephemeral keys that were released under a claim: what retiring or releasing it spends.
CREATE TABLE released_keys (
  dimsi       INTEGER NOT NULL,
  point_hash  BLOB NOT NULL,    -- SHA-256 of PK.SE.ECDHE, 04 || X || Y
  released_at INTEGER NOT NULL,
  PRIMARY KEY (dimsi, point_hash)
) WITHOUT ROWID;

-- One ephemeral key, one operator, one IMSI (PROTOCOL.md, section 4): never released again.
CREATE TABLE spent_keys (
  point_hash BLOB PRIMARY KEY,
  dimsi      INTEGER NOT NULL,
  spent_at   INTEGER NOT NULL
) WITHOUT ROWID;

-- version 2

-- Part numbers of which no key is released for the time being.
CREATE TABLE suspensions (
  part_number  BLOB PRIMARY KEY,  -- SHA-256 of the SubjectPublicKeyInfo of CERT.PN.ECDSA
  suspended_at INTEGER NOT NULL,
  suspended_by TEXT NOT NULL      -- the peer's name
) WITHOUT ROWID;
