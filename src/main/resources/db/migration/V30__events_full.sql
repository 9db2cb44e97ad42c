-- A full partition loses its oldest events by their place in the table. As a join, the DELETE was planned once for each session,
-- for the table as it was then: a session that began with a small table read the whole table for each of a hundred events.
CREATE OR REPLACE FUNCTION events_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM events WHERE ctid = ANY (ARRAY(SELECT e.ctid FROM events e
                                                WHERE e.subject = NEW.subject AND e.kind = NEW.kind AND e.seq <= NEW.seq - 10000
                                                ORDER BY e.seq LIMIT 1000
                                                  FOR UPDATE SKIP LOCKED));
    RETURN NULL;
END $$;
