/* schema: the tables of a store, as one script. Included by store.c only.
 *
 * Ids carry their creation second: id >> 24 is Unix time, the low 24 bits count. So the
 * primary key of a contact is its age too: newest first is the key backwards, createTime
 * is a range. */
#ifndef SC_SCHEMA_H
#define SC_SCHEMA_H

#include "schema_id.h"

static const char schema_create[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE member(id INTEGER PRIMARY KEY,"
    " email TEXT NOT NULL COLLATE NOCASE, phone TEXT, name TEXT,"
    /* tags: their ids, see tagging.h */
    " fields TEXT NOT NULL, updated INTEGER NOT NULL, unsubscribed INTEGER, tags BLOB);"

    "CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " updated INTEGER NOT NULL);"
    "CREATE INDEX tag_name_case ON tag(name COLLATE NOCASE);"

    /* conditions: [{"f":field,"o":operator,"v":value,"c":campaign or null}];
     * status: -1 failed, 1 updating, 2 ready; fails: the running evaluation will fail */
    "CREATE TABLE segment(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
    " type INTEGER NOT NULL,"
    " relation TEXT NOT NULL, conditions TEXT NOT NULL, updated INTEGER NOT NULL,"
    " started_ms INTEGER NOT NULL, finish_ms INTEGER NOT NULL, status INTEGER NOT NULL,"
    " fails INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE segment_member(segment INTEGER, member INTEGER,"
    " PRIMARY KEY(segment, member)) WITHOUT ROWID;"
    "CREATE INDEX segment_member_member ON segment_member(member);"
    "CREATE TRIGGER segment_member_drop AFTER DELETE ON segment_member BEGIN"
    " UPDATE segment SET total = total - 1 WHERE id = old.segment; END;"

    "CREATE TABLE campaign(id INTEGER PRIMARY KEY, status TEXT NOT NULL);"
    /* kind: enum sc_event */
    "CREATE TABLE campaign_event(campaign INTEGER, kind INTEGER, member INTEGER,"
    " at INTEGER NOT NULL, PRIMARY KEY(campaign, kind, member)) WITHOUT ROWID;"
    "CREATE INDEX campaign_event_member ON campaign_event(member);"

    "CREATE TABLE field(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
    " type INTEGER NOT NULL, format TEXT, options TEXT);";

static const char schema_clear[] =
    "DELETE FROM segment_member; DELETE FROM segment; DELETE FROM campaign_event;"
    "DELETE FROM campaign; DELETE FROM member; DELETE FROM tag; DELETE FROM field;"
    "DELETE FROM meta;";

/* What an account begins with. */
static const char schema_fill[] =
    "INSERT INTO field(name, type, format) VALUES"
    " ('Gender', 0, NULL), ('Birthday', 3, 'MM/DD'), ('Age', 1, '0');";

#endif
