-- Labels of claims and states, and workspaces that stand on others (design, section 3; decision 0037). Both tables are new, so
-- that the migration reads and locks no table that is there, and a claim without labels writes no row more.

-- Labels of a claim, or of a state with a name. A workspace shows the labels of the claim that holds it, so the next client of a
-- workspace never sees those of the one before. version is for If-Match; 1 is what a subject without a row has.
-- A row is kept as long as its claim or state, and removed with it.
CREATE TABLE labels (
    subject_id uuid PRIMARY KEY,
    pairs      jsonb NOT NULL CHECK (jsonb_typeof(pairs) = 'object'),
    version    integer NOT NULL DEFAULT 2 CHECK (version >= 2)
);
CREATE INDEX labels_by_pair ON labels USING gin (pairs);

-- A workspace (child) that stands on another one (parent). The two numbers are the versions of the workspaces at that time: a
-- link lapses by itself when either changes its owner, is released or is deleted. dependencies: what of the parent, and which
-- other children, the child needs; for its users. A row is removed when it is detached, or replaced by another link of the
-- child; a lapsed one may be removed at any time.
CREATE TABLE workspace_children (
    child_id       uuid PRIMARY KEY,
    child_version  integer NOT NULL,
    parent_id      uuid NOT NULL,
    parent_version integer NOT NULL,
    name           text NOT NULL CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    dependencies   jsonb NOT NULL CHECK (jsonb_typeof(dependencies) = 'object'),
    attached_by    uuid NOT NULL REFERENCES users,
    attached_at    timestamptz NOT NULL,
    CHECK (child_id <> parent_id)
);
CREATE INDEX workspace_children_of ON workspace_children (parent_id);
