#include "lua_shape.h"

#include "json_write.h"
#include "utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEEP ((size_t)256 << 10) /* bytes of its own buffer that a shape keeps for the next time */

/* Walking tables raw, nothing here runs Lua code or makes Lua objects: the buffer and the slots
 * stay as they are until the walk is over. The state is passed beside, never kept. */
struct writer {
    struct sc_buf *out;
    struct sc_shape_problem *problem;
    int slots; /* stack index of the shape's Lua values */
    int depth; /* tables around what is being written */
};

typedef const struct sc_shape_at at_t;

static int write_value(lua_State *L, struct writer *w, struct sc_shape_node *node, at_t *at,
                       int index);

static int is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index);
}

static const char *described(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return "nothing";
    case LUA_TBOOLEAN:
        return "a boolean";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TSTRING:
        return "text";
    case LUA_TTABLE:
        return "a table";
    case LUA_TFUNCTION:
        return "a function";
    default:
        return is_null(L, index) ? "null" : "an object of Lua";
    }
}

static int fail_type(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                     int index, const char *wanted)
{
    if (is_null(L, index))
        return sc_shape_fail(w->problem, node, at, "null", "null is not allowed here");
    return sc_shape_fail(w->problem, node, at, "type", "must be %s, got %s", wanted,
                         described(L, index));
}

/* What a status of json_write or buf means for the value at at. */
static int fail_status(struct writer *w, const struct sc_shape_node *node, at_t *at, int rc,
                       size_t where)
{
    switch (rc) {
    case SC_JSON_BAD_UTF8:
        return sc_shape_fail(w->problem, node, at, "utf8", "not UTF-8 at byte %zu", where + 1);
    case SC_JSON_NOT_FINITE:
        return sc_shape_fail(w->problem, node, at, "number", "must be a finite number");
    case SC_BUF_TOOBIG:
        return sc_shape_fail(w->problem, NULL, NULL, "size", "more than %zu bytes",
                             w->out->max);
    default:
        return sc_shape_fail(w->problem, NULL, NULL, "memory", "not enough memory");
    }
}

static int add(struct writer *w, const char *bytes, size_t n)
{
    int rc;

    if (n <= w->out->cap - w->out->len && w->out->data) {
        memcpy(w->out->data + w->out->len, bytes, n);
        w->out->len += n;
        return 0;
    }
    rc = sc_buf_add(w->out, bytes, n);
    return rc ? fail_status(w, NULL, NULL, rc, 0) : 0;
}

static int check_count(struct writer *w, const struct sc_shape_node *node, at_t *at,
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

static int check_text(struct writer *w, const struct sc_shape_node *node, at_t *at,
                      const char *bytes, size_t len, size_t chars)
{
    size_t i;

    if ((node->has_min || node->has_max) &&
        check_count(w, node, at, chars, "character", "characters"))
        return -1;
    if (!node->has_forbid)
        return 0;
    for (i = 0; i < len; i++) {
        unsigned char c = (unsigned char)bytes[i];

        if (c >= 0x80 || !(node->forbid[c >> 6] >> (c & 63) & 1))
            continue;
        if (c > ' ' && c < 0x7f)
            return sc_shape_fail(w->problem, node, at, "forbidden", "must not contain %c", c);
        return sc_shape_fail(w->problem, node, at, "forbidden",
                             "must not contain the character 0x%02X", c);
    }
    return 0;
}

/* The word of the node's enumeration that the value at index means, or NULL. */
static const struct sc_shape_value *find_value(lua_State *L, const struct sc_shape_node *node,
                                               int index)
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
                : is_text && value->wire.len == len && memcmp(value->wire.bytes, bytes, len) == 0)
            return value;
    }
    return NULL;
}

