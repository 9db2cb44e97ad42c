-- Whose token a remote worker came with: nobody else speaks for it. A worker of a server's own process has none.
ALTER TABLE workers ADD COLUMN user_id uuid REFERENCES users;
