//! The tables, and how an older file becomes a newer one. Moments are milliseconds since 1970 UTC.

use rusqlite::{Connection, TransactionBehavior, functions::FunctionFlags};

use super::{Result, StoreError};
use crate::delivery::provider::Provider;

/// Each brings the schema one version further; a released one is never changed.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE newsroom (           -- one row
    one INTEGER PRIMARY KEY CHECK (one = 1),
    scanned INTEGER NOT NULL      -- whether the folder has been scanned once
);
INSERT INTO newsroom VALUES (1, 0);

CREATE TABLE article (
    id INTEGER PRIMARY KEY,
    guid TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,           -- where its file was last seen
    content TEXT NOT NULL,        -- SHA-256 of the last good file
    title TEXT NOT NULL,
    language TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    seq INTEGER UNIQUE,           -- the order of going live
    live_at INTEGER,
    is_archive INTEGER NOT NULL DEFAULT 0,
    away_since INTEGER            -- numbered, and not out now
);
CREATE TABLE slug (
    slug TEXT PRIMARY KEY,
    article_id INTEGER NOT NULL REFERENCES article (id),
    used INTEGER NOT NULL         -- later ones are higher
);
CREATE TABLE good_text (          -- the last good version of a file, for when a bad one replaces it
    article_id INTEGER PRIMARY KEY REFERENCES article (id),
    text TEXT NOT NULL,
    side TEXT
);

CREATE TABLE subscriber (
    id INTEGER PRIMARY KEY,
    email_key TEXT NOT NULL UNIQUE, -- lower case
    email TEXT NOT NULL,
    name TEXT NOT NULL
);
CREATE TABLE subscription (
    id INTEGER PRIMARY KEY,
    subscriber_id INTEGER NOT NULL REFERENCES subscriber (id),
    newsletter TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'ended')),
    cadence TEXT NOT NULL,
    language TEXT,
    seen INTEGER NOT NULL,        -- the highest seq already offered
    proof TEXT NOT NULL,          -- where the consent came from: file and row, or command
    since INTEGER NOT NULL,
    ended_at INTEGER,
    ended_by TEXT,
    UNIQUE (subscriber_id, newsletter)
);
CREATE INDEX subscription_audience ON subscription (newsletter, cadence) WHERE status = 'active';

CREATE TABLE schedule (
    newsletter TEXT NOT NULL,
    cadence TEXT NOT NULL,
    considered INTEGER NOT NULL,  -- slots up to here have been looked at
    seq INTEGER NOT NULL,         -- articles up to here have been looked at (instant)
    PRIMARY KEY (newsletter, cadence)
) WITHOUT ROWID;

CREATE TABLE issue (
    id INTEGER PRIMARY KEY,
    newsletter TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('slot', 'by_hand', 'announcement', 'special')),
    cadence TEXT,
    slot_at INTEGER,
    announced INTEGER REFERENCES article (id),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'done')),
    cut INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    sending_since INTEGER NOT NULL, -- opened, or approved
    frame TEXT NOT NULL,
    letters INTEGER NOT NULL      -- how many deliveries it was opened with
);
CREATE UNIQUE INDEX issue_slot ON issue (newsletter, cadence, slot_at) WHERE origin = 'slot';
CREATE UNIQUE INDEX issue_announcement ON issue (newsletter, announced) WHERE origin = 'announcement';
CREATE TABLE variant (
    id INTEGER PRIMARY KEY,
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    content TEXT NOT NULL         -- the rendered letter
);
CREATE TABLE variant_article (
    variant_id INTEGER NOT NULL REFERENCES variant (id),
    article_id INTEGER NOT NULL REFERENCES article (id),
    PRIMARY KEY (variant_id, article_id)
) WITHOUT ROWID;

CREATE INDEX variant_of_article ON variant_article (article_id, variant_id);

CREATE TABLE delivery (
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    subscription_id INTEGER NOT NULL REFERENCES subscription (id),
    variant_id INTEGER NOT NULL REFERENCES variant (id),
    state TEXT NOT NULL CHECK (state IN
        ('pending', 'sending', 'accepted', 'deferred', 'refused', 'in_doubt', 'skipped')),
    attempt INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    seen_before INTEGER NOT NULL,
    via TEXT,                     -- who has it, or had it last: outbox, smtp
    reply TEXT,
    updated INTEGER NOT NULL,
    PRIMARY KEY (issue_id, subscription_id)
) WITHOUT ROWID;
CREATE INDEX delivery_open ON delivery (issue_id, not_before, subscription_id)
    WHERE state IN ('pending', 'deferred');
