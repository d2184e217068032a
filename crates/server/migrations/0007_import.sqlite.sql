-- Lines of imported files that had no identifier, so that the same line is the same customer when its file is imported again.
CREATE TABLE imported_line (
    -- A hash of what it says.
    line_key BLOB NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX imported_line_by_customer ON imported_line (customer_id);
