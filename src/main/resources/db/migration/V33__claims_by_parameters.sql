-- A claim that was chosen by parameters waits for a workspace that has these values, also where another version is promoted.

-- All that is needed at once: an older server that works meanwhile has a statement in these tables all the time.
LOCK TABLE claims, rollouts IN ACCESS EXCLUSIVE MODE;

-- fitting: the values of parameters that the stock had which the claim was chosen for, by name; NULL: it was not chosen by
-- parameters. No value of a sensitive parameter is among them. Kept as long as the claim.
-- NOT VALID: no row has a value yet, so none has to be looked at.
ALTER TABLE claims
    ADD COLUMN fitting jsonb,
    ADD CONSTRAINT claims_fitting CHECK (jsonb_typeof(fitting) = 'object') NOT VALID;

-- No rollout has the causes drift and repair: stock that has drifted or cannot be trusted is not handed out, so nothing is
-- gained by keeping it until it is replaced (decision 0046). Rollouts are few, as ended ones are kept for 30 days.
ALTER TABLE rollouts
    DROP CONSTRAINT rollouts_cause_check,
    ADD CONSTRAINT rollouts_cause CHECK (cause IN ('promotion', 'invalidation', 'expiry'));
