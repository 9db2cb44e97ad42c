-- A claim that was chosen by parameters waits for a workspace that has these values, also where another version is promoted.

-- fitting: the values of parameters that the stock had which the claim was chosen for, by name; NULL: it was not chosen by
-- parameters. No value of a sensitive parameter is among them. Kept as long as the claim.
-- NOT VALID: no row has a value yet, so none has to be looked at.
ALTER TABLE claims
    ADD COLUMN fitting jsonb,
    ADD CONSTRAINT claims_fitting CHECK (jsonb_typeof(fitting) = 'object') NOT VALID;
