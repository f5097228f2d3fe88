/** What each version of the agent did to its tables; only ever appended to. `user_version` counts those done. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE assignment (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    document TEXT NOT NULL
  ) STRICT;

  CREATE TABLE wish (
    name TEXT NOT NULL,
    cache TEXT NOT NULL,
    digest TEXT NOT NULL,
    removal TEXT NOT NULL CHECK (removal IN ('keep', 'remove')),
    PRIMARY KEY (name, cache)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE part (
    digest TEXT PRIMARY KEY,
    boot TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE extent (
    digest TEXT NOT NULL REFERENCES part (digest) ON DELETE CASCADE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL CHECK (end > start),
    sha256 TEXT NOT NULL,
    PRIMARY KEY (digest, start)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE attempt (
    subject TEXT PRIMARY KEY,
    tries INTEGER NOT NULL,
    delay_ms INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    code TEXT NOT NULL
      CHECK (code IN ('invalid', 'not-found', 'denied', 'unavailable', 'corrupt', 'no-space', 'conflict')),
    message TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE carried (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    entries TEXT NOT NULL
  ) STRICT;
  `,
]
