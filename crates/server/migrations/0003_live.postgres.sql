-- Signing in. A change of password, role or account raises the version and ends sessions.
ALTER TABLE agent ADD COLUMN credential_version BIGINT NOT NULL DEFAULT 1;
-- Sealed under the key file; the step that was used last can't be used again.
ALTER TABLE agent ADD COLUMN totp_secret BYTEA;
-- One that was not confirmed yet.
ALTER TABLE agent ADD COLUMN totp_pending BYTEA;
ALTER TABLE agent ADD COLUMN totp_used_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN failed_logins BIGINT NOT NULL DEFAULT 0;
ALTER TABLE agent ADD COLUMN locked_until BIGINT NOT NULL DEFAULT 0;
-- When a conversation was last assigned.
ALTER TABLE agent ADD COLUMN assigned_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE session (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    agent_id BIGINT NOT NULL,
    credential_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX session_by_agent ON session (agent_id, token_hash);
CREATE INDEX session_by_end ON session (expires_at);

-- Links that are good once: 0 first administrator, 1 invitation, 2 password reset.
CREATE TABLE one_time_link (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    kind BIGINT NOT NULL,
    agent_id BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_link_by_end ON one_time_link (expires_at);
CREATE INDEX one_time_link_by_agent ON one_time_link (agent_id, kind, created_at);

-- How the lease came to its end: 0 lost, 1 left by hand, 2 left by hand and open conversations are still to be moved, 3 the
-- account was closed.
ALTER TABLE presence ADD COLUMN ended_how BIGINT NOT NULL DEFAULT 0;
-- The colleague who gets them; null: back to their queues.
ALTER TABLE presence ADD COLUMN left_to BIGINT;

-- The agent who looks after the customer.
ALTER TABLE customer ADD COLUMN account_manager_id BIGINT;

-- What administrators set for a queue, as JSON; what is not there is as the installation has it.
ALTER TABLE chat_queue ADD COLUMN settings TEXT NOT NULL DEFAULT '{}';
-- For identities that the company's own pages sign; sealed.
ALTER TABLE chat_queue ADD COLUMN identity_secret BYTEA;
-- How long conversations of this queue take, as a moving average: for the expected wait.
ALTER TABLE chat_queue ADD COLUMN handling_ms BIGINT;

-- 0 first of its queue, 1 in turn; null when it does not wait.
ALTER TABLE conversation ADD COLUMN waiting_rank BIGINT;
ALTER TABLE conversation ADD COLUMN waiting_since BIGINT;
ALTER TABLE conversation ADD COLUMN assigned_at BIGINT;
-- Until when the agent is to give a first answer; null when none is owed.
ALTER TABLE conversation ADD COLUMN answer_due_at BIGINT;
ALTER TABLE conversation ADD COLUMN first_client_at BIGINT;
ALTER TABLE conversation ADD COLUMN client_at BIGINT;
ALTER TABLE conversation ADD COLUMN first_agent_at BIGINT;
ALTER TABLE conversation ADD COLUMN agent_at BIGINT;
-- When the visitor's page was closed; in the future, a lease, while one is open. Null: there never was one.
ALTER TABLE conversation ADD COLUMN page_closed_at BIGINT;
ALTER TABLE conversation ADD COLUMN client_read_seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN agent_read_seq BIGINT NOT NULL DEFAULT 0;
-- The bot that has it.
ALTER TABLE conversation ADD COLUMN bot_id BYTEA;
-- 0 a program started it, 1 the visitor.
ALTER TABLE conversation ADD COLUMN origin BIGINT NOT NULL DEFAULT 0;
-- Whether somebody vouches for who the client is: the program that started it, or a signature.
ALTER TABLE conversation ADD COLUMN is_verified BIGINT NOT NULL DEFAULT 1;
ALTER TABLE conversation ADD COLUMN language TEXT;
-- 0 sad, 1 neutral, 2 happy
ALTER TABLE conversation ADD COLUMN rating BIGINT;
ALTER TABLE conversation ADD COLUMN rating_text TEXT;
-- For the first time.
ALTER TABLE conversation ADD COLUMN rated_at BIGINT;
-- For the last time: idle time begins anew.
ALTER TABLE conversation ADD COLUMN reopened_at BIGINT;
ALTER TABLE conversation ADD COLUMN topic_id BIGINT;
-- All agents on duty have missed it.
ALTER TABLE conversation ADD COLUMN is_missed BIGINT NOT NULL DEFAULT 0;
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
    conversation_id BYTEA NOT NULL,
    agent_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, agent_id)
);

