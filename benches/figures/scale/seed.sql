-- So many people, each with five roles: one that everyone has, one of three, one of ten, and two of the 986 others. Twenty
-- of them have a rare role in the place of the last. A tenth of the last assignments end with one of the next months. All
-- are true by construction, so the foreign keys aren't checked one by one (which takes a superuser).
SET statement_timeout = 0;
SET session_replication_role = replica;

INSERT INTO roles (id, name, built_in, created_at, updated_at, revision)
SELECT uuid7('role', number, number), 'role-' || number, false, 0, 0, 1 FROM generate_series(0, 1002) AS number;
INSERT INTO permissions (id, name, built_in, created_at, revision)
SELECT uuid7('permission', number, number), 'thing-' || number || ':use', false, 0, 1
FROM generate_series(0, 1001) AS number;
INSERT INTO grants SELECT uuid7('role', number, number), uuid7('permission', number, number)
FROM generate_series(0, 1000) AS number;

CREATE TABLE people AS
SELECT number, uuid7('user', number, number * 10) AS id,
    (ARRAY['alice', 'bob', 'carol', 'dan', 'erin', 'frank', 'grace', 'heidi', 'ivan', 'judy'])[1 + number % 10]
        || '.' || lpad(number::text, 7, '0') AS username
FROM generate_series(0, {people} - 1) AS number;

INSERT INTO users (id, username, email, display_name, status, password_hash, created_at, updated_at, revision)
SELECT id, username, username || '@example.com', initcap(username),
    CASE WHEN number % ({people} / 80) = 7 THEN 'disabled' ELSE 'active' END,
    (SELECT password_hash FROM users WHERE username = 'admin'), number, number, 1 FROM people;
INSERT INTO logins SELECT username, id FROM people UNION ALL SELECT username || '@example.com', id FROM people;

INSERT INTO assignments (user_id, role_id, valid_until)
SELECT id, uuid7('role', role, role), CASE WHEN place = 4 AND number % 10 = 7 THEN
    micros(date_trunc('month', now()) + (1 + number % 12) * interval '1 month') END
FROM people, LATERAL (VALUES (0, 0), (1, 1 + number % 3), (2, 4 + number % 10), (3, 14 + number * 7 % 986),
    (4, CASE WHEN number % ({people} / 20) = 0 THEN 1000 ELSE 14 + (number * 7 + 493) % 986 END)) AS held (place, role);
-- The administrator comes last.
DELETE FROM assignments USING roles WHERE roles.id = role_id AND roles.name = 'admin';
INSERT INTO assignments SELECT users.id, roles.id FROM users, roles WHERE username = 'admin' AND roles.name = 'admin';

INSERT INTO sessions (id, user_id, client_id, created_at, expires_at, sequence, last_used_at)
SELECT uuid7('session', number, micros(now()) / 1000), id, 'rolecall', micros(now()),
    micros(now() + interval '1 day'), 1, micros(now())
FROM people WHERE number % 5 = 0;
DROP TABLE people;
