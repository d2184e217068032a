-- Ids of administered things and customers. Starts touch it only when they make a customer.
CREATE TABLE id_counter (
    name TEXT NOT NULL PRIMARY KEY,
    last_id BIGINT NOT NULL
);

CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE api_user (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    -- Methods it may call, one a line; '*' is all.
    methods TEXT NOT NULL,
    is_enabled BIGINT NOT NULL,
    -- Raised by every change, so that remembered credentials are forgotten.
    credential_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE chat_queue (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE agent (
    id BIGINT NOT NULL PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    surname TEXT NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_active BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE customer (
    id BIGINT NOT NULL PRIMARY KEY,
    -- The client's id in the company's own systems.
    identifier TEXT UNIQUE,
    name TEXT NOT NULL,
    surname TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE customer_email (
    customer_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    email TEXT NOT NULL,
    -- The address in lower case: what matching compares.
    email_folded TEXT NOT NULL,
    PRIMARY KEY (customer_id, position)
);
CREATE INDEX customer_email_by_address ON customer_email (email_folded, customer_id);

-- The id is a UUID v7, and its time is when the conversation started: the key's order is the order of starts.
CREATE TABLE conversation (
    id BYTEA NOT NULL PRIMARY KEY,
    chat_queue_id BIGINT NOT NULL,
    -- 0 created, 1 in progress, 2 closed
    status BIGINT NOT NULL,
    -- The number of its events.
    seq BIGINT NOT NULL,
    agent_id BIGINT,
    customer_id BIGINT,
    client_id TEXT,
    client_name TEXT NOT NULL,
    client_surname TEXT NOT NULL,
    client_email TEXT NOT NULL,
    updated_at BIGINT NOT NULL,
    closed_at BIGINT
);
-- Each serves one filter in the order of starts, and counts any mix of the small filters without reading a row.
CREATE INDEX conversation_by_status ON conversation (status, id, chat_queue_id, agent_id);
CREATE INDEX conversation_by_queue ON conversation (chat_queue_id, id, status, agent_id);
CREATE INDEX conversation_by_agent ON conversation (agent_id, id, status, chat_queue_id)
    WHERE agent_id IS NOT NULL;
CREATE INDEX conversation_by_customer ON conversation (customer_id, id, status, chat_queue_id, agent_id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX conversation_by_client ON conversation (client_id, id, status, chat_queue_id, agent_id)
    WHERE client_id IS NOT NULL;
CREATE INDEX conversation_unlinked ON conversation (client_id, id) WHERE customer_id IS NULL AND client_id IS NOT NULL;
-- A conversation with one event was last changed when it started, which its id says.
CREATE INDEX conversation_by_update ON conversation (updated_at, id, status, chat_queue_id, agent_id) WHERE seq > 1;

-- Customers whose waiting conversations are being linked, in steps.
CREATE TABLE linking (
    customer_id BIGINT NOT NULL PRIMARY KEY
);

-- The log of every conversation: its one truth.
CREATE TABLE event (
    conversation_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    -- 0 client, 1 agent, 2 bot, 3 system
    sent_by BIGINT NOT NULL,
    -- Who spoke, or who was assigned.
    agent_id BIGINT,
    text TEXT,
    PRIMARY KEY (conversation_id, seq)
);

-- Answers to POSTs that carried an Idempotency-Key, for 24 hours.
CREATE TABLE idempotency (
    -- Keyed hash of API user, path and key.
    key BYTEA NOT NULL PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
