-- A database of version 1 of the tables, with two items.
CREATE TABLE messages (
    id                TEXT    NOT NULL PRIMARY KEY, -- a ULID: sorts by time
    room_id           TEXT    NOT NULL,
    user_id           TEXT,
    text              TEXT    NOT NULL,
    author            TEXT    NOT NULL,             -- "user:" or "socket:" and an id: whose client_message_id it is
    client_message_id TEXT,
    created_at        INTEGER NOT NULL              -- milliseconds since 1970 in UTC
);

-- A page of a room's history is a range of this index.
CREATE INDEX messages_by_room ON messages (room_id, id);

-- A message that its author names is saved once.
CREATE UNIQUE INDEX messages_once ON messages (room_id, author, client_message_id)
    WHERE client_message_id IS NOT NULL;

CREATE TABLE items (
    key        TEXT    NOT NULL PRIMARY KEY,
    value      TEXT    NOT NULL,                    -- JSON
    updated_at INTEGER NOT NULL                     -- milliseconds since 1970 in UTC
);

CREATE TABLE goose_db_version (
    id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL, tstamp TIMESTAMP DEFAULT (datetime('now'))
);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1);
INSERT INTO items (key, value, updated_at) VALUES ('a', '1', 1), ('b', '2', 2);
