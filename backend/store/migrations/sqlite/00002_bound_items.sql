-- +goose Up
ALTER TABLE items ADD COLUMN expires_at INTEGER;    -- milliseconds since 1970 in UTC; NULL is never

CREATE INDEX items_by_expiry ON items (expires_at) WHERE expires_at IS NOT NULL;

-- How many items there are: counting them would read all of them.
CREATE TABLE item_count (n INTEGER NOT NULL);
INSERT INTO item_count SELECT count(*) FROM items;

-- +goose StatementBegin
CREATE TRIGGER items_added AFTER INSERT ON items BEGIN
    UPDATE item_count SET n = n + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER items_removed AFTER DELETE ON items BEGIN
    UPDATE item_count SET n = n - 1;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER items_removed;
DROP TRIGGER items_added;
DROP TABLE item_count;
DROP INDEX items_by_expiry;
ALTER TABLE items DROP COLUMN expires_at;
