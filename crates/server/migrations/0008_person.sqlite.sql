-- Whoever is being erased, and the receipts of whoever was. The address stands here only until the last of it is gone.
CREATE TABLE person_erasure (
    id BLOB NOT NULL PRIMARY KEY,
    -- SHA-256 of the address in lower case.
    email_hash BLOB NOT NULL,
    email TEXT,
    -- Who ordered it, as in audit.
    actor_kind INTEGER NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    -- How many of each kind are gone, as JSON.
    counts TEXT NOT NULL,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
-- Of an address one at a time.
CREATE UNIQUE INDEX person_erasure_open ON person_erasure (email_hash) WHERE finished_at IS NULL;

-- Contents of files whose rows are erased, until their bytes are, too.
CREATE TABLE person_file (
    erasure_id BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    PRIMARY KEY (erasure_id, sha256)
) STRICT, WITHOUT ROWID;
