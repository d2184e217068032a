-- Signing in. A change of password, role or account raises the version and ends sessions.
ALTER TABLE agent ADD COLUMN credential_version INTEGER NOT NULL DEFAULT 1;
-- Sealed under the key file; the step that was used last can't be used again.
ALTER TABLE agent ADD COLUMN totp_secret BLOB;
-- One that was not confirmed yet.
ALTER TABLE agent ADD COLUMN totp_pending BLOB;
ALTER TABLE agent ADD COLUMN totp_used_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN failed_logins INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN locked_until INTEGER NOT NULL DEFAULT 0;
-- When a conversation was last assigned.
ALTER TABLE agent ADD COLUMN assigned_at INTEGER NOT NULL DEFAULT 0;

CREATE TABLE session (
    token_hash BLOB NOT NULL PRIMARY KEY,
    agent_id INTEGER NOT NULL,
    credential_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_agent ON session (agent_id, token_hash);
CREATE INDEX session_by_end ON session (expires_at);

-- Links that are good once: 0 first administrator, 1 invitation, 2 password reset.
CREATE TABLE one_time_link (
    token_hash BLOB NOT NULL PRIMARY KEY,
    kind INTEGER NOT NULL,
    agent_id INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_link_by_end ON one_time_link (expires_at);
CREATE INDEX one_time_link_by_agent ON one_time_link (agent_id, kind, created_at);

-- How the lease came to its end: 0 lost, 1 left by hand, 2 left by hand and open conversations are still to be moved, 3 the
-- account was closed.
ALTER TABLE presence ADD COLUMN ended_how INTEGER NOT NULL DEFAULT 0;
-- The colleague who gets them; null: back to their queues.
ALTER TABLE presence ADD COLUMN left_to INTEGER;

-- The agent who looks after the customer.
ALTER TABLE customer ADD COLUMN account_manager_id INTEGER;

-- What administrators set for a queue, as JSON; what is not there is as the installation has it.
ALTER TABLE chat_queue ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
-- For identities that the company's own pages sign; sealed.
ALTER TABLE chat_queue ADD COLUMN identity_secret BLOB;
-- How long conversations of this queue take, as a moving average: for the expected wait.
ALTER TABLE chat_queue ADD COLUMN handling_ms INTEGER;

-- 0 first of its queue, 1 in turn; null when it does not wait.
ALTER TABLE conversation ADD COLUMN waiting_rank INTEGER;
ALTER TABLE conversation ADD COLUMN waiting_since INTEGER;
ALTER TABLE conversation ADD COLUMN assigned_at INTEGER;
-- Until when the agent is to give a first answer; null when none is owed.
ALTER TABLE conversation ADD COLUMN answer_due_at INTEGER;
ALTER TABLE conversation ADD COLUMN first_client_at INTEGER;
ALTER TABLE conversation ADD COLUMN client_at INTEGER;
ALTER TABLE conversation ADD COLUMN first_agent_at INTEGER;
ALTER TABLE conversation ADD COLUMN agent_at INTEGER;
-- When the visitor's page was closed; in the future, a lease, while one is open. Null: there never was one.
ALTER TABLE conversation ADD COLUMN page_closed_at INTEGER;
ALTER TABLE conversation ADD COLUMN client_read_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_read_seq INTEGER NOT NULL DEFAULT 0;
-- The bot that has it.
ALTER TABLE conversation ADD COLUMN bot_id BLOB;
-- 0 a program started it, 1 the visitor.
ALTER TABLE conversation ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
-- Whether somebody vouches for who the client is: the program that started it, or a signature.
ALTER TABLE conversation ADD COLUMN is_verified INTEGER NOT NULL DEFAULT 1;
ALTER TABLE conversation ADD COLUMN language TEXT;
-- 0 sad, 1 neutral, 2 happy
ALTER TABLE conversation ADD COLUMN rating INTEGER;
ALTER TABLE conversation ADD COLUMN rating_text TEXT;
-- For the first time.
ALTER TABLE conversation ADD COLUMN rated_at INTEGER;
-- For the last time: idle time begins anew.
ALTER TABLE conversation ADD COLUMN reopened_at INTEGER;
ALTER TABLE conversation ADD COLUMN topic_id INTEGER;
-- All agents on duty have missed it.
ALTER TABLE conversation ADD COLUMN is_missed INTEGER NOT NULL DEFAULT 0;
CREATE INDEX conversation_waiting ON conversation (chat_queue_id, waiting_rank, waiting_since, id)
    WHERE waiting_rank IS NOT NULL;
-- What an agent has open.
CREATE INDEX conversation_open ON conversation (agent_id, id, chat_queue_id) WHERE agent_id IS NOT NULL AND status <> 2;
-- Who talked to a customer: not every conversation of theirs, of which most may have had no answer.
CREATE INDEX conversation_talked ON conversation (customer_id, id, agent_id) WHERE first_agent_at IS NOT NULL;
-- Clients whom the CRM does not know; the others are found by their customer.
CREATE INDEX conversation_by_email ON conversation (client_email, id) WHERE customer_id IS NULL AND client_email <> '';
UPDATE conversation SET waiting_rank = 1, waiting_since = updated_at WHERE agent_id IS NULL AND status <> 2;

-- Agents who did not answer a conversation in time.
CREATE TABLE missed (
    conversation_id BLOB NOT NULL,
    agent_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, agent_id)
) STRICT, WITHOUT ROWID;

ALTER TABLE event ADD COLUMN bot_id BLOB;
-- Made by the client that sent it: the same one again is the same message.
ALTER TABLE event ADD COLUMN client_key BLOB;
-- What else belongs to it, as JSON.
ALTER TABLE event ADD COLUMN data TEXT;
CREATE UNIQUE INDEX event_by_client_key ON event (conversation_id, client_key) WHERE client_key IS NOT NULL;

-- What is to happen later, in the order of time. Whoever deletes the row does it, in the same transaction.
CREATE TABLE timer (
    due_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    conversation_id BLOB NOT NULL,
    PRIMARY KEY (due_at, kind, conversation_id)
) STRICT, WITHOUT ROWID;

-- What opens one conversation to its visitor.
CREATE TABLE visitor_token (
    token_hash BLOB NOT NULL PRIMARY KEY,
    conversation_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    -- Null: as long as the conversation, and 30 days.
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX visitor_token_by_conversation ON visitor_token (conversation_id, token_hash);

-- What is known of the visitor's browser.
CREATE TABLE client_data (
    conversation_id BLOB NOT NULL PRIMARY KEY,
    ip TEXT,
    user_agent TEXT,
    browser TEXT,
    language TEXT,
    page_url TEXT,
    page_title TEXT,
    referrer TEXT
) STRICT, WITHOUT ROWID;

-- Signed identities that were used.
CREATE TABLE used_identity (
    chat_queue_id INTEGER NOT NULL,
    jti_hash BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (chat_queue_id, jti_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_identity_by_end ON used_identity (expires_at);

-- Texts that visitors are asked to agree to, by version: a changed text is a new row.
CREATE TABLE clause (
    id INTEGER NOT NULL PRIMARY KEY,
    -- 0 information, 1 consent
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    is_required INTEGER NOT NULL,
    is_enabled INTEGER NOT NULL,
    -- By language, as JSON.
    texts TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (name, version)
) STRICT;

CREATE TABLE consent (
    conversation_id BLOB NOT NULL,
    clause_id INTEGER NOT NULL,
    is_given INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, clause_id)
) STRICT, WITHOUT ROWID;

-- Visitors who may not write: by address, e-mail or customer.
CREATE TABLE block (
    id INTEGER NOT NULL PRIMARY KEY,
    -- 0 address, 1 e-mail
    kind INTEGER NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    agent_id INTEGER,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    UNIQUE (kind, value)
) STRICT;
CREATE INDEX block_by_end ON block (expires_at, id) WHERE expires_at IS NOT NULL;

-- A file of a conversation; its bytes lie under their hash. Without a seq it was uploaded and not sent yet.
CREATE TABLE file (
    id BLOB NOT NULL PRIMARY KEY,
    conversation_id BLOB NOT NULL,
    seq INTEGER,
    -- As in event.
    sent_by INTEGER NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX file_by_conversation ON file (conversation_id, seq, id);
CREATE INDEX file_by_content ON file (sha256, id);
CREATE INDEX file_unsent ON file (created_at, id) WHERE seq IS NULL;

CREATE TABLE bot (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    -- The subscription that hears of its conversations, and of no others.
    webhook_id INTEGER,
    -- Whether its stop hands over to people, and does not close.
    is_handing_over INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE canned_answer (
    id INTEGER NOT NULL PRIMARY KEY,
    shortcut TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    chat_queue_id INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE topic (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL
) STRICT;

CREATE TABLE tag (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled INTEGER NOT NULL
) STRICT;

CREATE TABLE conversation_tag (
    conversation_id BLOB NOT NULL,
    tag_id INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, tag_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX conversation_by_tag ON conversation_tag (tag_id, conversation_id);

-- E-mails to be sent: references only, a text is made when it is sent.
CREATE TABLE mail (
    id BLOB NOT NULL PRIMARY KEY,
    due_at INTEGER NOT NULL,
    -- 0 unread answers, 1 receipt, 2 transcript, 3 invitation, 4 password reset
    kind INTEGER NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    conversation_id BLOB,
    agent_id INTEGER,
    -- Up to where the conversation is told, and where it begins.
    from_seq INTEGER,
    until_seq INTEGER,
    -- A link's secret, sealed for the purpose 'mail' and the id.
    secret BLOB,
    -- Begun so far; whoever begins one raises it and pushes due_at on, so that nobody else does.
    attempts INTEGER NOT NULL,
    error TEXT,
    -- It is not tried again, and kept for a while to be seen.
    given_up_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_by_due ON mail (due_at, id) WHERE given_up_at IS NULL;
CREATE INDEX mail_given_up ON mail (given_up_at, id) WHERE given_up_at IS NOT NULL;
CREATE INDEX mail_by_conversation ON mail (conversation_id, id) WHERE conversation_id IS NOT NULL;
-- Up to where the visitor was told by e-mail, and when.
ALTER TABLE conversation ADD COLUMN mailed_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN mailed_at INTEGER NOT NULL DEFAULT 0;
-- Whether the visitor was told that a message has arrived outside working hours.
ALTER TABLE conversation ADD COLUMN has_receipt INTEGER NOT NULL DEFAULT 0;

-- E-mails of the last hour: an address gets so many and no more.
CREATE TABLE mail_sent (
    address_hash BLOB NOT NULL,
    at INTEGER NOT NULL,
    mail_id BLOB NOT NULL,
    PRIMARY KEY (address_hash, at, mail_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_sent_by_time ON mail_sent (at);

-- What is being erased, in steps: 0 the whole conversation, 1 the texts of the agents' side, 2 those of the client's. Up to
-- `until_seq` nothing of it is shown any more; up to `done_seq` it is gone.
CREATE TABLE erasing (
    conversation_id BLOB NOT NULL,
    what INTEGER NOT NULL,
    until_seq INTEGER NOT NULL,
    done_seq INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, what)
) STRICT, WITHOUT ROWID;

-- Conversations that have left or entered a queue: for streams of one.
CREATE INDEX event_moved ON event (at, conversation_id, seq) WHERE kind = 7 OR kind = 10;

-- Those that a bot has.
CREATE INDEX conversation_of_bot ON conversation (bot_id, id) WHERE bot_id IS NOT NULL;

-- Search. What can be found: messages and notes under their seq, and the client under 0. The id begins with the time.
CREATE TABLE search_doc (
    id INTEGER NOT NULL PRIMARY KEY,
    conversation_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    -- Of the words: whether they are still these.
    print INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX search_doc_by_conversation ON search_doc (conversation_id, seq);
-- Up to where a conversation can be searched, and those that have gone on.
ALTER TABLE conversation ADD COLUMN indexed_seq INTEGER NOT NULL DEFAULT 0;
CREATE INDEX conversation_to_index ON conversation (id) WHERE seq > indexed_seq;
-- The folded words of each, under the same id. Each engine has an index of its own kind.
CREATE VIRTUAL TABLE search_text USING fts5 (words, detail = none, tokenize = 'ascii');
INSERT INTO search_text (search_text, rank) VALUES ('secure-delete', 1);
