#include "json_write.h"
#include "lua_map.h"
#include "lua_shape.h"
#include "utf8.h"

/* Bytes of its own buffer that a shape keeps for the next time. */
#define KEEP ((size_t)256 << 10)

typedef const struct sc_shape_at at_t;

/* Every item and field is written with a comma before it; the first comma of a table then
 * becomes its bracket. Padded: sc_put_string copies a constant number of bytes. */
static const char comma_bytes[SC_PUT_LEAD] = ",";
static const struct sc_text comma = {comma_bytes, 1};

static int write_value(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                       at_t *at, int index, int depth);

/* A text behind a lead. type is what lua_type says of it. */
static int write_text(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                      at_t *at, int index, int type, const struct sc_text *lead)
{
    const char *bytes;
    size_t len, chars;

    if (type != LUA_TSTRING)
        return sc_put_lead(w, lead) || sc_put_other(L, w, node, at, index, "text");
    bytes = lua_tolstring(L, index, &len);
    if (node->values && sc_put_translate(L, w, node, at, index, &bytes, &len))
        return -1;
    return sc_put_string(w, node, at, lead, bytes, len, &chars) ||
           sc_put_check_text(w, node, at, bytes, len, chars);
}

/* The same for the usual text: plain, not too short, not too long. Whether it was one;
 * when not, nothing is written and nobody has been told where and why. */
static inline int write_usual(lua_State *L, struct sc_put *w,
                              const struct sc_shape_node *node, int index,
                              const struct sc_text *lead)
{
    const char *bytes;
    size_t len;

    if (node->values || node->has_forbid || lua_type(L, index) != LUA_TSTRING)
        return 0;
    bytes = lua_tolstring(L, index, &len);
    return (int64_t)len >= node->min && (int64_t)len <= node->max &&
           sc_put_plain(w, lead, bytes, len);
}

/* One item of a list, on the stack at index. */
static inline int write_item(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                             at_t *at, int index, int depth)
{
    if (node->type == SC_SHAPE_STRING)
        return !write_usual(L, w, node, index, &comma) &&
               write_text(L, w, node, at, index, lua_type(L, index), &comma);
    return sc_put_char(w, ',') || write_value(L, w, node, at, index, depth);
}

/* A list whose items Lua does not walk in order. */
static int write_list_slowly(lua_State *L, struct sc_put *w,
                             const struct sc_shape_node *node, at_t *at, int index,
                             int depth)
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
    return sc_put_close(w, start, '[', ']');
}

/* Whether the key at index is this number. */
static inline int is_key(lua_State *L, int index, size_t number)
{
#if LUA_VERSION_NUM >= 503
    return lua_isinteger(L, index) && (size_t)lua_tointeger(L, index) == number;
#else
    return lua_type(L, index) == LUA_TNUMBER &&
           lua_tonumber(L, index) == (lua_Number)number;
#endif
}

static int write_list(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                      at_t *at, int index, int depth)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    size_t start = w->out->len;
    int top = lua_gettop(L) + 1;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_other(L, w, node, at, index, "a list");
    if (node->has_max && (int64_t)sc_rawlen(L, index) > node->max)
        return sc_put_check_count(w, node, at, sc_rawlen(L, index), "item", "items");
    lua_pushnil(L);
    while (lua_next(L, index)) {
        here.index++;
        if (!is_key(L, top, here.index) || here.index > SC_SHAPE_ITEMS) {
            lua_settop(L, top - 1);
            w->out->len = start;
            return write_list_slowly(L, w, node, at, index, depth);
        }
        if (write_item(L, w, node->of, &here, top + 1, depth))
            return -1;
        lua_settop(L, top);
    }
    if ((int64_t)here.index < node->min)
        return sc_put_check_count(w, node, at, here.index, "item", "items");
    return sc_put_close(w, start, '[', ']');
}