static int write_text(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                      int index)
{
    const char *bytes;
    size_t len, chars;
    int rc;

    if (lua_type(L, index) != LUA_TSTRING)
        return fail_type(L, w, node, at, index, "text");
    bytes = lua_tolstring(L, index, &len);
    if (node->values) {
        const struct sc_shape_value *value = find_value(L, node, index);

        if (!value)
            return sc_shape_fail_value(w->problem, node, at);
        bytes = value->wire.bytes;
        len = value->wire.len;
    }
    rc = sc_json_write_string(w->out, bytes, len, &chars);
    if (rc)
        return fail_status(w, node, at, rc, chars);
    if (node->has_min || node->has_max || node->has_forbid)
        return check_text(w, node, at, bytes, len, chars);
    return 0;
}

/* The integer that the node sends for the value at index. */
static int take_integer(lua_State *L, struct writer *w, const struct sc_shape_node *node,
                        at_t *at, int index, int64_t *number)
{
    double value;

    if (node->values) {
        const struct sc_shape_value *found = find_value(L, node, index);

        if (!found)
            return sc_shape_fail_value(w->problem, node, at);
        *number = found->number;
        return 0;
    }
    if (lua_type(L, index) != LUA_TNUMBER)
        return fail_type(L, w, node, at, index, "an integer");
    if (!sc_tointeger(L, index, number)) {
        value = (double)lua_tonumber(L, index);
        if (!isfinite(value))
            return fail_status(w, node, at, SC_JSON_NOT_FINITE, 0);
        return sc_shape_fail(w->problem, node, at, "number", "must be an integer, got %s",
                             floor(value) == value ? "one out of range" : "a fraction");
    }
    if (node->has_min && *number < node->min)
        return sc_shape_fail(w->problem, node, at, "range", "at least %lld, got %lld",
                             (long long)node->min, (long long)*number);
    if (node->has_max && *number > node->max)
        return sc_shape_fail(w->problem, node, at, "range", "at most %lld, got %lld",
                             (long long)node->max, (long long)*number);
    return 0;
}

/* Any number as JSON has it: integers without a point. */
static int add_number(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                      int index)
{
    int rc;

#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index))
        rc = sc_json_write_integer(w->out, (int64_t)lua_tointeger(L, index));
    else
#endif
        rc = sc_json_write_double(w->out, (double)lua_tonumber(L, index));
    return rc ? fail_status(w, node, at, rc, 0) : 0;
}

static int fail_key(lua_State *L, struct writer *w, at_t *at, int index, const char *owner)
{
    return sc_shape_fail(w->problem, NULL, at, "key", "%s must be text, got %s", owner,
                         described(L, index));
}

/* A value of a map: text, or a number or boolean as text. */
static int write_map_value(lua_State *L, struct writer *w, const struct sc_shape_node *node,
                           at_t *at, int index)
{
    const char *bytes;
    size_t len, chars;
    int rc;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        rc = sc_json_write_string(w->out, bytes, len, &chars);
        return rc ? fail_status(w, node, at, rc, chars) : 0;
    case LUA_TNUMBER:
        if (add(w, "\"", 1) || add_number(L, w, node, at, index))
            return -1;
        return add(w, "\"", 1);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? add(w, "\"true\"", 6) : add(w, "\"false\"", 7);
    default:
        if (is_null(L, index) && node->nullable)
            return add(w, "null", 4);
        return fail_type(L, w, node, at, index, "text, a number or a boolean");
    }
}

static int write_map(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                     int index)
{
    size_t count = 0, chars;
    int rc, top;

    if (lua_type(L, index) != LUA_TTABLE)
        return fail_type(L, w, node, at, index, "a table of texts");
    if (add(w, "{", 1))
        return -1;
    lua_pushnil(L);
    top = lua_gettop(L);
    while (lua_next(L, index)) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (lua_type(L, top) != LUA_TSTRING)
            return fail_key(L, w, at, top, "a name");
        here.name = lua_tolstring(L, top, &here.len);
        if (here.len == 0)
            return sc_shape_fail(w->problem, NULL, at, "key", "a name must not be empty");
        if (++count > SC_SHAPE_ITEMS)
            return sc_shape_fail(w->problem, node, at, "length", "more than %d names",
                                 SC_SHAPE_ITEMS);
        if (count > 1 && add(w, ",", 1))
            return -1;
        rc = sc_json_write_string(w->out, here.name, here.len, &chars);
        if (rc)
            return fail_status(w, NULL, &here, rc, chars);
        if (add(w, ":", 1) || write_map_value(L, w, node, &here, top + 1))
            return -1;
        lua_settop(L, top);
    }
    return add(w, "}", 1);
}

