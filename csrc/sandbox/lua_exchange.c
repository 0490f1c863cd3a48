/* One request in process, and the log of all of them. */
#include "lua_box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a request ---------------------------------------------------------------------- */

/* Makes headers of the array of "Name: value" lines at index. They live as long as the
 * userdata that is left on the stack. */
static void check_headers(lua_State *L, int index, struct sc_request *request)
{
    size_t count;
    size_t i;
    size_t size = 0;
    size_t left;
    struct sc_header *headers;
    char *at;

    luaL_checktype(L, index, LUA_TTABLE);
    count = sc_rawlen(L, index);
    luaL_argcheck(L, count < 1000, index, "too many headers");
    for (i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (int)i);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "headers are lines");
        size += sc_rawlen(L, -1) + 1;
        lua_pop(L, 1);
    }
    headers = sc_newuserdata(L, count * sizeof *headers + size + 1);
    at = (char *)(headers + count);
    left = size;
    for (i = 0; i < count; i++) {
        char *colon;

        lua_rawgeti(L, index, (int)i + 1);
        size = sc_rawlen(L, -1); /* a finalizer may have put another line there */
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING && size < left, index,
                      "headers are lines");
        memcpy(at, lua_tostring(L, -1), size + 1);
        lua_pop(L, 1);
        left -= size + 1;
        colon = strchr(at, ':');
        headers[i].name = at;
        headers[i].value = colon ? colon + 1 + strspn(colon + 1, " \t") : "";
        if (colon)
            *colon = '\0';
        at += size + 1;
    }
    request->headers = headers;
    request->header_count = count;
}

/* --- an answer ---------------------------------------------------------------------- */

struct outcome {
    const char *kind;
    const char *message;
    const char *outcome;
    const char *place;
};

/* What a caller over the network would see of the answer's delivery, and after how
 * many seconds. NULL: the answer. timeout below 0: none. */
static const struct outcome *seen(const struct sc_answer *answer, double timeout,
                                  double *seconds)
{
    static const struct outcome refused = {"network", "connection refused", "not_sent",
                                           "connect"};
    static const struct outcome reset = {"network", "connection reset by peer", "unknown",
                                         "receive"};
    static const struct outcome late = {"timeout", "the answer did not come in time",
                                        "unknown", "receive"};
    static const struct outcome cut = {
        "network", "the connection ended within the answer", "unknown", "receive"};
    const struct sc_delivery *delivery = &answer->delivery;
    int64_t length = (int64_t)answer->body_len;

    *seconds = delivery->delay;
    if (delivery->reset == SC_RESET_NONE)
        *seconds += delivery->drip;
    if (delivery->reset == SC_RESET_CONNECT)
        return &refused;
    if (timeout >= 0 && *seconds >= timeout) {
        *seconds = timeout;
        return &late;
    }
    if (delivery->reset != SC_RESET_NONE)
        return &reset;
    if ((delivery->truncate >= 0 && delivery->truncate < length) ||
        delivery->content_length > length)
        return &cut;
    return NULL;
}

static void push_failure(lua_State *L, const struct outcome *failure)
{
    lua_createtable(L, 0, 4);
    lua_pushstring(L, failure->kind);
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, failure->message);
    lua_setfield(L, -2, "message");
    lua_pushstring(L, failure->outcome);
    lua_setfield(L, -2, "outcome");
    lua_pushstring(L, failure->place);
    lua_setfield(L, -2, "place");
}

/* Header names in lower case, as every transport gives them. */
static void set_header(lua_State *L, const char *name, const char *value)
{
    char lower[128];
    size_t i;

    for (i = 0; name[i] && i + 1 < sizeof lower; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]);
    lower[i] = '\0';
    lua_pushstring(L, value);
    lua_setfield(L, -2, lower);
}