/* The field that the key at index means; guess is how many keys came before. */
static inline int match_field(lua_State *L, struct sc_shape_node *node, int index,
                              int guess)
{
    const void *ident = sc_put_ident(L, index);
    int i = node->order[guess];

    if (node->fields[i].ident == ident && !node->fields[i].no_write)
        return i;
    if (lua_type(L, index) != LUA_TSTRING)
        return -1;
    for (i = 0; i < node->field_count && node->fields[i].ident != ident; i++)
        ;
    if (i == node->field_count)
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

/* Pushes the keys and values of the record at index and notes for each field where its
 * value lies, counted from the top before. */
static inline int gather(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                         at_t *at, int index, uint8_t slot[SC_SHAPE_FIELDS])
{
    int place = lua_gettop(L) + 1, count = 0, i;

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

/* The stack index of what is written for a field that the table does not have: its
 * default, 0 for nothing, -1 when it is required. */
static int absent_value(lua_State *L, struct sc_put *w, const struct sc_shape_node *field,
                        at_t *at)
{
    struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

    if (field->no_write)
        return 0;
    if (field->default_slot) {
        lua_rawgeti(L, w->slots, field->default_slot);
        return lua_gettop(L);
    }
    return field->required
               ? sc_shape_fail(w->problem, field, &here, "required", "required")
               : 0;
}

/* One field with its lead; its value is at index. */
static int write_field(lua_State *L, struct sc_put *w, struct sc_shape_node *field,
                       at_t *at, int index, int depth)
{
    struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

    if (field->type == SC_SHAPE_STRING)
        return write_text(L, w, field, &here, index, lua_type(L, index), &field->lead);
    return sc_put_lead(w, &field->lead) || write_value(L, w, field, &here, index, depth);
}

static int write_record(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                        at_t *at, int index, int depth)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, value;
    size_t start = w->out->len;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_other(L, w, node, at, index, "a table");
    if (gather(L, w, node, at, index, slot))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];

        value = slot[i] ? base + slot[i] : absent_value(L, w, field, at);
        if (value < 0)
            return -1;
        if (value == 0 || (field->type == SC_SHAPE_STRING &&
                           write_usual(L, w, field, value, &field->lead)))
            continue;
        if (write_field(L, w, field, at, value, depth))
            return -1;
    }
    lua_settop(L, base);
    return sc_put_close(w, start, '{', '}');
}

static int write_value(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                       at_t *at, int index, int depth)
{
    static const struct sc_text none = {comma_bytes, 0};
    int type;

    switch (node->type) {
    case SC_SHAPE_RECORD: return write_record(L, w, node, at, index, depth + 1);
    case SC_SHAPE_LIST: return write_list(L, w, node, at, index, depth + 1);
    case SC_SHAPE_MAP: return sc_map_write(L, w, node, at, index);
    case SC_SHAPE_INTEGER: return sc_put_integer(L, w, node, at, index);
    case SC_SHAPE_ANY: return sc_put_any(L, w, at, index, depth);
    default: break;
    }
    type = lua_type(L, index);
    if (node->type == SC_SHAPE_STRING)
        return write_text(L, w, node, at, index, type, &none);
    if (node->type == SC_SHAPE_NUMBER && type == LUA_TNUMBER)
        return sc_put_number(L, w, node, at, index);
    if (node->type == SC_SHAPE_BOOLEAN && type == LUA_TBOOLEAN)
        return lua_toboolean(L, index) ? sc_put_bytes(w, "true", 4)
                                       : sc_put_bytes(w, "false", 5);
    return sc_put_other(L, w, node, at, index,
                        node->type == SC_SHAPE_NUMBER ? "a number" : "true or false");
}

/* Puts the Lua values of the shape, whose userdata is at self, on the stack and a writer
 * at the start. */
static struct sc_put begin(lua_State *L, const struct sc_lua_shape *shape, int self,
                           struct sc_buf *out, struct sc_shape_problem *problem)
{
    struct sc_put w = {out, problem, lua_gettop(L) + 1};

    luaL_checkstack(L, shape->shape.stack, "shape");
    sc_getuservalue(L, self);
    return w;
}

/* The buffer that is written when the caller brings none, empty. */
static struct sc_buf *own_buffer(lua_State *L, struct sc_lua_shape *shape)
{
    if (shape->lent)
        return sc_lua_newbuffer(L, SC_SHAPE_BODY);
    shape->out.len = 0;
    return &shape->out;
}

