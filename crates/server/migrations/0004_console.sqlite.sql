-- What customers are found by: the folded words of names, identifier and addresses. In the order of bytes, so that a beginning is a
-- range.
CREATE TABLE customer_word (
    customer_id INTEGER NOT NULL,
    word TEXT NOT NULL,
    PRIMARY KEY (customer_id, word)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_by_word ON customer_word (word, customer_id);