/* How many items the table at index has when its keys are 1 to that, in any order; -1 with the
 * problem named when they are not. */
static int count_items(lua_State *L, struct writer *w, const struct sc_shape_node *node,
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
        return sc_shape_fail(w->problem, node, at, "list", "must be a list without holes");
    *items = count;
    return 0;
}

/* A list whose items Lua does not walk in order. */
static int write_list_slowly(lua_State *L, struct writer *w, const struct sc_shape_node *node,
                             at_t *at, int index)
{
    size_t count = 0, i;

    if (count_items(L, w, node, at, index, &count) ||
        check_count(w, node, at, count, "item", "items"))
        return -1;
    if (count > SC_SHAPE_ITEMS)
        return sc_shape_fail(w->problem, node, at, "length", "more than %d items",
                             SC_SHAPE_ITEMS);
    for (i = 1; i <= count; i++) {
        struct sc_shape_at here = {at, NULL, 0, i};

        lua_rawgeti(L, index, (int)i);
        if (add(w, i == 1 ? "[" : ",", 1) ||
            write_value(L, w, node->of, &here, lua_gettop(L)))
            return -1;
        lua_pop(L, 1);
    }
    return add(w, "]", 1);
}

static int write_list(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                      int index)
{
    size_t start = w->out->len, count = 0, length;
    int top;

    if (lua_type(L, index) != LUA_TTABLE)
        return fail_type(L, w, node, at, index, "a list");
    length = sc_rawlen(L, index);
    if (node->has_max && (int64_t)length > node->max)
        return check_count(w, node, at, length, "item", "items");
    lua_pushnil(L);
    top = lua_gettop(L);
    while (lua_next(L, index)) {
        struct sc_shape_at here = {at, NULL, 0, ++count};

        if (lua_type(L, top) != LUA_TNUMBER || lua_tonumber(L, top) != (lua_Number)count ||
            count > SC_SHAPE_ITEMS) {
            lua_settop(L, top - 1);
            w->out->len = start;
            return write_list_slowly(L, w, node, at, index);
        }
        if (add(w, count == 1 ? "[" : ",", 1) || write_value(L, w, node->of, &here, top + 1))
            return -1;
        lua_settop(L, top);
    }
    if (check_count(w, node, at, count, "item", "items"))
        return -1;
    return count ? add(w, "]", 1) : add(w, "[]", 2);
}

/* The field that the key at index means; guess is how many keys came before. */
static int match_field(lua_State *L, struct sc_shape_node *node, int index, int guess)
{
    size_t len;
    const char *name;
    int i = node->order[guess < SC_SHAPE_FIELDS ? guess : 0];

    if (lua_type(L, index) != LUA_TSTRING)
        return -1;
    name = lua_tolstring(L, index, &len);
    if (i < node->field_count && node->fields[i].ident == name && !node->fields[i].no_write)
        return i;
    for (i = 0; i < node->field_count; i++) {
        const struct sc_shape_node *field = &node->fields[i];

        if ((field->ident == name ||
             (field->name.len == len && memcmp(field->name.bytes, name, len) == 0)) &&
            !field->no_write) {
            node->order[guess] = (uint8_t)i;
            return i;
        }
    }
    return -1;
}

/* Pushes the keys and values of the record at index and notes for each field where its value
 * lies, counted from base. */