CREATE INDEX delivery_sending ON delivery (issue_id) WHERE state = 'sending';
CREATE INDEX delivery_of_variant ON delivery (variant_id);
CREATE INDEX delivery_of_reader ON delivery (subscription_id, issue_id);
",
    "
CREATE TABLE archive (            -- a block of a feed's entries, as it was cut (RFC 5005)
    feed TEXT NOT NULL,           -- the path before `feed.rss`
    number INTEGER NOT NULL,      -- from 1, the oldest
    article_id INTEGER NOT NULL REFERENCES article (id),
    PRIMARY KEY (feed, number, article_id)
) WITHOUT ROWID;
CREATE INDEX slug_article ON slug (article_id);
CREATE INDEX slug_used ON slug (used);
CREATE INDEX article_path ON article (path);

CREATE TABLE reading (            -- what a file said when it was last read
    path TEXT PRIMARY KEY,
    settings TEXT NOT NULL,       -- with which settings
    stamp TEXT NOT NULL,          -- another whenever the file is
    manuscript BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE hub_request (        -- somebody asks to be told of a feed, or no longer; not verified yet
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,          -- the path of a feed
    callback TEXT NOT NULL,
    host TEXT NOT NULL,           -- the callback's
    mode TEXT NOT NULL CHECK (mode IN ('subscribe', 'unsubscribe')),
    secret TEXT,
    verify_token TEXT,
    lease_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL,
    UNIQUE (topic, callback)
);
CREATE TABLE hub_subscription (   -- who is told of a feed
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    callback TEXT NOT NULL,
    host TEXT NOT NULL,
    secret TEXT,
    lease_until INTEGER NOT NULL,
    told TEXT NOT NULL,           -- the ETag last delivered
    failures INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    UNIQUE (topic, callback)
);
CREATE INDEX hub_subscription_host ON hub_subscription (host);
CREATE INDEX hub_request_host ON hub_request (host);
CREATE TABLE ping (               -- what another hub was told last
    hub TEXT NOT NULL,
    topic TEXT NOT NULL,
    told TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hub, topic)
) WITHOUT ROWID;
",
    "
CREATE TABLE issue_of_now (
    id INTEGER PRIMARY KEY,
    newsletter TEXT NOT NULL,
    origin TEXT NOT NULL CHECK (origin IN ('slot', 'by_hand', 'announcement', 'special')),
    cadence TEXT,
    slot_at INTEGER,
    announced INTEGER REFERENCES article (id),
    follows INTEGER REFERENCES issue (id), -- sent to those who did not get that one, the first of its family
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'paused', 'cancelled', 'done')),
    cause TEXT,                   -- why it is paused
    words TEXT,                   -- what a server said, or what does not add up
    cut INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    sending_since INTEGER NOT NULL, -- opened, approved, or resumed
    active_at INTEGER NOT NULL,   -- when a letter of it was last claimed
    frame TEXT NOT NULL,
    audience INTEGER NOT NULL,    -- readers who could have been in it
    excluded INTEGER NOT NULL,    -- those for whom there was nothing in it
    letters INTEGER NOT NULL,     -- how many deliveries it was opened with
    canary INTEGER,               -- letters that may still go out before the author is asked
    CHECK (audience = excluded + letters)
);
INSERT INTO issue_of_now
    SELECT id, newsletter, origin, cadence, slot_at, announced, NULL, state, NULL, NULL, cut, opened_at,
           sending_since, sending_since, frame, letters, 0, letters, NULL FROM issue;
DROP TABLE issue;
ALTER TABLE issue_of_now RENAME TO issue;
CREATE UNIQUE INDEX issue_slot ON issue (newsletter, cadence, slot_at) WHERE origin = 'slot';
CREATE UNIQUE INDEX issue_announcement ON issue (newsletter, announced) WHERE origin = 'announcement';
CREATE INDEX issue_open ON issue (state) WHERE state = 'sending';

ALTER TABLE subscription ADD COLUMN provider TEXT NOT NULL DEFAULT ''; -- who receives this reader's mail
ALTER TABLE subscription ADD COLUMN zone TEXT; -- where the reader is, as `Asia/Tehran`
UPDATE subscription SET provider =
    (SELECT provider(email) FROM subscriber WHERE subscriber.id = subscription.subscriber_id);

