-- Layout "hash partitions by tenant" (docs/postgresql.md): turns the schema of this database, which may hold data
-- already, into three parts by tenant. The first part stays here; the others go to two more servers, which
-- postgres_fdw reaches and partition_server.sql has prepared. Run it with psql while no node runs:
--
--     psql DATABASE -v second_host=... -v second_port=... -v second_database=... \
--         -v third_host=... -v third_port=... -v third_database=... -v remote_user=... -f partition_by_tenant.sql
--
-- postgres_fdw has no commit that spans servers. So everything that one group of writes touches lies on one server: all
-- tables with the tenant in every key, and `tenants` itself, whose row holds the end of the tenant's change log and is
-- the lock that orders its writers. What is not of one tenant stays here: apps, app_secrets, removed_tenants, secrets,
-- registry, migrations.
\set ON_ERROR_STOP on
BEGIN;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;

-- `synchronous_commit` is what an acknowledged commit on that server is worth, as nodes ask for it here. Nobody waits
-- for a lock longer than nodes do. A peer that is silent is taken for gone after about ten seconds, on both sides.
SELECT format(
    'CREATE SERVER spillwatch_%s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host %L, port %L, dbname %L,
        use_remote_estimate ''true'', fetch_size ''1000'', batch_size ''256'', connect_timeout ''5'',
        keepalives_idle ''10'', keepalives_interval ''3'', keepalives_count ''3'', tcp_user_timeout ''10000'',
        options ''-c synchronous_commit=on -c lock_timeout=10s -c idle_in_transaction_session_timeout=600s'
    || ' -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3 -c tcp_user_timeout=10000'')',
    part, host, port, database),
    format('CREATE USER MAPPING FOR CURRENT_USER SERVER spillwatch_%s OPTIONS (user %L)', part, :'remote_user')
FROM (VALUES (1, :'second_host', :'second_port', :'second_database'), (2, :'third_host', :'third_port', :'third_database'))
    AS s(part, host, port, database) \gexec

-- Numbers of tenants are given out here, and never twice.
CREATE SEQUENCE tenant_numbers;
SELECT setval('tenant_numbers', last_value, is_called) FROM tenants_tenant_seq;
ALTER TABLE tenants ALTER COLUMN tenant DROP IDENTITY;
ALTER TABLE tenants ALTER COLUMN tenant SET DEFAULT nextval('tenant_numbers');

-- Each table becomes the first part of a new one of its name, and keeps its primary key and its indexes. A table with
-- parts on other servers can have no unique index of its own: the parts have them, and since a key begins with the
-- tenant, what is unique in a part is unique. Rows of the other parts move.
SELECT format('ALTER TABLE %1$I RENAME TO %2$I', name, name || '_0'),
    format('CREATE TABLE %1$I (LIKE %2$I INCLUDING DEFAULTS) PARTITION BY HASH (tenant)', name, name || '_0'),
    format('CREATE FOREIGN TABLE %2$I PARTITION OF %1$I FOR VALUES WITH (MODULUS 3, REMAINDER 1)
        SERVER spillwatch_1 OPTIONS (table_name %1$L)', name, name || '_1'),
    format('CREATE FOREIGN TABLE %2$I PARTITION OF %1$I FOR VALUES WITH (MODULUS 3, REMAINDER 2)
        SERVER spillwatch_2 OPTIONS (table_name %1$L)', name, name || '_2'),
    format('INSERT INTO %1$I SELECT * FROM %2$I WHERE NOT satisfies_hash_partition(%1$L::regclass, 3, 0, tenant)',
        name, name || '_0'),
    format('DELETE FROM %2$I WHERE NOT satisfies_hash_partition(%1$L::regclass, 3, 0, tenant)', name, name || '_0'),
    format('ALTER TABLE %1$I ATTACH PARTITION %2$I FOR VALUES WITH (MODULUS 3, REMAINDER 0)', name, name || '_0')
FROM unnest(ARRAY['tenants', 'risk_events', 'detections', 'evidence', 'users', 'risky_users', 'actors', 'changes',
    'totals', 'repeatable_requests', 'accounts', 'verifiers', 'jobs', 'job_records',
    'found_credentials', 'tasks', 'candidates', 'retained_candidates']) AS name \gexec

-- A plan that is made for any tenant would open a transaction on every server; one that is made for this tenant on
-- its own only. Joins within a tenant are then worked out where it lies.
SELECT format('ALTER DATABASE %I SET plan_cache_mode = force_custom_plan', current_database()),
    format('ALTER DATABASE %I SET enable_partitionwise_join = on', current_database()) \gexec
COMMIT;