ALTER TABLE event ADD COLUMN bot_id BYTEA;
-- Made by the client that sent it: the same one again is the same message.
ALTER TABLE event ADD COLUMN client_key BYTEA;
-- What else belongs to it, as JSON.
ALTER TABLE event ADD COLUMN data TEXT;
CREATE UNIQUE INDEX event_by_client_key ON event (conversation_id, client_key) WHERE client_key IS NOT NULL;

-- What is to happen later, in the order of time. Whoever deletes the row does it, in the same transaction.
CREATE TABLE timer (
    due_at BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    conversation_id BYTEA NOT NULL,
    PRIMARY KEY (due_at, kind, conversation_id)
);

-- What opens one conversation to its visitor.
CREATE TABLE visitor_token (
    token_hash BYTEA NOT NULL PRIMARY KEY,
    conversation_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    -- Null: as long as the conversation, and 30 days.
    expires_at BIGINT
);
CREATE INDEX visitor_token_by_conversation ON visitor_token (conversation_id, token_hash);

-- What is known of the visitor's browser.
CREATE TABLE client_data (
    conversation_id BYTEA NOT NULL PRIMARY KEY,
    ip TEXT,
    user_agent TEXT,
    browser TEXT,
    language TEXT,
    page_url TEXT,
    page_title TEXT,
    referrer TEXT
);

-- Signed identities that were used.
CREATE TABLE used_identity (
    chat_queue_id BIGINT NOT NULL,
    jti_hash BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (chat_queue_id, jti_hash)
);
CREATE INDEX used_identity_by_end ON used_identity (expires_at);

-- Texts that visitors are asked to agree to, by version: a changed text is a new row.
CREATE TABLE clause (
    id BIGINT NOT NULL PRIMARY KEY,
    -- 0 information, 1 consent
    kind BIGINT NOT NULL,
    name TEXT NOT NULL,
    version BIGINT NOT NULL,
    is_required BIGINT NOT NULL,
    is_enabled BIGINT NOT NULL,
    -- By language, as JSON.
    texts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (name, version)
);

CREATE TABLE consent (
    conversation_id BYTEA NOT NULL,
    clause_id BIGINT NOT NULL,
    is_given BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, clause_id)
);

-- Visitors who may not write: by address, e-mail or customer.
CREATE TABLE block (
    id BIGINT NOT NULL PRIMARY KEY,
    -- 0 address, 1 e-mail
    kind BIGINT NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    agent_id BIGINT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (kind, value)
);
CREATE INDEX block_by_end ON block (expires_at, id) WHERE expires_at IS NOT NULL;