/* Pushes what it holds. */
static int give_string(lua_State *L, struct sc_lua_shape *shape, struct sc_buf *out)
{
    int own = out == &shape->out;

    shape->lent += own;
    lua_pushlstring(L, out->len ? out->data : "", out->len);
    shape->lent -= own;
    if (out->cap > KEEP)
        sc_buf_free(out);
    return 1;
}

/* shape:write(value [, buffer]) -> string | buffer, or nil, path, reason, code
 * What is written goes behind what the buffer holds; after a failure it holds what it
 * held. */
int sc_lua_shape_write(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkshape(L);
    struct sc_buf *out, *given;
    struct sc_shape_problem problem = {NULL, "", ""};
    struct sc_put w;
    size_t start;

    lua_settop(L, 3);
    given = out = sc_lua_testbuffer(L, 3);
    luaL_argcheck(L, out || lua_isnil(L, 3), 3, "a buffer is wanted");
    luaL_argcheck(L, !out || !out->locks, 3, "the buffer is in use by a request");
    if (!out)
        out = own_buffer(L, shape);
    w = begin(L, shape, 1, out, &problem);
    start = out->len;
    if (write_value(L, &w, shape->shape.root, NULL, 2, 0)) {
        out->len = start;
        return sc_lua_shape_failed(L, &problem);
    }
    if (!given)
        return give_string(L, shape, out);
    lua_settop(L, 3);
    return 1;
}

int sc_lua_shape_put(lua_State *L, const struct sc_lua_shape *shape, int self, int index,
                     struct sc_buf *out, struct sc_shape_problem *problem)
{
    int top = lua_gettop(L), rc;
    size_t start = out->len;
    struct sc_put w = begin(L, shape, self, out, problem);

    rc = write_value(L, &w, shape->shape.root, NULL, index, 0);
    lua_settop(L, top);
    if (rc)
        out->len = start;
    return rc;
}

/* The value of one field of a query: text, a number or a boolean. */
static int write_part(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                      at_t *at, int index)
{
    const char *bytes;
    size_t len, chars, good;
    int rc;

    if (node->type != SC_SHAPE_STRING)
        return write_value(L, w, node, at, index, 0);
    if (lua_type(L, index) != LUA_TSTRING)
        return sc_put_other(L, w, node, at, index, "text");
    bytes = lua_tolstring(L, index, &len);
    if (node->values && sc_put_translate(L, w, node, at, index, &bytes, &len))
        return -1;
    good = sc_utf8_check(bytes, len, &chars);
    if (good != len)
        return sc_put_fail_status(w, node, at, SC_JSON_BAD_UTF8, good);
    if (sc_put_check_text(w, node, at, bytes, len, chars))
        return -1;
    rc = sc_json_write_percent(w->out, bytes, len);
    return rc ? sc_put_fail_status(w, node, at, rc, 0) : 0;
}

static int write_query(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                       int index)
{
    uint8_t slot[SC_SHAPE_FIELDS];
    int base = lua_gettop(L), i, value, rc;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_other(L, w, NULL, NULL, index, "a table");
    if (gather(L, w, node, NULL, index, slot))
        return -1;
    for (i = 0; i < node->field_count; i++) {
        struct sc_shape_node *field = &node->fields[i];
        struct sc_shape_at here = {NULL, field->name.bytes, field->name.len, 0};

        value = slot[i] ? base + slot[i] : absent_value(L, w, field, NULL);
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
        if (lua_type(L, value) == LUA_TLIGHTUSERDATA)
            return sc_put_other(L, w, NULL, &here, value, "text or a number");
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
    struct sc_shape_problem problem = {NULL, "", ""};
    struct sc_put w;
    struct sc_buf *out;
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
    out = own_buffer(L, shape);
    w = begin(L, shape, 1, out, &problem);
    if (write_query(L, &w, root, 2))
        return sc_lua_shape_failed(L, &problem);
    return give_string(L, shape, out);
}
