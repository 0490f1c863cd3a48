/* fields: the attributes that contacts can have beside email, name and phone.
 *
 * box->fields mirrors the table, so that an upsert looks names up without SQL. A name is
 * the same in any letter case. */
#ifndef SC_FIELDS_H
#define SC_FIELDS_H

#include "engine.h"

#pragma GCC visibility push(hidden)

/* Reads the table into box->fields; frees them. */
int sc_fields_load(struct sc_box *box);
void sc_fields_forget(struct sc_box *box);

/* The field of that name, or NULL. */
const struct sc_field *sc_fields_find(const struct sc_box *box, const char *name);
/* Defines a field, or defines it anew. SC_REFUSED when there are too many. */
int sc_fields_define(struct sc_box *box, const char *name, int type, const char *format,
                     const char *options);
/* Whether the service keeps that name for itself: Email, tag, createTime … */
int sc_fields_reserved(const char *name);
/* Why name cannot be a field's under that choice of field_names; NULL when it can. */
const char *sc_fields_bad_name(const char *name, long choice);

#pragma GCC visibility pop

#endif
