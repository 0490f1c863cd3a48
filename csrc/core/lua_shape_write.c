#include "json_write.h"
#include "lua_put.h"
#include "lua_shape.h"
#include "utf8.h"

/* Bytes of its own buffer that a shape keeps for the next time. */
#define KEEP ((size_t)256 << 10)

/* Keys of a map that are put in order; of a larger one the rest goes out as Lua walks it. */
#define SORTED SC_SHAPE_GATHER

typedef const struct sc_shape_at at_t;

/* Every item and field is written with a comma before it; the first comma of a table then
 * becomes its bracket. Padded: sc_put_string copies a constant number of bytes. */
static const char comma_bytes[SC_PUT_LEAD] = ",";
static const char colon_bytes[SC_PUT_LEAD] = ":";
static const struct sc_text comma = {comma_bytes, 1};
static const struct sc_text colon = {colon_bytes, 1};

static int write_value(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                       int index, int depth);

/* Ends the table that began at start. */
static int close_table(struct sc_put *w, size_t start, char open, char close)
{
    if (w->out->len == start)
        return sc_put_char(w, open) || sc_put_char(w, close);
    w->out->data[start] = open;
    return sc_put_char(w, close);
}

/* A text behind a lead. */
static inline int write_text(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                             at_t *at, int index, const struct sc_text *lead)
{
    const char *bytes;
    size_t len, chars;

    if (node->values || lua_type(L, index) != LUA_TSTRING) {
        if (sc_put_take_text(L, w, node, at, index, &bytes, &len))
            return -1;
    } else {
        bytes = lua_tolstring(L, index, &len);
    }
    if (sc_put_string(w, node, at, lead, bytes, len, &chars))
        return -1;
    if (node->has_min || node->has_max || node->has_forbid)
        return sc_put_check_text(w, node, at, bytes, len, chars);
    return 0;
}

/* A value of a map: text, or a number or boolean as text. */
static int write_map_value(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                           at_t *at, int index)
{
    const char *bytes;
    size_t len, chars;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        return sc_put_string(w, node, at, &colon, bytes, len, &chars);
    case LUA_TNUMBER:
        return sc_put_bytes(w, ":\"", 2) || sc_put_number(L, w, node, at, index) ||
                       sc_put_char(w, '"')
                   ? -1
                   : 0;
    case LUA_TBOOLEAN:
        return lua_toboolean(L, index) ? sc_put_bytes(w, ":\"true\"", 7)
                                       : sc_put_bytes(w, ":\"false\"", 8);
    default:
        if (sc_put_is_null(L, index) && node->nullable)
            return sc_put_bytes(w, ":null", 5);
        return sc_put_fail_type(L, w, node, at, index, "text, a number or a boolean");
    }
}

/* One pair of a map. key lies on the stack at index, its value behind it. */
static int write_pair(lua_State *L, struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                      const struct sc_text *key, int index)
{
    struct sc_shape_at here = {at, key->bytes, key->len, 0};
    size_t chars;

    if (key->len == 0)
        return sc_shape_fail(w->problem, NULL, at, "key", "a name must not be empty");
    if (sc_put_string(w, NULL, &here, &comma, key->bytes, key->len, &chars))
        return -1;
    return write_map_value(L, w, node, &here, index + 1);
}

static inline int later(const struct sc_text *a, const struct sc_text *b)
{
    size_t shorter = a->len < b->len ? a->len : b->len;
    int order = 0;

    if (shorter && a->bytes[0] != b->bytes[0])
        return (unsigned char)a->bytes[0] > (unsigned char)b->bytes[0];
    order = memcmp(a->bytes, b->bytes, shorter);
    return order ? order > 0 : a->len > b->len;
}

/* The rest of a map that is too large to be put in order; the last key is on top. */
static int write_large_map(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                           at_t *at, int index)
{
    int top = lua_gettop(L);
    size_t count = 0;

    while (lua_next(L, index)) {
        struct sc_text key;

        if (lua_type(L, top) != LUA_TSTRING)
            return sc_put_fail_key(L, w, at, top, "a name");
        if (++count > SC_SHAPE_ITEMS)
            return sc_shape_fail(w->problem, node, at, "length", "more than %d names",
                                 SC_SHAPE_ITEMS);
        key.bytes = lua_tolstring(L, top, &key.len);
        if (write_pair(L, w, node, at, &key, top))
            return -1;
        lua_settop(L, top);
    }
    return 0;
}

