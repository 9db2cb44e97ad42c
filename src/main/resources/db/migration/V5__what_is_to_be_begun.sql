-- Every return of a workspace asks what is to be reset and what is to be deleted: these hold only what no build works on,
-- not all that was ever given back and not all that is live.

DROP INDEX workspaces_to_delete;
CREATE INDEX workspaces_to_delete ON workspaces (deletion_wanted_at)
    WHERE deleted_at IS NULL
      AND (deletion_wanted_at IS NOT NULL OR (prebuild AND dirty AND build_status <> 'succeeded'))
      AND build_status IN ('succeeded', 'canceled', 'failed');

CREATE INDEX workspaces_to_reset ON workspaces (deletion_wanted_at)
    WHERE dirty AND NOT prebuild AND deletion_wanted_at IS NOT NULL AND deleted_at IS NULL
      AND transition = 'start' AND build_status = 'succeeded';

-- From here on dirty: somebody gave it back, its preset lets somebody else have it, and no reset has succeeded since.
UPDATE workspaces w SET dirty = false
  FROM presets p
 WHERE p.id = w.preset_id AND w.dirty AND NOT w.prebuild AND w.uses >= p.max_uses;