static void push_answer(lua_State *L, struct sc_answer *answer)
{
    const char *name;
    const char *value;
    size_t cursor = 0;
    size_t len = answer->body_len;
    char text[32];

    lua_createtable(L, 0, 3);
    lua_pushinteger(L, answer->status);
    lua_setfield(L, -2, "status");
    lua_newtable(L);
    while (sc_answer_header(answer, &cursor, &name, &value))
        set_header(L, name, value);
    if (answer->delivery.content_length >= 0 &&
        (size_t)answer->delivery.content_length < len)
        len = (size_t)answer->delivery.content_length;
    if (answer->status != 204) {
        snprintf(text, sizeof text, "%lu", (unsigned long)len);
        set_header(L, "content-length", text);
    }
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, answer->body ? answer->body : "", answer->body ? len : 0);
    lua_setfield(L, -2, "body");
}

int sc_lua_box_drop_answer(lua_State *L)
{
    sc_answer_free(luaL_checkudata(L, 1, SC_LUA_ANSWER));
    return 0;
}

/* An answer to fill: the box's own, or a userdata on the stack where that one is lent. */
static struct sc_answer *new_answer(lua_State *L, struct sc_lua_box *box)
{
    struct sc_answer *answer = &box->answer;

    if (box->lent) {
        answer = sc_newuserdata(L, sizeof *answer);
        memset(answer, 0, sizeof *answer);
        luaL_getmetatable(L, SC_LUA_ANSWER);
        lua_setmetatable(L, -2);
    }
    sc_answer_free(answer);
    return answer;
}

/* Makes Lua values of the answer, during which finalizers may come with requests of their
 * own. */
static void lend_answer(lua_State *L, struct sc_lua_box *box, struct sc_answer *answer)
{
    int own = answer == &box->answer;

    box->lent += own;
    push_answer(L, answer);
    box->lent -= own;
}

/* box:handle(method, target, headers, body, timeout)
 * -> { status, headers, body } | nil, failure | nil, seconds that it takes, seconds on
 * the clock */
int sc_lua_box_handle(lua_State *L)
{
    struct sc_lua_box *box = luaL_checkudata(L, 1, SC_LUA_BOX);
    static const struct outcome stopped = {"network", "the sandbox was stopped",
                                           "not_sent", "connect"};
    static const struct outcome nomem = {"network", "the sandbox is out of memory",
                                         "unknown", "receive"};
    struct sc_request request = {0};
    const struct outcome *failure;
    struct sc_answer *answer;
    double timeout = luaL_optnumber(L, 6, -1);
    double seconds = 0, came;

    request.method = luaL_checkstring(L, 2);
    request.target = luaL_checkstring(L, 3);
    request.body = luaL_optlstring(L, 5, "", &request.body_len);
    check_headers(L, 4, &request);
    if (box->busy)
        return luaL_error(L, "the sandbox is busy with another call");
    answer = new_answer(L, box);
    if (!box->front || !sc_front_is_ours(box->front))
        failure = &stopped;
    else if (sc_front_exchange(box->front, SC_WAY_PROCESS, &request, answer) != SC_BOX_OK)
        failure = &nomem;
    else
        failure = seen(answer, timeout, &seconds);
    came = answer->came;
    if (failure) {
        lua_pushnil(L);
        push_failure(L, failure);
    } else {
        lend_answer(L, box, answer);
        lua_pushnil(L);
    }
    sc_answer_free(answer);
    lua_pushnumber(L, seconds);
    lua_pushnumber(L, came);
    return 4;
}

/* The number behind a name in the engine's own answer. */
static lua_Integer count_of(const struct sc_answer *answer, const char *name)
{
    const char *found = answer->body ? strstr(answer->body, name) : NULL;

    return found ? (lua_Integer)strtol(found + strlen(name), NULL, 10) : 0;
}

/* An upsert past credentials, faults and log, for what a test puts in beforehand. */
static int upsert_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    struct sc_box *engine = box->front->box;
    struct sc_request request = {0};
    struct sc_answer answer = {0};
    const char *auth = sc_box_switch_get(engine, "auth");
    int was_open = auth && strcmp(auth, "open") == 0;
    lua_Integer inserted, updated, refused;
    int status, said;

    luaL_checkstring(L, 2);
    lua_pushliteral(L, "{\"members\":");
    lua_pushvalue(L, 2);
    lua_pushliteral(L, ",\"tagFlag\":1,\"updateExisting\":true}");
    lua_concat(L, 3);
    request.method = "POST";
    request.target = "/marketing/lists/members";
    request.body = lua_tolstring(L, -1, &request.body_len);
    sc_box_switch_set(engine, "auth", "open");
    status = sc_answer_ask(engine, &request, &answer);
    if (!was_open)
        sc_box_switch_set(engine, "auth", "check");
    said = answer.status;
    inserted = count_of(&answer, "\"totalInserted\":");
    updated = count_of(&answer, "\"totalUpdated\":");
    refused = count_of(&answer, "\"errorCount\":");
    sc_answer_free(&answer);
    if (status != SC_BOX_OK)
        return luaL_error(L, "out of memory");
    if (said != 200) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, inserted);
    lua_pushinteger(L, updated);
    lua_pushinteger(L, refused);
    return 3;
}