/* A map's names go out in order, so that the same table always gives the same bytes. */
static int write_map(lua_State *L, struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                     int index)
{
    struct sc_text keys[SORTED];
    uint8_t order[SORTED];
    int base = lua_gettop(L), count = 0, i;
    size_t start = w->out->len;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_fail_type(L, w, node, at, index, "a table of texts");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        int place = base + 2 * count + 1;

        if (lua_type(L, place) != LUA_TSTRING)
            return sc_put_fail_key(L, w, at, place, "a name");
        keys[count].bytes = lua_tolstring(L, place, &keys[count].len);
        for (i = count; i > 0 && later(&keys[order[i - 1]], &keys[count]); i--)
            order[i] = order[i - 1];
        order[i] = (uint8_t)count;
        lua_pushvalue(L, -2);
        if (++count == SORTED)
            break;
    }
    for (i = 0; i < count; i++)
        if (write_pair(L, w, node, at, &keys[order[i]], base + 2 * order[i] + 1))
            return -1;
    if (count == SORTED && write_large_map(L, w, node, at, index))
        return -1;
    lua_settop(L, base);
    return close_table(w, start, '{', '}');
}

/* One item of a list, on the stack at index. */
static inline int write_item(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                             at_t *at, int index, int depth)
{
    if (node->type == SC_SHAPE_STRING && !node->nullable)
        return write_text(L, w, node, at, index, &comma);
    return sc_put_char(w, ',') || write_value(L, w, node, at, index, depth) ? -1 : 0;
}

/* A list whose items Lua does not walk in order. */
static int write_list_slowly(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                             at_t *at, int index, int depth)
{
    size_t start = w->out->len, count = 0, i;

    if (sc_put_count_items(L, w, node, at, index, &count) ||
        sc_put_check_count(w, node, at, count, "item", "items"))
        return -1;
    if (count > SC_SHAPE_ITEMS)
        return sc_shape_fail(w->problem, node, at, "length", "more than %d items",
                             SC_SHAPE_ITEMS);
    for (i = 1; i <= count; i++) {
        struct sc_shape_at here = {at, NULL, 0, i};

        lua_rawgeti(L, index, (int)i);
        if (write_item(L, w, node->of, &here, lua_gettop(L), depth))
            return -1;
        lua_pop(L, 1);
    }
    return close_table(w, start, '[', ']');
}

static int write_list(lua_State *L, struct sc_put *w, const struct sc_shape_node *node, at_t *at,
                      int index, int depth)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    size_t start = w->out->len;
    int top = lua_gettop(L) + 1;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_fail_type(L, w, node, at, index, "a list");
    if (node->has_max && (int64_t)sc_rawlen(L, index) > node->max)
        return sc_put_check_count(w, node, at, sc_rawlen(L, index), "item", "items");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        here.index++;
        if (lua_type(L, top) != LUA_TNUMBER ||
            lua_tonumber(L, top) != (lua_Number)here.index || here.index > SC_SHAPE_ITEMS) {
            lua_settop(L, top - 1);
            w->out->len = start;
            return write_list_slowly(L, w, node, at, index, depth);
        }
        if (write_item(L, w, node->of, &here, top + 1, depth))
            return -1;
        lua_settop(L, top);
    }
    if (sc_put_check_count(w, node, at, here.index, "item", "items"))
        return -1;
    return close_table(w, start, '[', ']');
}

/* The field that the key at index means; guess is how many keys came before. */
static inline int match_field(lua_State *L, struct sc_shape_node *node, int index, int guess)
{
    const void *ident;
    int i = node->order[guess];

#if LUA_VERSION_NUM >= 504
    ident = lua_topointer(L, index);
#else
    if (lua_type(L, index) != LUA_TSTRING)
        return -1;
    ident = lua_tostring(L, index);
#endif
    if (node->fields[i].ident == ident && !node->fields[i].no_write)
        return i;
    if (lua_type(L, index) != LUA_TSTRING)
        return -1;
    i = sc_shape_find(node, lua_tostring(L, index), sc_rawlen(L, index));
    if (i < 0 || node->fields[i].no_write)
        return -1;
    node->order[guess] = (uint8_t)i;
    return i;
}

