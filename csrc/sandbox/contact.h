/* contact: the contacts of a request's body, checked and made ready for the store.
 *
 * sc_contact_each walks the body once and hands each contact to a function while its
 * texts live in the walker's memory. Mistakes of type refuse the whole request, or are
 * a problem of the contact: a switch decides. What is wrong with the content is told in
 * contact->problem, and the function decides what that means. */
#ifndef SC_CONTACT_H
#define SC_CONTACT_H

#include "engine.h"
#include "json.h"

#pragma GCC visibility push(hidden)

#define SC_CONTACTS_MAX 1000 /* in one request */
#define SC_TAGS_MAX     256 /* of one contact in one request */

struct sc_contact {
    const char *email; /* NULL: absent or null */
    int has_phone, has_name; /* sent; the text is NULL for a null that clears */
    const char *phone, *name;
    const char *fields; /* JSON object; NULL: not sent */
    char *fields_own; /* what fields points to, once they are brought into form */
    int rebuild, nulls, numbers; /* fields are not in form yet; they hold such values */
    int new_fields; /* names that were not defined */
    const char *new_names[SC_FIELDS_MAX + 1];
    int has_tags; /* a list was sent, maybe empty */
    int tag_count;
    const char *tags[SC_TAGS_MAX];
    int64_t tag_ids[SC_TAGS_MAX]; /* of sc_contact_tags, id_count of them */
    int id_count;
    char problem[200]; /* "": none */
};

typedef int sc_contact_function(void *context, struct sc_contact *contact);

/* list: the body's list of contacts; NULL: the body is itself the contact. Ends with the
 * first outcome that is not SC_DONE. */
int sc_contact_each(struct sc_call *call, const struct sc_json *list,
                    sc_contact_function *function, void *context);

/* Why the address cannot be, in problem. */
void sc_contact_check_address(struct sc_call *call, struct sc_contact *contact);
/* Brings the fields into their stored form, defining what is new. */
int sc_contact_fields(struct sc_call *call, struct sc_contact *contact);
/* Finds the tags by name, making what is new. */
int sc_contact_tags(struct sc_call *call, struct sc_contact *contact);
/* Gives its tags to the contact at hand, see tagging.h. */
int sc_contact_give(struct sc_call *call, const struct sc_contact *contact,
                    int64_t member, int *changed);
/* Gives them to one that is in the store; replace: others that it has go. */
int sc_contact_tag(struct sc_call *call, const struct sc_contact *contact, int64_t member,
                   int replace);
/* Writes phone, name and fields of an existing contact. */
int sc_contact_change(struct sc_call *call, const struct sc_contact *contact,
                      int64_t member);

#pragma GCC visibility pop

#endif
