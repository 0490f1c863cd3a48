#include "lua_put.h"

#include "json_read.h"
#include "json_write.h"

#include <math.h>

typedef const struct sc_shape_at at_t;

static int is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index);
}

static const char *described(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL: return "nothing";
    case LUA_TBOOLEAN: return "a boolean";
    case LUA_TNUMBER: return "a number";
    case LUA_TSTRING: return "text";
    case LUA_TTABLE: return "a table";
    case LUA_TFUNCTION: return "a function";
    default: return is_null(L, index) ? "null" : "an object of Lua";
    }
}

int sc_put_other(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                 at_t *at, int index, const char *wanted)
{
    if (is_null(L, index) && node && node->nullable)
        return sc_put_bytes(w, "null", 4);
    if (is_null(L, index))
        return sc_shape_fail(w->problem, node, at, "null", "null is not allowed here");
    return sc_shape_fail(w->problem, node, at, "type", "must be %s, got %s", wanted,
                         described(L, index));
}

int sc_put_fail_key(lua_State *L, struct sc_put *w, at_t *at, int index,
                    const char *owner)
{
    return sc_shape_fail(w->problem, NULL, at, "key", "%s must be text, got %s", owner,
                         described(L, index));
}

/* What a status of json_write or buf means for the value at at. */
int sc_put_fail_status(struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                       int rc, size_t where)
{
    switch (rc) {
    case SC_JSON_BAD_UTF8:
        return sc_shape_fail(w->problem, node, at, "utf8", "not UTF-8 at byte %zu",
                             where + 1);
    case SC_JSON_NOT_FINITE:
        return sc_shape_fail(w->problem, node, at, "number", "must be a finite number");
    case SC_BUF_TOOBIG:
        return sc_shape_fail(w->problem, NULL, NULL, "size", "more than %zu bytes",
                             w->out->max);
    default: return sc_shape_fail(w->problem, NULL, NULL, "memory", "not enough memory");
    }
}

int sc_put_check_count(struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                       size_t count, const char *one, const char *many)
{
    if (node->has_min && (int64_t)count < node->min)
        return sc_shape_fail(w->problem, node, at, "length", "at least %lld %s, got %zu",
                             (long long)node->min, node->min == 1 ? one : many, count);
    if (node->has_max && (int64_t)count > node->max)
        return sc_shape_fail(w->problem, node, at, "length", "at most %lld %s, got %zu",
                             (long long)node->max, node->max == 1 ? one : many, count);
    return 0;
}

int sc_put_check_text(struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                      const char *bytes, size_t len, size_t chars)
{
    size_t i;

    if ((node->has_min || node->has_max) &&
        sc_put_check_count(w, node, at, chars, "character", "characters"))
        return -1;
    if (!node->has_forbid)
        return 0;
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c >= 0x80 || !(node->forbid[c >> 6] >> (c & 63) & 1))
            continue;
        if (c > ' ' && c < 0x7f)
            return sc_shape_fail(w->problem, node, at, "forbidden", "must not contain %c",
                                 c);
        return sc_shape_fail(w->problem, node, at, "forbidden",
                             "must not contain the character 0x%02X", c);
    }
    return 0;
}

/* The word of the node's enumeration that the value at index means, or NULL. */
static const struct sc_shape_value *
find_value(lua_State *L, const struct sc_shape_node *node, int index)
{
    const char *bytes = NULL;
    size_t len = 0;
    int64_t number = 0;
    int i, is_text = lua_type(L, index) == LUA_TSTRING;

    if (is_text)
        bytes = lua_tolstring(L, index, &len);
    else if (node->type != SC_SHAPE_INTEGER || !sc_tointeger(L, index, &number))
        return NULL;
    for (i = 0; is_text && i < node->value_count; i++)
        if (node->values[i].name.len == len &&
            memcmp(node->values[i].name.bytes, bytes, len) == 0)
            return &node->values[i];
    for (i = 0; i < node->value_count; i++) {
        const struct sc_shape_value *value = &node->values[i];

        if (node->type == SC_SHAPE_INTEGER
                ? !is_text && value->number == number
                : is_text && value->wire.len == len &&
                      memcmp(value->wire.bytes, bytes, len) == 0)
            return value;
    }
    return NULL;
}

int sc_put_translate(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                     at_t *at, int index, const char **bytes, size_t *len)
{
    const struct sc_shape_value *value = find_value(L, node, index);

    if (!value)
        return sc_shape_fail_value(w->problem, node, at);
    *bytes = value->wire.bytes;
    *len = value->wire.len;
    return 0;
}

int sc_put_string(struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                  const struct sc_text *lead, const char *bytes, size_t len,
                  size_t *chars)
{
    int rc;

    if (sc_put_lead(w, lead))
        return -1;
    rc = sc_json_write_mixed(w->out, bytes, len, chars);
    return rc ? sc_put_fail_status(w, node, at, rc, *chars) : 0;
}

static int put_integer(struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                       int64_t number)
{
    int rc = sc_json_write_integer(w->out, number);

    return rc ? sc_put_fail_status(w, node, at, rc, 0) : 0;
}

int sc_put_integer(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                   at_t *at, int index)
{
    const struct sc_shape_value *found;
    int64_t number;
    double value;

    if (lua_type(L, index) != LUA_TNUMBER &&
        (!node->values || lua_type(L, index) != LUA_TSTRING))
        return sc_put_other(L, w, node, at, index, "an integer");
    if (node->values) {
        found = find_value(L, node, index);
        return found ? put_integer(w, node, at, found->number)
                     : sc_shape_fail_value(w->problem, node, at);
    }
    if (!sc_tointeger(L, index, &number)) {
        value = (double)lua_tonumber(L, index);
        if (!isfinite(value))
            return sc_put_fail_status(w, node, at, SC_JSON_NOT_FINITE, 0);
        return sc_shape_fail(w->problem, node, at, "number", "must be an integer, got %s",
                             floor(value) == value ? "one out of range" : "a fraction");
    }
    if (node->has_min && number < node->min)
        return sc_shape_fail(w->problem, node, at, "range", "at least %lld, got %lld",
                             (long long)node->min, (long long)number);
    if (node->has_max && number > node->max)
        return sc_shape_fail(w->problem, node, at, "range", "at most %lld, got %lld",
                             (long long)node->max, (long long)number);
    return put_integer(w, node, at, number);
}

