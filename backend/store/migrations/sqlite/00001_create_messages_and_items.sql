-- +goose Up
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

-- +goose Down
DROP TABLE items;
DROP TABLE messages;
