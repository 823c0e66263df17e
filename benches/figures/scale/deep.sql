-- The hierarchy of the bench `hierarchy`: a hundred rows of a hundred roles, each role above two of the next row.
SET statement_timeout = 0;
SET session_replication_role = replica;
INSERT INTO roles (id, name, built_in, created_at, updated_at, revision)
SELECT uuid7('role', number, number), 'role-' || number, false, 0, 0, 1 FROM generate_series(0, 9999) AS number;
INSERT INTO permissions (id, name, built_in, created_at, revision)
SELECT uuid7('permission', number, number), 'thing-' || number || ':do', false, 0, 1
FROM generate_series(0, 10000) AS number;
INSERT INTO grants
SELECT uuid7('role', number % 10000, number % 10000), uuid7('permission', number % 10000, number % 10000)
FROM generate_series(0, 9999) AS number;
INSERT INTO grants
SELECT uuid7('role', role, role), uuid7('permission', (role + 1000 * step) % 10000, (role + 1000 * step) % 10000)
FROM generate_series(0, 9999) AS role, generate_series(1, 9) AS step;
INSERT INTO inheritances
SELECT uuid7('role', senior, senior), uuid7('role', junior, junior)
FROM generate_series(0, 9899) AS senior, LATERAL (VALUES (0), (7 + (senior / 100 + 1) % 5)) AS other (step),
    LATERAL (SELECT (senior / 100 + 1) * 100 + (senior % 100 + step) % 100 AS junior) AS below;