static int fail_unknown(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                        at_t *at, int index)
{
    const char *name;
    size_t len;

    if (lua_type(L, index) != LUA_TSTRING)
        return sc_put_fail_key(L, w, at, index, "a key");
    name = lua_tolstring(L, index, &len);
    return sc_shape_fail_unknown(w->problem, node, at, name, len);
}

/* Pushes the keys and values of the record at index and notes for each field where its value
 * lies, counted from the top before. */
static inline int gather(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                         int index, uint8_t slot[SC_SHAPE_FIELDS])
{
    int place = lua_gettop(L) + 1, count = 0, i;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_fail_type(L, w, node, at, index, "a table");
    memset(slot, 0, SC_SHAPE_FIELDS);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        i = match_field(L, node, place, count);
        if (i >= 0) {
            slot[i] = (uint8_t)(2 * ++count);
            lua_pushvalue(L, place);
            place += 2;
        } else if (node->open) {
            lua_pop(L, 1);
        } else {
            return fail_unknown(L, w, node, at, place);
        }
    }
    return 0;
}

/* The stack index of what is written for a field: its value, its default, or 0 for nothing.
 * -1 when it is required. */
static inline int field_value(lua_State *L, struct sc_put *w, const struct sc_shape_node *field,
                              at_t *at, int base, int slot)
{
    if (slot)
        return base + slot;
    if (field->no_write)
        return 0;
    if (field->default_slot) {
        lua_rawgeti(L, w->slots, field->default_slot);
        return lua_gettop(L);
    }
    if (field->required)
        return sc_shape_fail(w->problem, field, at, "required", "required");
    return 0;
}

static int write_record(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                        int index, int depth)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, value, rc;
    size_t start = w->out->len;

    if (gather(L, w, node, at, index, slot))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];
        struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

        value = field_value(L, w, field, &here, base, slot[i]);
        if (value < 0)
            return -1;
        if (value == 0)
            continue;
        if (field->type == SC_SHAPE_STRING && !(field->nullable && sc_put_is_null(L, value)))
            rc = write_text(L, w, field, &here, value, &field->lead);
        else
            rc = sc_put_bytes(w, field->lead.bytes, field->lead.len) ||
                 write_value(L, w, field, &here, value, depth);
        if (rc)
            return -1;
    }
    lua_settop(L, base);
    return close_table(w, start, '{', '}');
}

static int write_value(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                       int index, int depth)
{
    static const struct sc_text none = {comma_bytes, 0};
    int64_t number;
    int rc;

    if (node->nullable && sc_put_is_null(L, index))
        return sc_put_bytes(w, "null", 4);
    switch (node->type) {
    case SC_SHAPE_RECORD:
        return write_record(L, w, node, at, index, depth + 1);
    case SC_SHAPE_LIST:
        return write_list(L, w, node, at, index, depth + 1);
    case SC_SHAPE_MAP:
        return write_map(L, w, node, at, index);
    case SC_SHAPE_STRING:
        return write_text(L, w, node, at, index, &none);
    case SC_SHAPE_INTEGER:
        if (sc_put_take_integer(L, w, node, at, index, &number))
            return -1;
        rc = sc_json_write_integer(w->out, number);
        return rc ? sc_put_fail_status(w, node, at, rc, 0) : 0;
    case SC_SHAPE_NUMBER:
        if (lua_type(L, index) != LUA_TNUMBER)
            return sc_put_fail_type(L, w, node, at, index, "a number");
        return sc_put_number(L, w, node, at, index);
    case SC_SHAPE_BOOLEAN:
        if (lua_type(L, index) != LUA_TBOOLEAN)
            return sc_put_fail_type(L, w, node, at, index, "true or false");
        return lua_toboolean(L, index) ? sc_put_bytes(w, "true", 4) : sc_put_bytes(w, "false", 5);
    default:
        return sc_put_any(L, w, at, index, depth);
    }
}

