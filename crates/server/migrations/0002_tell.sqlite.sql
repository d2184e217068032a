-- An old secret goes on being good beside the new one until its time is over.
ALTER TABLE api_user ADD COLUMN expires_at INTEGER;
ALTER TABLE api_user ADD COLUMN last_used_at INTEGER;
ALTER TABLE api_user ADD COLUMN old_password_hash TEXT;
ALTER TABLE api_user ADD COLUMN old_expires_at INTEGER;
ALTER TABLE api_user ADD COLUMN old_last_used_at INTEGER;

-- The telephone's number, for clients of the documented methods.
ALTER TABLE agent ADD COLUMN number TEXT NOT NULL DEFAULT '';
ALTER TABLE agent ADD COLUMN language TEXT NOT NULL DEFAULT 'pl';
-- 0 agent, 1 supervisor, 2 administrator
ALTER TABLE agent ADD COLUMN role INTEGER NOT NULL DEFAULT 0;
-- Conversations that the agent can have open at once, and those that are.
ALTER TABLE agent ADD COLUMN capacity INTEGER NOT NULL DEFAULT 3;
ALTER TABLE agent ADD COLUMN open_chats INTEGER NOT NULL DEFAULT 0;
UPDATE agent SET open_chats = (SELECT count(*) FROM conversation WHERE agent_id = agent.id AND status <> 2);

-- Who is on duty. No row, or a lease that is over, is OFF.
CREATE TABLE presence (
    agent_id INTEGER NOT NULL PRIMARY KEY,
    -- 1 free, 2 paused
    status INTEGER NOT NULL,
    pause_id INTEGER,
    changed_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;

-- Reasons to pause.
CREATE TABLE pause (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL
) STRICT;

-- Who answers which queue; a smaller number goes first.
CREATE TABLE queue_agent (
    chat_queue_id INTEGER NOT NULL,
    agent_id INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    PRIMARY KEY (chat_queue_id, agent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX queue_agent_by_agent ON queue_agent (agent_id, chat_queue_id);

-- Subscriptions. Passwords and secrets are sealed under the key file.
CREATE TABLE webhook (
    id INTEGER NOT NULL PRIMARY KEY,
    subscription_url TEXT NOT NULL,
    -- Names of actions, one a line.
    actions TEXT NOT NULL,
    http_auth_user TEXT NOT NULL,
    http_auth_password BLOB,
    -- 0 form, 1 json
    format INTEGER NOT NULL,
    signing_secret BLOB,
    old_signing_secret BLOB,
    old_signing_expires_at INTEGER,
    is_enabled INTEGER NOT NULL,
    -- Why it is not: 1 by hand, 2 the receiver said 410, 3 nothing but failures for days.
    off_because INTEGER,
    -- The first failure since the last success.
    failing_since INTEGER,
    created_at INTEGER NOT NULL,
    -- Raised by every change and every order by hand: what a lane has learnt of the receiver counts no more.
    version INTEGER NOT NULL,
    -- The process that delivers, so that two never mix the order up.
    lease_owner BLOB,
    lease_until INTEGER NOT NULL
) STRICT;

-- Deliveries to be made, in the order of each subscription's queue. References only: a body is made when it is sent.
CREATE TABLE delivery (
    webhook_id INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    id BLOB NOT NULL,
    action INTEGER NOT NULL,
    conversation_id BLOB,
    seq INTEGER,
    customer_id INTEGER,
    at INTEGER NOT NULL,
    -- Attempts so far, and those since it was last ordered by hand: the place in the schedule.
    attempts INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (webhook_id, due_at, id)
) STRICT, WITHOUT ROWID;

-- The log of attempts. A delivery's id is a UUID v7: the key's order is the order of deliveries.
CREATE TABLE delivery_attempt (
    webhook_id INTEGER NOT NULL,
    delivery_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    action INTEGER NOT NULL,
    conversation_id BLOB,
    seq INTEGER,
    customer_id INTEGER,
    event_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    http_status INTEGER,
    error TEXT,
    -- 0 delivered, 1 to be tried again, 2 given up, 3 given up for good
    outcome INTEGER NOT NULL,
    next_at INTEGER,
    PRIMARY KEY (webhook_id, delivery_id, attempt)
) STRICT, WITHOUT ROWID;
-- What can be ordered again.
CREATE INDEX delivery_given_up ON delivery_attempt (webhook_id, delivery_id) WHERE outcome = 2 AND next_at IS NULL;

-- Administrative changes. The id is a UUID v7.
CREATE TABLE audit (
    id BLOB NOT NULL PRIMARY KEY,
    -- 0 API user, 1 command line, 2 the server itself
    actor_kind INTEGER NOT NULL,
    actor TEXT NOT NULL,
    address TEXT,
    request_id TEXT,
    change TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- JSON, without secrets.
    was TEXT,
    becomes TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_actor ON audit (actor, id);