-- A file of a conversation; its bytes lie under their hash. Without a seq it was uploaded and not sent yet.
CREATE TABLE file (
    id BYTEA NOT NULL PRIMARY KEY,
    conversation_id BYTEA NOT NULL,
    seq BIGINT,
    -- As in event.
    sent_by BIGINT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    sha256 BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX file_by_conversation ON file (conversation_id, seq, id);
CREATE INDEX file_by_content ON file (sha256, id);
CREATE INDEX file_unsent ON file (created_at, id) WHERE seq IS NULL;

CREATE TABLE bot (
    id BYTEA NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    is_enabled BIGINT NOT NULL,
    -- The subscription that hears of its conversations, and of no others.
    webhook_id BIGINT,
    -- Whether its stop hands over to people, and does not close.
    is_handing_over BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE canned_answer (
    id BIGINT NOT NULL PRIMARY KEY,
    shortcut TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    chat_queue_id BIGINT,
    updated_at BIGINT NOT NULL
);

CREATE TABLE topic (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled BIGINT NOT NULL
);

CREATE TABLE tag (
    id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    is_enabled BIGINT NOT NULL
);

CREATE TABLE conversation_tag (
    conversation_id BYTEA NOT NULL,
    tag_id BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, tag_id)
);
CREATE INDEX conversation_by_tag ON conversation_tag (tag_id, conversation_id);

-- E-mails to be sent: references only, a text is made when it is sent.
CREATE TABLE mail (
    id BYTEA NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL,
    -- 0 unread answers, 1 receipt, 2 transcript, 3 invitation, 4 password reset
    kind BIGINT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    conversation_id BYTEA,
    agent_id BIGINT,
    -- Up to where the conversation is told, and where it begins.
    from_seq BIGINT,
    until_seq BIGINT,
    -- A link's secret, sealed for the purpose 'mail' and the id.
    secret BYTEA,
    -- Begun so far; whoever begins one raises it and pushes due_at on, so that nobody else does.
    attempts BIGINT NOT NULL,
    error TEXT,
    -- It is not tried again, and kept for a while to be seen.
    given_up_at BIGINT
);
CREATE INDEX mail_by_due ON mail (due_at, id) WHERE given_up_at IS NULL;
CREATE INDEX mail_given_up ON mail (given_up_at, id) WHERE given_up_at IS NOT NULL;
CREATE INDEX mail_by_conversation ON mail (conversation_id, id) WHERE conversation_id IS NOT NULL;
-- Up to where the visitor was told by e-mail, and when.
ALTER TABLE conversation ADD COLUMN mailed_seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN mailed_at BIGINT NOT NULL DEFAULT 0;
-- Whether the visitor was told that a message has arrived outside working hours.
ALTER TABLE conversation ADD COLUMN has_receipt BIGINT NOT NULL DEFAULT 0;

-- E-mails of the last hour: an address gets so many and no more.
CREATE TABLE mail_sent (
    address_hash BYTEA NOT NULL,
    at BIGINT NOT NULL,
    mail_id BYTEA NOT NULL,
    PRIMARY KEY (address_hash, at, mail_id)
);
CREATE INDEX mail_sent_by_time ON mail_sent (at);

-- What is being erased, in steps: 0 the whole conversation, 1 the texts of the agents' side, 2 those of the client's. Up to
-- `until_seq` nothing of it is shown any more; up to `done_seq` it is gone.
CREATE TABLE erasing (
    conversation_id BYTEA NOT NULL,
    what BIGINT NOT NULL,
    until_seq BIGINT NOT NULL,
    done_seq BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, what)
);

-- Conversations that have left or entered a queue: for streams of one.
CREATE INDEX event_moved ON event (at, conversation_id, seq) WHERE kind = 7 OR kind = 10;

-- Those that a bot has.
CREATE INDEX conversation_of_bot ON conversation (bot_id, id) WHERE bot_id IS NOT NULL;

-- Search. What can be found: messages and notes under their seq, and the client under 0. The id begins with the time.
CREATE TABLE search_doc (
    id BIGINT NOT NULL PRIMARY KEY,
    conversation_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    -- Of the words: whether they are still these.
    print BIGINT NOT NULL
);
CREATE UNIQUE INDEX search_doc_by_conversation ON search_doc (conversation_id, seq);
-- Up to where a conversation can be searched, and those that have gone on.
ALTER TABLE conversation ADD COLUMN indexed_seq BIGINT NOT NULL DEFAULT 0;
CREATE INDEX conversation_to_index ON conversation (id) WHERE seq > indexed_seq;
-- The folded words of each, under the same id. Each engine has an index of its own kind.
CREATE TABLE search_text (
    id BIGINT NOT NULL PRIMARY KEY,
    words TSVECTOR NOT NULL
);
CREATE INDEX search_text_by_word ON search_text USING gin (words);