/* Any number as JSON has it: integers without a point. */
int sc_put_number(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                  at_t *at, int index)
{
    int rc;

#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index))
        rc = sc_json_write_integer(w->out, (int64_t)lua_tointeger(L, index));
    else
#endif
        rc = sc_json_write_double(w->out, (double)lua_tonumber(L, index),
                                  node && node->type == SC_SHAPE_MAP);
    return rc ? sc_put_fail_status(w, node, at, rc, 0) : 0;
}

/* How many items the table at index has when its keys are 1 to that, in any order; -1
 * with the problem named when they are not. */
int sc_put_count_items(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                       at_t *at, int index, size_t *items)
{
    size_t count = 0;
    double last = 0, key;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        key = lua_type(L, -1) == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : 0;
        if (!(key >= 1) || floor(key) != key)
            return sc_shape_fail(w->problem, node, at, "list",
                                 "must be a list, got a table with %s",
                                 lua_type(L, -1) == LUA_TSTRING ? "names" : "other keys");
        last = key > last ? key : last;
        count++;
    }
    if (last > (double)count)
        return sc_shape_fail(w->problem, node, at, "list",
                             "must be a list without holes");
    *items = count;
    return 0;
}

/* Whether the table at index, which goes out as any JSON, is an array; *items gets its
 * length. lua-cjson's rule: only positive integers as keys, and not too few of them
 * for the highest. */
static int any_array(lua_State *L, struct sc_put *w, at_t *at, int index, size_t *items)
{
    size_t count = 0;
    double last = 0, key;

    lua_pushnil(L);
    while (lua_next(L, index)) {
        lua_pop(L, 1);
        key = lua_type(L, -1) == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : 0;
        if (!(key >= 1) || floor(key) != key) {
            lua_pop(L, 1);
            return 0;
        }
        last = key > last ? key : last;
        count++;
    }
    if (last > SC_SHAPE_ITEMS || (last > 10 && last > (double)count * 2))
        return sc_shape_fail(w->problem, NULL, at, "list", "a list with too many holes");
    *items = (size_t)last;
    return count > 0;
}

static int write_any_key(lua_State *L, struct sc_put *w, struct sc_shape_at *here,
                         int index)
{
    size_t chars;
    int rc;

    if (lua_type(L, index) == LUA_TNUMBER) {
        here->index = 0;
        if (sc_put_bytes(w, "\"", 1) || sc_put_number(L, w, NULL, here->up, index))
            return -1;
        return sc_put_bytes(w, "\":", 2);
    }
    if (lua_type(L, index) != LUA_TSTRING)
        return sc_put_fail_key(L, w, here->up, index, "a key");
    here->name = lua_tolstring(L, index, &here->len);
    rc = sc_json_write_string(w->out, here->name, here->len, &chars);
    return rc ? sc_put_fail_status(w, NULL, here, rc, chars) : sc_put_bytes(w, ":", 1);
}

static int write_any_table(lua_State *L, struct sc_put *w, at_t *at, int index, int depth)
{
    size_t count = 0, i;
    int array, top;

    luaL_checkstack(L, 8, "table");
    if (depth >= SC_JSON_DEPTH)
        return sc_shape_fail(w->problem, NULL, NULL, "depth",
                             "nested more than %d deep, or a table contains itself",
                             SC_JSON_DEPTH);
    if ((array = any_array(L, w, at, index, &count)) < 0)
        return -1;
    if (array) {
        for (i = 1; i <= count; i++) {
            struct sc_shape_at here = {at, NULL, 0, i};

            lua_rawgeti(L, index, (int)i);
            if (sc_put_bytes(w, i == 1 ? "[" : ",", 1) ||
                sc_put_any(L, w, &here, lua_gettop(L), depth + 1))
                return -1;
            lua_pop(L, 1);
        }
        return sc_put_bytes(w, "]", 1);
    }
    if (sc_put_bytes(w, "{", 1))
        return -1;
    lua_pushnil(L);
    for (top = lua_gettop(L); lua_next(L, index); lua_settop(L, top)) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (count++ && sc_put_bytes(w, ",", 1))
            return -1;
        if (write_any_key(L, w, &here, top) ||
            sc_put_any(L, w, &here, top + 1, depth + 1))
            return -1;
    }
    return sc_put_bytes(w, "}", 1);
}

int sc_put_any(lua_State *L, struct sc_put *w, at_t *at, int index, int depth)
{
    const char *bytes;
    size_t len, chars;
    int rc;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        rc = sc_json_write_string(w->out, bytes, len, &chars);
        return rc ? sc_put_fail_status(w, NULL, at, rc, chars) : 0;
    case LUA_TNUMBER: return sc_put_number(L, w, NULL, at, index);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? sc_put_bytes(w, "true", 4)
                                       : sc_put_bytes(w, "false", 5);
    case LUA_TTABLE: return write_any_table(L, w, at, index, depth);
    default:
        if (is_null(L, index) || lua_type(L, index) == LUA_TNIL)
            return sc_put_bytes(w, "null", 4);
        return sc_put_other(L, w, NULL, at, index, "what JSON knows");
    }
}
