-- Lists by preset, by user and by how a claim or a job ended (decision 0043). Other filters look at a bounded number of rows.
-- While an index is built, claims and jobs wait: seconds where there are millions of rows.

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE jobs, claims IN SHARE MODE;

CREATE INDEX claims_of_preset ON claims (preset_id, id) WHERE preset_id IS NOT NULL;
CREATE INDEX claims_of_user ON claims (user_id, id);

-- These are rare, so hardly any claim or job writes the indexes.
CREATE INDEX claims_ended_badly ON claims (organization_id, id)
    WHERE ended_reason IN ('failed', 'verify_failed', 'timed_out', 'preset_not_active');
CREATE INDEX jobs_ended_badly ON jobs (organization_id, id) WHERE status IN ('failed', 'canceled');
