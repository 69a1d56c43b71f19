#!/bin/sh
# A PostgreSQL of Onhand's own, for a first try: in DIR, reached only through a socket there. Not for production, where
# the database has a machine, users and backups of its own (docs/OPERATIONS.md).
#
#   sh deploy/postgres_private.sh start DIR     prints how to connect, as --postgres takes it
#   sh deploy/postgres_private.sh stop DIR
#
# As root it runs as the user postgres, for it refuses root. Where that user cannot reach DIR (below /root, say), the
# cluster is in /var/lib/postgresql instead, in a folder named for DIR.
set -eu

action=${1:?"start or stop"}
mkdir -p "${2:?"a folder"}"
folder=$(cd "$2" && pwd)
programs=/usr/lib/postgresql/15/bin
port=5432 # of the socket's name only: nothing listens on the network

fail() {
    printf 'postgres_private: %s\n' "$*" >&2
    exit 1
}

as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid=postgres --regid=postgres --clear-groups "$@"
    else
        "$@"
    fi
}

# Sets where everything is.
choose_folder() {
    if [ "$(id -u)" -eq 0 ] && id postgres >/dev/null 2>&1; then
        chown postgres:postgres "$folder"
        as_postgres test -w "$folder" ||
            folder=/var/lib/postgresql/onhand-$(printf '%s' "$folder" | cksum | cut -d ' ' -f 1)
        as_postgres mkdir -p "$folder"
    fi
    [ ${#folder} -le 80 ] || fail "$folder is too long for a socket's path (80 characters): choose another --data"
    cluster=$folder/cluster
    log_file=$folder/postgres.log
    initdb_log=$folder/initdb.log
}

make_cluster() {
    [ ! -e "$cluster/PG_VERSION" ] || return 0
    as_postgres "$programs/initdb" --pgdata="$cluster" --username=postgres --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 2>&1 | as_postgres tee "$initdb_log" >/dev/null
    [ -e "$cluster/PG_VERSION" ] || { tail -n 20 "$initdb_log" >&2; fail "initdb failed"; }
}

is_running() {
    as_postgres "$programs/pg_ctl" --pgdata="$cluster" status >/dev/null 2>&1
}

make_database() {
    for sql in "CREATE ROLE onhand LOGIN" "CREATE DATABASE onhand OWNER onhand"; do
        as_postgres "$programs/psql" --quiet --no-psqlrc -h "$folder" -p $port -U postgres -c "$sql" >/dev/null 2>&1 || true
    done
    as_postgres "$programs/psql" --quiet --no-psqlrc -h "$folder" -p $port -U onhand -d onhand -c "SELECT 1" >/dev/null ||
        fail "the database cannot be reached; see $log_file"
}

choose_folder
case $action in
start)
    [ -x "$programs/postgres" ] || fail "there is no $programs: install postgresql-15"
    make_cluster
    is_running || as_postgres "$programs/pg_ctl" --pgdata="$cluster" --log="$log_file" --wait start \
        --options="-c listen_addresses='' -c unix_socket_directories='$folder' -c port=$port" >/dev/null ||
        { tail -n 20 "$log_file" >&2; fail "PostgreSQL does not start: see $log_file"; }
    make_database
    printf 'host=%s port=%s user=onhand dbname=onhand\n' "$folder" $port
    ;;
stop)
    [ -e "$cluster/PG_VERSION" ] || exit 0
    ! is_running || as_postgres "$programs/pg_ctl" --pgdata="$cluster" --mode=fast --wait stop >/dev/null
    ;;
*) fail "start or stop, not $action" ;;
esac
