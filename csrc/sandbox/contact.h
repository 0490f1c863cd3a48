/* contact: one contact of a request's body, checked and made ready for the store.
 *
 * A struct sc_contact borrows its texts from the statement of sc_contact_read, which
 * stands on its row until sc_contact_done. Mistakes of type refuse the whole request;
 * what is wrong with the content is told in contact->problem, and the caller decides what
 * that means. */
#ifndef SC_CONTACT_H
#define SC_CONTACT_H

#include "engine.h"

#define SC_TAGS_MAX 256 /* of one contact in one request */

struct sc_contact {
    sqlite3_stmt *row;
    const char *email; /* NULL: absent or null */
    int has_phone, has_name; /* sent; the text is NULL for a null that clears */
    const char *phone, *name;
    const char *fields; /* JSON object ready for json_patch; NULL: not sent */
    char *fields_own;
    const char *tags; /* JSON list of texts; NULL: not sent */
    int64_t tag_ids[SC_TAGS_MAX];
    int tag_count;
    char problem[200]; /* "": none */
};

/* Reads the JSON object of object_len bytes; where is its place in the body for messages ("members[3]." or
 * ""). */
int sc_contact_read(struct sc_call *call, const char *object, int object_len,
                    const char *where, struct sc_contact *contact);
void sc_contact_done(struct sc_contact *contact);
/* Why the address cannot be, in problem. */
void sc_contact_check_address(struct sc_call *call, struct sc_contact *contact);
/* Brings the fields into their stored form, defining what is new. */
int sc_contact_fields(struct sc_call *call, struct sc_contact *contact);
/* Finds the tags by name, making what is new. where as above. */
int sc_contact_tags(struct sc_call *call, struct sc_contact *contact, const char *where);
/* Gives a contact its tags: those it has go first when replace is 0. */
int sc_contact_tag(struct sc_call *call, const struct sc_contact *contact, int64_t member,
                   int replace);
/* Writes phone, name and fields of an existing contact. */
int sc_contact_change(struct sc_call *call, const struct sc_contact *contact,
                      int64_t member);

#endif
