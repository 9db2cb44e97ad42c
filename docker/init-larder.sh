#!/bin/sh
# Run once by the PostgreSQL image. Larder is not its server's superuser; only the backend that makes databases is.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$LARDER_DATABASE_PASSWORD" -U "$POSTGRES_USER" -d postgres <<'SQL'
CREATE ROLE larder LOGIN PASSWORD :'password';
CREATE DATABASE larder OWNER larder;
REVOKE ALL ON DATABASE larder FROM PUBLIC;
REVOKE ALL ON DATABASE postgres FROM PUBLIC;
REVOKE ALL ON DATABASE template1 FROM PUBLIC;
SQL
