#include "route.h"

#include <string.h>

#define LISTS "/marketing/lists/"
#define WRITE SC_ROUTE_WRITE
#define BODY  SC_ROUTE_BODY
#define MORE  SC_ROUTE_MORE

/* A row an operation and dialect; a literal path stands before the {id} that would match
 * it. */
#define SC(path) &sc_sendcloud, LISTS path
#define EL(path) &sc_engagelab, "/v1" LISTS path
static const struct sc_route_row rows[] = {
    {"POST", SC("members"), "members.upsert", sc_members_upsert, WRITE | BODY},
    {"DELETE", SC("members/delete-batch"), "members.delete_where",
     sc_members_delete_where, WRITE | BODY},
    {"DELETE", SC("members/{id}"), "members.delete", sc_members_delete, WRITE},
    {"PATCH", SC("members/{id}"), "members.update", sc_members_update, WRITE | BODY},
    {"GET", SC("members/{id}"), "members.get", sc_members_get, 0},
    {"POST", SC("listMembers"), "members.list", sc_members_list, BODY},
    {"POST", SC("tags"), "tags.create", sc_tags_create, WRITE | BODY},
    {"GET", SC("tags"), "tags.list", sc_tags_list, 0},
    {"DELETE", SC("tags/{id}"), "tags.delete", sc_tags_delete, WRITE},
    {"PATCH", SC("tags/{id}"), "tags.update", sc_tags_update, WRITE | BODY},
    {"POST", SC("tags/{id}/add"), "tags.add", sc_tags_add, WRITE | BODY},
    {"POST", SC("tags/{id}/remove"), "tags.remove", sc_tags_remove, WRITE | BODY},
    {"GET", SC("tags/{id}/members"), "tags.members", sc_tags_members, 0},
    {"POST", SC("segments"), "segments.create", sc_segments_create, WRITE | BODY},
    {"GET", SC("segments"), "segments.list", sc_segments_list, 0},
    {"DELETE", SC("segments/{id}"), "segments.delete", sc_segments_delete, WRITE},
    {"PATCH", SC("segments/{id}"), "segments.update", sc_segments_update, WRITE | BODY},
    {"GET", SC("segments/{id}"), "segments.get", sc_segments_get, 0},
    {"GET", SC("segments/{id}/process"), "segments.progress", sc_segments_progress, 0},
    {"POST", SC("segments/{id}/members"), "segments.members", sc_segments_members, BODY},
    {"DELETE", SC("segments/{id}/members"), "segments.remove_members",
     sc_segments_remove_members, WRITE | BODY},

    {"POST", EL("members"), "members.upsert", sc_members_upsert, WRITE | BODY},
    {"DELETE", EL("members/delete"), "members.delete_where", sc_members_delete_where,
     WRITE | BODY},
    {"DELETE", EL("members/{id}"), "members.delete", sc_members_delete, WRITE},
    {"PUT", EL("members/{id}"), "members.update", sc_members_update, WRITE | BODY},
    {"GET", EL("members/{id}"), "members.get", sc_members_get, 0},
    {"POST", EL("list_members"), "members.list", sc_members_list, BODY},
    /* as its example has it */
    {"POST", EL("listMembers"), "members.list", sc_members_list, BODY},
    {"POST", EL("tags"), "tags.create", sc_tags_create, WRITE | BODY | MORE},
    {"GET", EL("tags"), "tags.list", sc_tags_list, MORE},
    {"DELETE", EL("tags/{id}"), "tags.delete", sc_tags_delete, WRITE | MORE},
    {"PUT", EL("tags/{id}"), "tags.update", sc_tags_update, WRITE | BODY | MORE},
    {"POST", EL("tags/{id}/add"), "tags.add", sc_tags_add, WRITE | BODY | MORE},
    {"POST", EL("tags/{id}/remove"), "tags.remove", sc_tags_remove, WRITE | BODY | MORE},
    {"GET", EL("tags/{id}/members"), "tags.members", sc_tags_members, MORE},
    {"POST", EL("segments"), "segments.create", sc_segments_create, WRITE | BODY | MORE},
    {"GET", EL("segments"), "segments.list", sc_segments_list, MORE},
    {"DELETE", EL("segments/{id}"), "segments.delete", sc_segments_delete, WRITE | MORE},
    {"PUT", EL("segments/{id}"), "segments.update", sc_segments_update,
     WRITE | BODY | MORE},
    {"GET", EL("segments/{id}"), "segments.get", sc_segments_get, MORE},
    {"GET", EL("segments/{id}/process"), "segments.progress", sc_segments_progress, MORE},
    {"POST", EL("segments/{id}/members"), "segments.members", sc_segments_members,
     BODY | MORE},
    {"DELETE", EL("segments/{id}/members"), "segments.remove_members",
     sc_segments_remove_members, WRITE | BODY | MORE},
};
#undef SC
#undef EL

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