static int gather(lua_State *L, struct writer *w, struct sc_shape_node *node, at_t *at,
                  int index, uint8_t *slot)
{
    int base = lua_gettop(L), count = 0, i;

    memset(slot, 0, SC_SHAPE_FIELDS);
    luaL_checkstack(L, 2 * node->field_count + 8, "record");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        i = match_field(L, node, base + 2 * count + 1, count);
        if (i >= 0) {
            slot[i] = (uint8_t)(2 * ++count);
            lua_pushvalue(L, -2);
        } else if (node->open) {
            lua_pop(L, 1);
        } else if (lua_type(L, -2) == LUA_TSTRING) {
            size_t len;
            const char *name = lua_tolstring(L, -2, &len);

            return sc_shape_fail_unknown(w->problem, node, at, name, len);
        } else {
            return fail_key(L, w, at, lua_gettop(L) - 1, "a key");
        }
    }
    return 0;
}

static int write_record(lua_State *L, struct writer *w, struct sc_shape_node *node, at_t *at,
                        int index)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, first = 1, value;

    if (lua_type(L, index) != LUA_TTABLE)
        return fail_type(L, w, node, at, index, "a table");
    if (gather(L, w, node, at, index, slot) || add(w, "{", 1))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];
        struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

        value = base + slot[i];
        if (!slot[i]) {
            if (field->no_write)
                continue;
            if (!field->default_slot) {
                if (field->required)
                    return sc_shape_fail(w->problem, field, &here, "required", "required");
                continue;
            }
            lua_rawgeti(L, w->slots, field->default_slot);
            value = lua_gettop(L);
        }
        if (add(w, field->lead.bytes + first, field->lead.len - (size_t)first) ||
            write_value(L, w, field, &here, value))
            return -1;
        first = 0;
    }
    lua_settop(L, base);
    return add(w, "}", 1);
}

/* Whether the table at index, which goes out as any JSON, is an array; *items gets its length.
 * lua-cjson's rule: only positive integers as keys, and not too few of them for the highest. */
static int any_array(lua_State *L, struct writer *w, at_t *at, int index, size_t *items)
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

static int write_any(lua_State *L, struct writer *w, at_t *at, int index);

static int write_any_key(lua_State *L, struct writer *w, struct sc_shape_at *here, int index)
{
    size_t chars;
    int rc;

    if (lua_type(L, index) == LUA_TNUMBER) {
        here->index = 0;
        if (add(w, "\"", 1) || add_number(L, w, NULL, here->up, index))
            return -1;
        return add(w, "\":", 2);
    }
    if (lua_type(L, index) != LUA_TSTRING)
        return fail_key(L, w, here->up, index, "a key");
    here->name = lua_tolstring(L, index, &here->len);
    rc = sc_json_write_string(w->out, here->name, here->len, &chars);
    return rc ? fail_status(w, NULL, here, rc, chars) : add(w, ":", 1);
}

static int write_any_table(lua_State *L, struct writer *w, at_t *at, int index)
{
    size_t count = 0, i;
    int array, top;

    luaL_checkstack(L, 8, "table");
    if (w->depth >= 64)
        return sc_shape_fail(w->problem, NULL, NULL, "depth",
                             "nested more than 64 deep, or a table contains itself");
    if ((array = any_array(L, w, at, index, &count)) < 0)
        return -1;
    w->depth++;
    if (array) {
        for (i = 1; i <= count; i++) {
            struct sc_shape_at here = {at, NULL, 0, i};

            lua_rawgeti(L, index, (int)i);
            if (add(w, i == 1 ? "[" : ",", 1) || write_any(L, w, &here, lua_gettop(L)))
                return -1;
            lua_pop(L, 1);
        }
        w->depth--;
        return add(w, "]", 1);
    }
    if (add(w, "{", 1))
        return -1;
    lua_pushnil(L);
    for (top = lua_gettop(L); lua_next(L, index); lua_settop(L, top)) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (count++ && add(w, ",", 1))
            return -1;
        if (write_any_key(L, w, &here, top) || write_any(L, w, &here, top + 1))
            return -1;
    }
    w->depth--;
    return add(w, "}", 1);
}