CREATE TABLE delivery_of_now (
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    subscription_id INTEGER NOT NULL REFERENCES subscription (id),
    variant_id INTEGER NOT NULL REFERENCES variant (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'sending', 'accepted', 'deferred', 'refused', 'in_doubt',
        'skipped', 'cancelled')),
    attempt INTEGER NOT NULL DEFAULT 0,
    provider TEXT NOT NULL,       -- letters to one are paced together
    not_before INTEGER NOT NULL,
    tried_since INTEGER,          -- its first try
    lane INTEGER,                 -- which connection has it, while it is sending
    turn INTEGER,                 -- a lane sends in this order: only its lowest can be in doubt
    losses INTEGER NOT NULL DEFAULT 0, -- how often in a row a server hung up before its end
    doubts INTEGER NOT NULL DEFAULT 0, -- how often the server may have had it without an answer
    blame TEXT,                   -- whom a refusal is about
    is_assumed INTEGER NOT NULL DEFAULT 0, -- accepted by the author's word alone
    seen_before INTEGER NOT NULL,
    via TEXT,                     -- who has it, or had it last: outbox, smtp
    reply TEXT,
    updated INTEGER NOT NULL,
    PRIMARY KEY (issue_id, subscription_id)
) WITHOUT ROWID;
INSERT INTO delivery_of_now
    SELECT issue_id, subscription_id, variant_id, state, attempt,
           (SELECT provider FROM subscription WHERE subscription.id = subscription_id), not_before,
           CASE WHEN attempt > 0 THEN updated END, NULL, NULL, 0, 0, NULL, 0, seen_before, via, reply, updated
    FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_of_now RENAME TO delivery;
CREATE INDEX delivery_open ON delivery (issue_id, provider, not_before, subscription_id)
    WHERE state IN ('pending', 'deferred');
CREATE INDEX delivery_sending ON delivery (lane, turn) WHERE state = 'sending';

CREATE INDEX issue_family ON issue (coalesce(follows, id));

-- Which letter brought which article to whom, or is to.
CREATE VIEW brought AS
    SELECT subscription_id, article_id, seq
    FROM article
    JOIN variant_article ON article_id = article.id
    JOIN variant ON variant.id = variant_article.variant_id
    JOIN delivery ON delivery.issue_id = variant.issue_id AND delivery.variant_id = variant.id
    WHERE delivery.state NOT IN ('skipped', 'cancelled');

-- Readers who did not get an issue and cannot have it, are still there, and were not reached by another of its
-- family: the first, and those that followed it. What was cancelled may also have come with an issue of its own later.
CREATE VIEW missed AS
    SELECT delivery.issue_id, subscription_id, variant_id, seen_before, subscription.provider
    FROM delivery
    JOIN subscription ON subscription.id = subscription_id
    JOIN issue ON issue.id = delivery.issue_id
    WHERE delivery.state IN ('refused', 'cancelled') AND status = 'active'
    AND NOT EXISTS (SELECT 1 FROM issue other
        JOIN delivery again ON again.issue_id = other.id AND again.subscription_id = delivery.subscription_id
        WHERE coalesce(other.follows, other.id) = coalesce(issue.follows, issue.id)
        AND (again.state NOT IN ('refused', 'cancelled', 'skipped') OR again.doubts > 0))
    AND (delivery.state = 'refused' OR NOT EXISTS (SELECT 1 FROM variant_article mine
        JOIN variant_article theirs ON theirs.article_id = mine.article_id
        JOIN variant ON variant.id = theirs.variant_id
        JOIN delivery again ON again.issue_id = variant.issue_id AND again.variant_id = variant.id
            AND again.subscription_id = delivery.subscription_id
        WHERE mine.variant_id = delivery.variant_id AND again.state NOT IN ('refused', 'cancelled', 'skipped')));

CREATE TABLE issue_count (        -- kept beside the rows, so that each can be held against the other
    issue_id INTEGER NOT NULL REFERENCES issue (id),
    state TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (issue_id, state)
) WITHOUT ROWID;
CREATE TABLE sent_on (            -- letters that a provider took on a day, while a sender is warming up
    day TEXT NOT NULL,
    provider TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, provider)
) WITHOUT ROWID;
CREATE TABLE alert (              -- what the author was told of, so that he is told once
    reason TEXT NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (reason, day)
) WITHOUT ROWID;
INSERT INTO issue_count SELECT issue_id, state, count(*) FROM delivery GROUP BY 1, 2;
",
];

/// What the migrations call: `provider('mina@googlemail.com')` is `gmail.com`.
fn define_functions(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("provider", 1, flags, |call| {
        Ok(Provider::of(&call.get::<String>(0)?).to_string())
    })?;
    Ok(())
}

pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    define_functions(connection)?;
    let known = MIGRATIONS.len() as i64;
    // A table that others refer to is made anew under its name.
    connection.pragma_update(None, "foreign_keys", false)?;
    // In one transaction with the check: two processes may start at once.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}
