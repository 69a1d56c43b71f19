-- The roles of the projection. Run it with psql as a superuser, connected to Onhand's database, before or after the
-- first `onhand migrate`, and again whenever something looks wrong: it puts everything right and repeats harmlessly.
--
--   onhand_service   owns schema onhand: `onhand serve` and `onhand migrate` connect as it. It has no password yet:
--                    \password onhand_service, a certificate, or peer authentication.
--   onhand_analyst   reads. Nobody can connect as it: GRANT onhand_analyst TO somebody.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'onhand_service') THEN
        CREATE ROLE onhand_service LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'onhand_analyst') THEN
        CREATE ROLE onhand_analyst NOLOGIN;
    END IF;
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO onhand_service', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO onhand_analyst', current_database());
END
$$;

ALTER ROLE onhand_service NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE onhand_analyst NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE onhand_analyst SET default_transaction_read_only = on;

SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS onhand;
ALTER SCHEMA onhand OWNER TO onhand_service;

-- What somebody else has made there: the service has to be able to migrate it.
DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT format(CASE c.relkind WHEN 'v' THEN 'ALTER VIEW %s OWNER TO onhand_service'
                                     ELSE 'ALTER TABLE %s OWNER TO onhand_service' END, c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'onhand'::regnamespace AND c.relkind IN ('r', 'p', 'v')
          AND c.relowner <> 'onhand_service'::regrole
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO onhand_service', p.oid::regprocedure)
        FROM pg_proc p
        WHERE p.pronamespace = 'onhand'::regnamespace AND p.proowner <> 'onhand_service'::regrole
    LOOP
        EXECUTE command;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA onhand TO onhand_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA onhand TO onhand_analyst;
ALTER DEFAULT PRIVILEGES FOR ROLE onhand_service IN SCHEMA onhand GRANT SELECT ON TABLES TO onhand_analyst;
