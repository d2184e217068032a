-- Whoever is being erased, and the receipts of whoever was. The address stands here only until the last of it is gone.
CREATE TABLE person_erasure (
    id BYTEA NOT NULL PRIMARY KEY,
    -- SHA-256 of the address in lower case.
    email_hash BYTEA NOT NULL,
    email TEXT,
    -- Who ordered it, as in audit.
    actor_kind BIGINT NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    -- How many of each kind are gone, as JSON.
    counts TEXT NOT NULL,
    finished_at BIGINT
);
-- Of an address one at a time.
CREATE UNIQUE INDEX person_erasure_open ON person_erasure (email_hash) WHERE finished_at IS NULL;

-- Contents of files whose rows are erased, until their bytes are, too.
CREATE TABLE person_file (
    erasure_id BYTEA NOT NULL,
    sha256 BYTEA NOT NULL,
    PRIMARY KEY (erasure_id, sha256)
);
