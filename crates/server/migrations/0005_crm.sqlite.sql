-- What the CRM knows of a customer beside names, identifier and e-mail addresses. What is not known is empty.
ALTER TABLE customer ADD COLUMN company_id INTEGER;
-- A company is a customer, too: this row of it.
ALTER TABLE customer ADD COLUMN is_company INTEGER NOT NULL DEFAULT 0;
ALTER TABLE customer ADD COLUMN type_name TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN group_name TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN nip TEXT NOT NULL DEFAULT '';
-- The letters and digits of the NIP: what is looked for.
ALTER TABLE customer ADD COLUMN nip_key TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN gender TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN homepage TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN birthdate TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN pesel TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN job TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN job_title TEXT NOT NULL DEFAULT '';
ALTER TABLE customer ADD COLUMN is_vip INTEGER NOT NULL DEFAULT 0;
-- Each leads to what one filter finds, in the order of lists.
CREATE INDEX customer_by_company ON customer (company_id, id) WHERE company_id IS NOT NULL;
CREATE INDEX customer_by_kind ON customer (is_company, id);
CREATE INDEX customer_by_type ON customer (type_name, id) WHERE type_name <> '';
CREATE INDEX customer_by_group ON customer (group_name, id) WHERE group_name <> '';
CREATE INDEX customer_by_nip ON customer (nip_key, id) WHERE nip_key <> '';
CREATE INDEX customer_without_identifier ON customer (id) WHERE identifier IS NULL;

CREATE TABLE customer_phone (
    customer_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    -- As it was given, and as it is looked for.
    phone TEXT NOT NULL,
    phone_key TEXT NOT NULL,
    PRIMARY KEY (customer_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_phone_by_key ON customer_phone (phone_key, customer_id);

CREATE TABLE customer_address (
    customer_id INTEGER NOT NULL,
    -- 0 address, 1 of invoices, 2 of mail
    kind INTEGER NOT NULL,
    street TEXT,
    building TEXT,
    flat TEXT,
    postcode TEXT,
    city TEXT,
    country TEXT,
    PRIMARY KEY (customer_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE company (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL UNIQUE
) STRICT;

CREATE TABLE field_group (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

-- What an installation knows of customers beyond our columns.
CREATE TABLE custom_field (
    id INTEGER NOT NULL PRIMARY KEY,
    -- 0: a field of customers and companies themselves, not of a group's items.
    group_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    -- 0 text, 1 number, 2 date, 3 list, 4 yes or no
    kind INTEGER NOT NULL,
    -- Of a list: one a line.
    options TEXT NOT NULL,
    is_read_only INTEGER NOT NULL,
    is_of_customers INTEGER NOT NULL,
    is_of_companies INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX custom_field_by_name ON custom_field (group_id, name);

CREATE TABLE custom_value (
    customer_id INTEGER NOT NULL,
    field_id INTEGER NOT NULL,
    -- A list may have several.
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    -- A hash of the value: what is looked for, however long it is.
    value_key BLOB NOT NULL,
    PRIMARY KEY (customer_id, field_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX custom_value_by_key ON custom_value (field_id, value_key, customer_id);

-- What a customer has several of, such as orders: each has values of the group's fields.
CREATE TABLE field_item (
    id INTEGER NOT NULL PRIMARY KEY,
    customer_id INTEGER NOT NULL,
    group_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX field_item_by_customer ON field_item (customer_id, group_id, id);

CREATE TABLE field_item_value (
    item_id INTEGER NOT NULL,
    field_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (item_id, field_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed_record (
    customer_id INTEGER NOT NULL,
    id BLOB NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (customer_id, id)
) STRICT, WITHOUT ROWID;

-- Customers and companies that are deleted, of whom something is left to take away, in steps.
CREATE TABLE customer_gone (
    customer_id INTEGER NOT NULL PRIMARY KEY,
    -- Of a company: its people are left, too.
    company_id INTEGER
) STRICT;

-- Where a page of customers ended, so that the next one goes on there and not at an offset that others have shifted.
CREATE TABLE list_place (
    -- A keyed hash of who reads and what is asked for.
    list_key BLOB NOT NULL,
    place INTEGER NOT NULL,
    after_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (list_key, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_place_by_age ON list_place (at);
