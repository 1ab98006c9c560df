-- The devices of nf-ausf-ext. IMSIs are the 64-bit numbers of profile::Imsi::packed(); times are milliseconds since 1970.
-- version 1

CREATE TABLE devices (
  dimsi          INTEGER PRIMARY KEY,
  state          INTEGER NOT NULL,            -- ausf_ext::State
  epoch          INTEGER NOT NULL,            -- grows with each offer and retire: a step that began before is dropped
  offer_hash     BLOB NOT NULL,               -- SHA-256 over URIs and ephemeral keys: which offer it is
  arpf_position  INTEGER,                     -- in offers: the ARPF that gave the key
  ephemeral_key  BLOB,                        -- eK, sealed and bound to the dIMSI; NULL before 0-e and once wiped
  imsi           INTEGER,
  mnc_length     INTEGER,
  sqn            INTEGER NOT NULL DEFAULT 0,  -- the last one used (TS 33.102, annex C); since version 6: see there
  problem_status INTEGER,
  problem_cause  TEXT,
  problem_detail TEXT,
  attempts       INTEGER NOT NULL DEFAULT 0,  -- of the present step, since it last went forward
  due_at         INTEGER,                     -- when there is something to do for it; NULL: never
  expires_at     INTEGER NOT NULL,
  notify_network TEXT,                        -- serving network of the first success; NULL: the RSMF need not be told (any more)
  attached_at    INTEGER
);
CREATE INDEX devices_due ON devices (due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX devices_imsi ON devices (imsi) WHERE imsi IS NOT NULL;

-- Step (0-d): the ARPFs of an offer, in the order in which they are tried, with the SE credentials as they came.
CREATE TABLE offers (
  dimsi    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  uri      TEXT NOT NULL,
  token    BLOB NOT NULL,
  se       BLOB NOT NULL,
  pn       BLOB NOT NULL,
  ci       BLOB NOT NULL,
  PRIMARY KEY (dimsi, position)
) WITHOUT ROWID;

CREATE TABLE history (
  dimsi INTEGER NOT NULL,
  seq   INTEGER NOT NULL,
  state INTEGER NOT NULL,
  at    INTEGER NOT NULL,
  PRIMARY KEY (dimsi, seq)
) WITHOUT ROWID;

-- What retiring left to do at the peers; done before anything else happens to the device.
CREATE TABLE cleanups (
  dimsi INTEGER NOT NULL,
  kind  INTEGER NOT NULL,                     -- 0: delete the vector at the D-AUSF, 1: spend the token at an ARPF
  uri   TEXT NOT NULL,
  PRIMARY KEY (dimsi, kind, uri)
) WITHOUT ROWID;

-- Every IMSI that was ever given out: to a device, or resting until free_at.
CREATE TABLE imsis (
  imsi    INTEGER PRIMARY KEY,
  dimsi   INTEGER NOT NULL,
  free_at INTEGER                             -- NULL: allocated
);
CREATE INDEX imsis_resting ON imsis (free_at) WHERE free_at IS NOT NULL;

-- How far each pool has been given out for the first time.
CREATE TABLE pools (
  first INTEGER PRIMARY KEY,                  -- packed IMSI that the pool begins with
  next  INTEGER NOT NULL                      -- its next fresh IMSI, as a decimal number
);

CREATE TABLE imports (
  id       TEXT PRIMARY KEY,
  received INTEGER NOT NULL,
  is_read  INTEGER NOT NULL                   -- 1: the whole body is stored
) WITHOUT ROWID;

-- The lines of imports: accepted offers, and refused lines with their problem.
CREATE TABLE import_lines (
  import_id TEXT NOT NULL,
  line      INTEGER NOT NULL,
  dimsi     INTEGER,
  cause     TEXT,                             -- NULL: accepted
  detail    TEXT,
  PRIMARY KEY (import_id, line)
) WITHOUT ROWID;

-- version 2

-- The bootstrap subscription: who serves a device at present. Keyed by IMSI, as AMF and SMF know it; gone when the IMSI is given up.
-- TS 29.503, Amf3GppAccessRegistration: one for 3GPP access.
CREATE TABLE amf_registrations (
  imsi         INTEGER PRIMARY KEY,
  amf_instance TEXT NOT NULL,                 -- amfInstanceId
  guami        TEXT NOT NULL,                 -- mcc-mnc-amfId, in lower case: who may change the registration
  content      TEXT NOT NULL                  -- the JSON as it is answered
);

-- TS 29.503, SmfRegistration: one for each PDU session.
CREATE TABLE smf_registrations (
  imsi           INTEGER NOT NULL,
  pdu_session_id INTEGER NOT NULL,
  content        TEXT NOT NULL,
  PRIMARY KEY (imsi, pdu_session_id)
) WITHOUT ROWID;

-- TS 29.503, SdmSubscription.
CREATE TABLE sdm_subscriptions (
  seq     INTEGER PRIMARY KEY,                -- grows: the oldest goes first
  imsi    INTEGER NOT NULL,
  id      TEXT NOT NULL,
  scope   TEXT NOT NULL                       -- subscriber NF, S-NSSAI and DNN: a unique subscription replaces those of its scope
);
CREATE INDEX sdm_subscriptions_imsi ON sdm_subscriptions (imsi);

-- version 3

-- Keys of this function that every instance shares: context ids, ids of relayed resources.
CREATE TABLE secrets (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- version 4

-- An index ends with the table's key: the pages of one state are ranges of this one.
CREATE INDEX devices_state ON devices (state);

-- What a cleanup leads to once the peer has done it, or says why it need not.
ALTER TABLE cleanups ADD COLUMN imsi INTEGER;                          -- of a vector: held until that is deleted, then it rests
ALTER TABLE cleanups ADD COLUMN had_key INTEGER NOT NULL DEFAULT 1;    -- of a token: 0 if no key ever came from that ARPF

-- imsis.free_at is one of: NULL, allocated; 9223372036854775807, held until the D-AUSF has no vector with it; a time, rests until then;
-- 0, free.
UPDATE cleanups SET imsi = (SELECT i.imsi FROM imsis i WHERE i.dimsi = cleanups.dimsi AND i.free_at IS NOT NULL
                            ORDER BY i.free_at DESC LIMIT 1) WHERE kind = 0;
UPDATE imsis SET free_at = 9223372036854775807 WHERE imsi IN (SELECT c.imsi FROM cleanups c WHERE c.imsi IS NOT NULL);

-- How full each pool is, so that nobody has to count; counted once, when a function starts with a pool of this range.
ALTER TABLE pools ADD COLUMN last INTEGER;                             -- packed IMSI that the pool ends with; NULL: not counted yet
ALTER TABLE pools ADD COLUMN allocated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pools ADD COLUMN resting INTEGER NOT NULL DEFAULT 0;       -- held ones included

-- How far each import is: lines whose device is PRELOADED to RETIRED (2 to 5), lines that are refused or whose device is FAILED (6).
ALTER TABLE imports ADD COLUMN preloaded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
UPDATE imports SET
  preloaded = (SELECT count(*) FROM import_lines l JOIN devices d ON d.dimsi = l.dimsi
               WHERE l.import_id = imports.id AND l.cause IS NULL AND d.state BETWEEN 2 AND 5),
  failed = (SELECT count(*) FROM import_lines l LEFT JOIN devices d ON d.dimsi = l.dimsi
            WHERE l.import_id = imports.id AND (l.cause IS NOT NULL OR d.state = 6));
CREATE INDEX import_lines_dimsi ON import_lines (dimsi) WHERE cause IS NULL;

-- version 5

-- Which service provider offered it: the peer's name (NULL: an anonymous one). Nobody else's devices and imports are told to it.
ALTER TABLE devices ADD COLUMN offered_by TEXT;
CREATE INDEX devices_offered_by ON devices (offered_by) WHERE offered_by IS NOT NULL;
ALTER TABLE imports ADD COLUMN offered_by TEXT;

-- The service provider's word that this operator may have the key, for an ARPF that asks for it (PROTOCOL.md, section 6). NULL: none.
ALTER TABLE offers ADD COLUMN offer_authorization BLOB;

-- version 6

-- A subscriber's SEQ goes on by itself with a counter that all subscribers share (GLC of TS 33.102, C.1.1.3): where the counter stands at
-- v, it is the SEQ of `last_sqn` and v - sqn_counter more. The column has another name than before, so that an instance of a version that does not
-- know of the counter uses no sequence numbers any more.
ALTER TABLE devices RENAME COLUMN sqn TO last_sqn;
ALTER TABLE devices ADD COLUMN sqn_counter INTEGER NOT NULL DEFAULT 0; -- where the counter stood when `last_sqn` was used
CREATE TABLE global_counter (
  id    INTEGER PRIMARY KEY CHECK (id = 0),
  value INTEGER NOT NULL                      -- the last one that an instance took
);
INSERT INTO global_counter (id, value) VALUES (0, 0);

-- version 7

-- How a line of an import ended: 1, its device was PRELOADED; 2, it was refused, or its device FAILED and `cause` and `detail` say why. NULL: its device is on its
-- way, or FAILED and may be mended yet: the import goes by the device. Not for more than a few lines of a device (imports.cpp), for each change of it
-- changes them all.
ALTER TABLE import_lines ADD COLUMN outcome INTEGER;
UPDATE import_lines SET outcome = CASE
  WHEN cause IS NOT NULL THEN 2
  WHEN (SELECT d.state FROM devices d WHERE d.dimsi = import_lines.dimsi) BETWEEN 2 AND 5 THEN 1 END;
DROP INDEX import_lines_dimsi;
CREATE INDEX import_lines_dimsi ON import_lines (dimsi) WHERE outcome IS NULL;

-- version 8

-- The keys by which the function knows its own ids rest sealed, as those of devices do. Those that were here in clear are in older backups, and new ones are made.
DELETE FROM secrets WHERE name IN ('context-key', 'relay-key');

-- A provider's devices of one state, however many others it has.
CREATE INDEX devices_offered_state ON devices (offered_by, state) WHERE offered_by IS NOT NULL;
