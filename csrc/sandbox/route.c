#include "route.h"

#include <string.h>

#define LISTS "/marketing/lists/"
#define WRITE SC_ROUTE_WRITE
#define BODY  SC_ROUTE_BODY
#define MORE  SC_ROUTE_MORE

/* One line an operation and dialect; a literal path stands before the {id} that would
 * match it. */
static const struct sc_route_row rows[] = {
#define SC(method, path, name, run, flags)                                               \
    {&sc_sendcloud, method, LISTS path, name, run, flags},
#define EL(method, path, name, run, flags)                                               \
    {&sc_engagelab, method, "/v1" LISTS path, name, run, flags},
    SC("POST", "members", "members.upsert", sc_members_upsert, WRITE | BODY) SC(
        "DELETE", "members/delete-batch", "members.delete_where", sc_members_delete_where,
        WRITE | BODY) SC("DELETE", "members/{id}", "members.delete", sc_members_delete,
                         WRITE) SC("PATCH", "members/{id}", "members.update",
                                   sc_members_update, WRITE | BODY)
        SC("GET", "members/{id}", "members.get", sc_members_get,
           0) SC("POST", "listMembers", "members.list", sc_members_list,
                 BODY) SC("POST", "tags", "tags.create", sc_tags_create,
                          WRITE | BODY) SC("GET", "tags", "tags.list", sc_tags_list, 0)
            SC("DELETE", "tags/{id}", "tags.delete", sc_tags_delete, WRITE)
                SC("PATCH", "tags/{id}", "tags.update", sc_tags_update, WRITE | BODY) SC(
                    "POST", "tags/{id}/add", "tags.add", sc_tags_add,
                    WRITE | BODY) SC("POST", "tags/{id}/remove", "tags.remove",
                                     sc_tags_remove, WRITE | BODY)
                    SC("GET", "tags/{id}/members", "tags.members", sc_tags_members,
                       0) SC("POST", "segments", "segments.create", sc_segments_create,
                             WRITE | BODY) SC("GET", "segments", "segments.list",
                                              sc_segments_list, 0)
                        SC("DELETE", "segments/{id}", "segments.delete",
                           sc_segments_delete,
                           WRITE) SC("PATCH", "segments/{id}", "segments.update",
                                     sc_segments_update,
                                     WRITE | BODY) SC("GET", "segments/{id}",
                                                      "segments.get", sc_segments_get, 0)
                            SC("GET", "segments/{id}/process", "segments.progress",
                               sc_segments_progress,
                               0) SC("POST", "segments/{id}/members", "segments.members",
                                     sc_segments_members,
                                     BODY) SC("DELETE", "segments/{id}/members",
                                              "segments.remove_members",
                                              sc_segments_remove_members, WRITE | BODY)

                                EL("POST", "members", "members.upsert", sc_members_upsert,
                                   WRITE | BODY) EL("DELETE", "members/delete",
                                                    "members.delete_where",
                                                    sc_members_delete_where, WRITE | BODY)
                                    EL("DELETE", "members/{id}", "members.delete",
                                       sc_members_delete, WRITE)
                                        EL("PUT", "members/{id}", "members.update",
                                           sc_members_update, WRITE | BODY)
                                            EL("GET", "members/{id}", "members.get",
                                               sc_members_get, 0)
                                                EL("POST", "list_members", "members.list",
                                                   sc_members_list, BODY)
                                                    EL("POST", "listMembers",
                                                       "members.list", sc_members_list,
                                                       BODY) /* as its example has it */
    EL("POST", "tags", "tags.create", sc_tags_create,
       WRITE | BODY | MORE) EL("GET", "tags", "tags.list", sc_tags_list, MORE)
        EL("DELETE", "tags/{id}", "tags.delete", sc_tags_delete, WRITE | MORE)
            EL("PUT", "tags/{id}", "tags.update", sc_tags_update, WRITE | BODY | MORE) EL(
                "POST", "tags/{id}/add", "tags.add", sc_tags_add,
                WRITE | BODY | MORE) EL("POST", "tags/{id}/remove", "tags.remove",
                                        sc_tags_remove, WRITE | BODY | MORE)
                EL("GET", "tags/{id}/members", "tags.members", sc_tags_members,
                   MORE) EL("POST", "segments", "segments.create", sc_segments_create,
                            WRITE | BODY | MORE) EL("GET", "segments", "segments.list",
                                                    sc_segments_list, MORE)
                    EL("DELETE", "segments/{id}", "segments.delete", sc_segments_delete,
                       WRITE | MORE) EL("PUT", "segments/{id}", "segments.update",
                                        sc_segments_update, WRITE | BODY | MORE)
                        EL("GET", "segments/{id}", "segments.get", sc_segments_get, MORE)
                            EL("GET", "segments/{id}/process", "segments.progress",
                               sc_segments_progress, MORE)
                                EL("POST", "segments/{id}/members", "segments.members",
                                   sc_segments_members, BODY | MORE)
                                    EL("DELETE", "segments/{id}/members",
                                       "segments.remove_members",
                                       sc_segments_remove_members, WRITE | BODY | MORE)};

static const size_t row_count = sizeof rows / sizeof *rows;

/* Whether path (up to its query) has the pattern's form. */
static int matches(const char *pattern, const char *path, const char **id, size_t *id_len)
{
    *id = NULL;
    *id_len = 0;
    while (*pattern) {
        if (*pattern == '{') {
            *id = path;
            *id_len = strcspn(path, "/?");
            if (*id_len == 0)
                return 0;
            path += *id_len;
            pattern += 4; /* {id} */
        } else if (*pattern++ != *path++) {
            return 0;
        }
    }
    return *path == '\0' || *path == '?';
}

const struct sc_dialect *sc_route_dialect(const char *path)
{
    return strncmp(path, "/v1/", 4) == 0 ? &sc_engagelab : &sc_sendcloud;
}

const struct sc_route_row *sc_route_find(const char *method, const char *path,
                                         const char **id, size_t *id_len, int *status,
                                         char allow[SC_ALLOW_MAX])
{
    const char *pattern = NULL;
    size_t i;

    *status = 404;
    allow[0] = '\0';
    for (i = 0; i < row_count; i++) {
        /* the first pattern that fits is the resource; only its methods count */
        if (pattern ? strcmp(pattern, rows[i].pattern) != 0
                    : !matches(rows[i].pattern, path, id, id_len))
            continue;
        pattern = rows[i].pattern;
        if (strcmp(rows[i].method, method) == 0) {
            *status = 0;
            return &rows[i];
        }
        *status = 405;
        sqlite3_snprintf(SC_ALLOW_MAX - (int)strlen(allow), allow + strlen(allow), "%s%s",
                         *allow ? ", " : "", rows[i].method);
    }
    return NULL;
}

void sc_box_route(const struct sc_request *request, struct sc_route *route)
{
    char allow[SC_ALLOW_MAX];
    const char *id;
    size_t id_len;
    const struct sc_route_row *row = sc_route_find(request->method, request->target, &id,
                                                   &id_len, &route->status, allow);

    route->operation = row ? row->operation : NULL;
    route->dialect = sc_route_dialect(request->target)->name;
}