/* Puts the shape's Lua values on the stack and a writer at the start. */
static struct sc_put begin(lua_State *L, const struct sc_lua_shape *shape, struct sc_buf *out,
                           struct sc_shape_problem *problem)
{
    struct sc_put w = {out, problem, lua_gettop(L) + 1};

    problem->code = NULL;
    luaL_checkstack(L, shape->shape.stack, "shape");
    sc_getuservalue(L, 1);
    return w;
}

/* Pushes what a buffer of the shape's own holds. */
static int give_string(lua_State *L, struct sc_buf *out)
{
    lua_pushlstring(L, out->len ? out->data : "", out->len);
    if (out->cap > KEEP)
        sc_buf_free(out);
    return 1;
}

/* shape:write(value [, buffer]) -> string | buffer, or nil, path, reason, code
 * What is written goes behind what the buffer holds; after a failure it holds what it held. */
int sc_lua_shape_write(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkshape(L);
    struct sc_buf *out = &shape->out;
    struct sc_shape_problem problem;
    struct sc_put w;
    size_t start;

    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        out->len = 0;
    } else {
        out = sc_lua_testbuffer(L, 3);
        luaL_argcheck(L, out, 3, "a buffer is wanted");
    }
    w = begin(L, shape, out, &problem);
    start = out->len;
    if (write_value(L, &w, shape->shape.root, NULL, 2, 0)) {
        out->len = start;
        return sc_lua_shape_failed(L, &problem);
    }
    if (out == &shape->out)
        return give_string(L, out);
    lua_settop(L, 3);
    return 1;
}

/* The value of one field of a query: text, a number or a boolean. */
static int write_part(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                      int index)
{
    const char *bytes;
    size_t len, chars, good;
    int rc;

    if (node->type != SC_SHAPE_STRING)
        return write_value(L, w, node, at, index, 0);
    if (sc_put_take_text(L, w, node, at, index, &bytes, &len))
        return -1;
    good = sc_utf8_check(bytes, len, &chars);
    if (good != len)
        return sc_put_fail_status(w, node, at, SC_JSON_BAD_UTF8, good);
    if (sc_put_check_text(w, node, at, bytes, len, chars))
        return -1;
    rc = sc_json_write_percent(w->out, bytes, len);
    return rc ? sc_put_fail_status(w, node, at, rc, 0) : 0;
}

static int write_query(lua_State *L, struct sc_put *w, struct sc_shape_node *node, int index)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, value, rc;

    if (gather(L, w, node, NULL, index, slot))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];
        struct sc_shape_at here = {NULL, field->name.bytes, field->name.len, 0};

        value = field_value(L, w, field, &here, base, slot[i]);
        if (value < 0)
            return -1;
        if (value == 0)
            continue;
        if (w->out->len && sc_put_char(w, '&'))
            return -1;
        /* the lead is `,"name":` */
        rc = sc_json_write_percent(w->out, field->lead.bytes + 2, field->lead.len - 4);
        if (rc)
            return sc_put_fail_status(w, field, &here, rc, 0);
        if (sc_put_char(w, '=') || write_part(L, w, field, &here, value))
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
    struct sc_put w;
    int i;

    lua_settop(L, 2);
    luaL_argcheck(L, root->type == SC_SHAPE_RECORD, 1, "a record's shape is wanted");
    for (i = 0; i < root->field_count; i++)
        luaL_argcheck(L,
                      root->fields[i].type == SC_SHAPE_STRING ||
                          root->fields[i].type == SC_SHAPE_INTEGER ||
                          root->fields[i].type == SC_SHAPE_NUMBER ||
                          root->fields[i].type == SC_SHAPE_BOOLEAN,
                      1, "a query has no tables");
    w = begin(L, shape, &shape->out, &problem);
    w.out->len = 0;
    if (write_query(L, &w, root, 2))
        return sc_lua_shape_failed(L, &problem);
    return give_string(L, w.out);
}
