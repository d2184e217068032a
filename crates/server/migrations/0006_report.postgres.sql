-- What reports count: a narrow row a conversation, made from its log by who indexes it, and made anew at any time. Where the log has
-- gone on since (see conversation_to_index), or there is no row yet, a report reads the log itself.
CREATE TABLE report_fact (
    conversation_id BYTEA NOT NULL PRIMARY KEY,
    -- Up to where the log is in it.
    seq BIGINT NOT NULL,
    chat_queue_id BIGINT NOT NULL,
    agent_id BIGINT,
    -- 1 the client has said something, 2 closed, 4 a bot has it, 8 a bot has had it, 16 it was handed over to people, 32 it was closed
    -- while a bot had it, 64 it has been for people
    marks BIGINT NOT NULL,
    -- From the start to the first answer of an agent, and from there to the end.
    wait_ms BIGINT,
    chat_ms BIGINT,
    rating BIGINT
);
-- Up to which conversation all have a row: 'all', or its id while they are being made.
INSERT INTO setting (name, value)
    SELECT 'report.built', CASE WHEN EXISTS (SELECT 1 FROM conversation) THEN '00000000-0000-0000-0000-000000000000' ELSE 'all' END;