/* box:upsert(members) -> inserted, updated, refused, or nil where all were refused;
 * members is a JSON list. */
int sc_lua_box_upsert(lua_State *L)
{
    return sc_lua_box_locked(L, upsert_locked);
}

/* --- the log ------------------------------------------------------------------------ */

static void push_headers(lua_State *L, const char *lines, size_t len)
{
    const char *end = lines + len;

    lua_newtable(L);
    while (lines < end) {
        const char *stop = memchr(lines, '\n', (size_t)(end - lines));
        const char *colon = memchr(lines, ':', (size_t)(end - lines));
        const char *value;

        if (!stop || !colon || colon > stop)
            break;
        for (value = colon + 1; value < stop && *value == ' ';)
            value++;
        lua_pushlstring(L, lines, (size_t)(colon - lines));
        lua_pushlstring(L, value, (size_t)(stop - value));
        lua_rawset(L, -3);
        lines = stop + 1;
    }
}

static void set_text(lua_State *L, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void push_entry(lua_State *L, const struct sc_log_entry *entry)
{
    lua_createtable(L, 0, 13);
    lua_pushinteger(L, (lua_Integer)entry->number);
    lua_setfield(L, -2, "number");
    lua_pushnumber(L, (lua_Number)entry->time_ms / 1000);
    lua_setfield(L, -2, "time");
    set_text(L, "operation", entry->operation);
    set_text(L, "provider", entry->dialect);
    set_text(L, "fault", entry->fault);
    lua_pushstring(L, entry->method);
    lua_setfield(L, -2, "method");
    lua_pushstring(L, entry->path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, entry->query);
    lua_setfield(L, -2, "query");
    push_headers(L, entry->headers, entry->headers_len);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, entry->body, entry->body_len);
    lua_setfield(L, -2, "body");
    if (entry->status == 0)
        return;
    lua_pushinteger(L, entry->status);
    lua_setfield(L, -2, "status");
    lua_pushlstring(L, entry->answer, entry->answer_len);
    lua_setfield(L, -2, "answer");
    push_headers(L, entry->answer_headers, entry->answer_headers_len);
    lua_setfield(L, -2, "answer_headers");
}

/* "members.*" stands for every operation that begins with "members."; NULL for all. */
static int is_of(const struct sc_log_entry *entry, const char *operation)
{
    size_t n = operation ? strlen(operation) : 0;

    if (n > 0 && operation[n - 1] == '*')
        return strncmp(operation, entry->operation, n - 1) == 0;
    return !operation || strcmp(entry->operation, operation) == 0;
}

static int requests_locked(lua_State *L)
{
    const struct sc_log *log = sc_lua_box_check(L)->front->log;
    const char *operation = luaL_optstring(L, 2, NULL);
    double last = luaL_optnumber(L, 3, 1e9);
    size_t first = sc_log_count(log);
    size_t i;
    double found = 0;
    int n = 0;

    while (first > 0 && found < last) {
        first--;
        found += is_of(sc_log_at(log, first), operation);
    }
    lua_newtable(L);
    for (i = first; i < sc_log_count(log) && last > 0; i++) {
        const struct sc_log_entry *entry = sc_log_at(log, i);

        if (!is_of(entry, operation))
            continue;
        push_entry(L, entry);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* box:requests([operation [, last]]) -> array, the oldest first */
int sc_lua_box_requests(lua_State *L)
{
    return sc_lua_box_locked(L, requests_locked);
}