static int write_any(lua_State *L, struct writer *w, at_t *at, int index)
{
    const char *bytes;
    size_t len, chars;
    int rc;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        rc = sc_json_write_string(w->out, bytes, len, &chars);
        return rc ? fail_status(w, NULL, at, rc, chars) : 0;
    case LUA_TNUMBER:
        return add_number(L, w, NULL, at, index);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? add(w, "true", 4) : add(w, "false", 5);
    case LUA_TTABLE:
        return write_any_table(L, w, at, index);
    default:
        if (is_null(L, index) || lua_type(L, index) == LUA_TNIL)
            return add(w, "null", 4);
        return fail_type(L, w, NULL, at, index, "what JSON knows");
    }
}

static int write_value(lua_State *L, struct writer *w, struct sc_shape_node *node, at_t *at,
                       int index)
{
    int64_t number;
    int rc;

    if (node->type == SC_SHAPE_STRING && lua_type(L, index) == LUA_TSTRING)
        return write_text(L, w, node, at, index);
    if (node->nullable && is_null(L, index))
        return add(w, "null", 4);
    w->depth++;
    switch (node->type) {
    case SC_SHAPE_STRING:
        rc = write_text(L, w, node, at, index);
        break;
    case SC_SHAPE_INTEGER:
        rc = take_integer(L, w, node, at, index, &number);
        if (!rc && (rc = sc_json_write_integer(w->out, number)))
            rc = fail_status(w, node, at, rc, 0);
        break;
    case SC_SHAPE_NUMBER:
        rc = lua_type(L, index) == LUA_TNUMBER
                 ? add_number(L, w, node, at, index)
                 : fail_type(L, w, node, at, index, "a number");
        break;
    case SC_SHAPE_BOOLEAN:
        if (lua_type(L, index) != LUA_TBOOLEAN)
            rc = fail_type(L, w, node, at, index, "true or false");
        else
            rc = lua_toboolean(L, index) ? add(w, "true", 4) : add(w, "false", 5);
        break;
    case SC_SHAPE_LIST:
        luaL_checkstack(L, 8, "list");
        rc = write_list(L, w, node, at, index);
        break;
    case SC_SHAPE_MAP:
        luaL_checkstack(L, 8, "map");
        rc = write_map(L, w, node, at, index);
        break;
    case SC_SHAPE_RECORD:
        rc = write_record(L, w, node, at, index);
        break;
    default:
        w->depth--;
        return write_any(L, w, at, index);
    }
    w->depth--;
    return rc;
}

/* Puts the shape's Lua values at index and the writer at its start. */
static struct writer begin(lua_State *L, struct sc_buf *out, struct sc_shape_problem *problem)
{
    struct writer w = {out, problem, lua_gettop(L) + 1, 0};

    problem->code = NULL;
    sc_getuservalue(L, 1);
    return w;
}

/* shape:write(value [, buffer]) -> string | buffer, or nil, path, reason, code
 * What is written goes behind what the buffer holds; after a failure it holds what it held. */
int sc_lua_shape_write(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkshape(L);
    struct sc_buf *out = &shape->out;
    struct sc_shape_problem problem;
    struct sc_shape_at root = {NULL, NULL, 0, 0};
    struct writer w;
    size_t start;
    int rc;

    lua_settop(L, 3);
    if (!lua_isnil(L, 3)) {
        out = sc_lua_testbuffer(L, 3);
        luaL_argcheck(L, out, 3, "a buffer is wanted");
    } else {
        out->len = 0;
    }
    w = begin(L, out, &problem);
    start = out->len;
    rc = write_value(L, &w, shape->shape.root, &root, 2);
    if (rc) {
        out->len = start;
        return sc_lua_shape_failed(L, &problem);
    }
    if (out != &shape->out) {
        lua_settop(L, 3);
        return 1;
    }
    lua_pushlstring(L, out->data, out->len);
    if (out->cap > KEEP)
        sc_buf_free(out);
    return 1;
}

