-- Layout "hash partitions by tenant" (docs/postgresql.md): what the second and the third server need, once each,
-- after `spillwatch migrate` has made the schema there. Their tenants come from the first server, with the numbers that
-- it gave them.
\set ON_ERROR_STOP on
BEGIN;
DO $$ BEGIN
    IF EXISTS (SELECT 1 FROM tenants) THEN
        RAISE EXCEPTION 'this database has tenants of its own; take an empty one and make the schema with spillwatch migrate';
    END IF;
END $$;
ALTER TABLE tenants ALTER COLUMN tenant DROP IDENTITY;
COMMIT;