/* One field of a query: text, integers, numbers and booleans. */
static int write_part(lua_State *L, struct writer *w, const struct sc_shape_node *node, at_t *at,
                      int index)
{
    const char *bytes;
    size_t len, chars, good;
    int64_t number;
    int rc;

    switch (node->type) {
    case SC_SHAPE_STRING:
        if (lua_type(L, index) != LUA_TSTRING)
            return fail_type(L, w, node, at, index, "text");
        bytes = lua_tolstring(L, index, &len);
        if (node->values) {
            const struct sc_shape_value *found = find_value(L, node, index);

            if (!found)
                return sc_shape_fail_value(w->problem, node, at);
            bytes = found->wire.bytes;
            len = found->wire.len;
        }
        if ((good = sc_utf8_check(bytes, len, &chars)) != len)
            return fail_status(w, node, at, SC_JSON_BAD_UTF8, good);
        if (check_text(w, node, at, bytes, len, chars))
            return -1;
        rc = sc_json_write_percent(w->out, bytes, len);
        return rc ? fail_status(w, node, at, rc, 0) : 0;
    case SC_SHAPE_INTEGER:
        if (take_integer(L, w, node, at, index, &number))
            return -1;
        rc = sc_json_write_integer(w->out, number);
        return rc ? fail_status(w, node, at, rc, 0) : 0;
    case SC_SHAPE_NUMBER:
        if (lua_type(L, index) != LUA_TNUMBER)
            return fail_type(L, w, node, at, index, "a number");
        return add_number(L, w, node, at, index);
    default:
        if (lua_type(L, index) != LUA_TBOOLEAN)
            return fail_type(L, w, node, at, index, "true or false");
        return lua_toboolean(L, index) ? add(w, "true", 4) : add(w, "false", 5);
    }
}

static int write_query(lua_State *L, struct writer *w, struct sc_shape_node *node, int index)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, value, rc;
    size_t start = w->out->len;

    if (lua_type(L, index) != LUA_TTABLE)
        return fail_type(L, w, node, NULL, index, "a table");
    if (gather(L, w, node, NULL, index, slot))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];
        struct sc_shape_at here = {NULL, field->name.bytes, field->name.len, 0};

        value = base + slot[i];
        if (!slot[i]) {
            if (field->no_write)
                continue;
            if (!field->default_slot) {
                if (field->required)
                    return sc_shape_fail(w->problem, field, &here, "required", "required");
                continue;
            }
            lua_rawgeti(L, w->slots, field->default_slot);
            value = lua_gettop(L);
        }
        if (w->out->len > start && add(w, "&", 1))
            return -1;
        rc = sc_json_write_percent(w->out, field->lead.bytes + 2, field->lead.len - 4);
        if (rc)
            return fail_status(w, field, &here, rc, 0);
        if (add(w, "=", 1) || write_part(L, w, field, &here, value))
            return -1;
    }
    return 0;
}

/* shape:write_query(value) -> "count=10&offset=0", or nil, path, reason, code */
int sc_lua_shape_write_query(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkshape(L);
    struct sc_shape_node *root = shape->shape.root;
    struct sc_shape_problem problem;
    struct writer w;
    int i;

    lua_settop(L, 2);
    luaL_argcheck(L, root->type == SC_SHAPE_RECORD, 1, "a record's shape is wanted");
    for (i = 0; i < root->field_count; i++) {
        enum sc_shape_type type = root->fields[i].type;

        luaL_argcheck(L,
                      type == SC_SHAPE_STRING || type == SC_SHAPE_INTEGER ||
                          type == SC_SHAPE_NUMBER || type == SC_SHAPE_BOOLEAN,
                      1, "a query has no tables");
    }
    w = begin(L, &shape->out, &problem);
    w.out->len = 0;
    if (sc_buf_reserve(w.out, 1))
        return luaL_error(L, "not enough memory");
    if (write_query(L, &w, root, 2))
        return sc_lua_shape_failed(L, &problem);
    lua_pushlstring(L, w.out->data, w.out->len);
    return 1;
}
