#include "lua_take.h"

#include <math.h>

typedef const struct sc_shape_at at_t;

int sc_take_fail(struct sc_take *r, at_t *at)
{
    const struct sc_json_scan *s = &r->scan;

    if (r->problem->code)
        return -1;
    return sc_shape_fail(r->problem, NULL, at, "json", "%s at byte %zu of the JSON",
                         s->problem, (size_t)(s->at - s->begin) + 1);
}

int sc_take_fail_type(struct sc_take *r, const struct sc_shape_node *node, at_t *at,
                      int got, const char *wanted)
{
    const char *what = got == '{'                 ? "an object"
                       : got == '['               ? "an array"
                       : got == '"'               ? "text"
                       : got == 't' || got == 'f' ? "a boolean"
                       : got == 'n'               ? "null"
                                                  : "a number";

    /* Not JSON at all is the better answer. */
    if (sc_json_scan_skip(&r->scan))
        return sc_take_fail(r, at);
    return sc_shape_fail(r->problem, node, at, "type", "must be %s, got %s", wanted,
                         what);
}

int sc_take_open(struct sc_take *r, at_t *at)
{
    if (++r->tables > SC_SHAPE_ITEMS)
        return sc_shape_fail(r->problem, NULL, at, "size",
                             "more than %d records and lists", SC_SHAPE_ITEMS);
    return sc_json_scan_enter(&r->scan) ? sc_take_fail(r, at) : 0;
}

void sc_take_push(lua_State *L, struct sc_take *r, const struct sc_json_text *text)
{
    struct sc_buf *scratch;

    if (!text->escaped) {
        lua_pushlstring(L, text->bytes, text->len);
        return;
    }
    scratch = sc_lua_testbuffer(L, r->scratch);
    if (!scratch) {
        scratch = sc_lua_newbuffer(L, SIZE_MAX / 4);
        lua_replace(L, r->scratch);
    }
    scratch->len = 0;
    if (sc_buf_reserve(scratch, text->len))
        luaL_error(L, "not enough memory");
    lua_pushlstring(L, scratch->data, sc_json_unescape(text, scratch->data));
}

/* Pushes a number; as its text when this Lua cannot hold it exactly or at all. */
void sc_take_push_number(lua_State *L, const struct sc_json_number *number)
{
    int64_t integer;
    double value;

    if (number->integral) {
#if LUA_VERSION_NUM >= 503
        if (sc_json_integer(number->bytes, number->len, &integer)) {
#else
        if (sc_json_integer(number->bytes, number->len, &integer) &&
            integer <= INT64_C(9007199254740992) &&
            integer >= -INT64_C(9007199254740992)) {
#endif
            sc_pushinteger(L, integer);
            return;
        }
    } else {
        if (sc_json_double(number, &value))
            luaL_error(L, "not enough memory");
        if (isfinite(value)) {
            lua_pushnumber(L, (lua_Number)value);
            return;
        }
    }
    lua_pushlstring(L, number->bytes, number->len);
}

/* Puts the Lua name of an enumeration's word in place of the text on top of the stack. */
static void translate_text(lua_State *L, struct sc_take *r,
                           const struct sc_shape_node *node)
{
    size_t len;
    const char *bytes = lua_tolstring(L, -1, &len);
    int i;

    for (i = 0; i < node->value_count; i++) {
        const struct sc_shape_value *value = &node->values[i];

        if (value->wire.len == len && memcmp(value->wire.bytes, bytes, len) == 0) {
            lua_pop(L, 1);
            lua_pushvalue(L, r->slots + value->name_slot);
            return;
        }
    }
}

int sc_take_text(lua_State *L, struct sc_take *r, struct sc_shape_node *node, at_t *at,
                 int c)
{
    struct sc_json_text text;
    struct sc_json_number number;

    if (c == '"') {
        if (sc_take_string(&r->scan, &text))
            return sc_take_fail(r, at);
        sc_take_push_lucky(L, r, node, &text);
    } else if (sc_take_is_number(c)) {
        if (sc_json_scan_number(&r->scan, &number))
            return sc_take_fail(r, at);
        lua_pushlstring(L, number.bytes, number.len);
    } else {
        return sc_take_fail_type(r, node, at, c, "text");
    }
    if (node->values)
        translate_text(L, r, node);
    return 1;
}

/* Takes a plain integer of up to 15 digits. Returns whether there was one. */
static inline int take_short_integer(struct sc_json_scan *s, int64_t *value)
{
    const char *p = s->at, *end = s->end - p > 16 ? p + 16 : s->end;
    int64_t sum = 0;

    if (p == end || *p < '1' || *p > '9')
        return 0;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        sum = sum * 10 + (*p - '0');
    if (p == end || *p == '.' || (*p | 32) == 'e')
        return 0;
    s->at = p;
    *value = sum;
    return 1;
}

/* Takes an integer, a number that is one (1e3) or a text that spells one. 1: value is
 * it; 0: the value was pushed as text; -1. */
static int take_integer(lua_State *L, struct sc_take *r, const struct sc_shape_node *node,
                        at_t *at, int c, int64_t *value)
{
    struct sc_json_text text;
    struct sc_json_number number;
    double real;

    if (c == '"') {
        if (sc_json_scan_string(&r->scan, &text))
            return sc_take_fail(r, at);
        if (!text.escaped && sc_json_integer(text.bytes, text.len, value))
            return 1;
        sc_take_push(L, r, &text);
        return 0;
    }
    if (take_short_integer(&r->scan, value))
        return 1;
    if (!sc_take_is_number(c))
        return sc_take_fail_type(r, node, at, c, "an integer");
    if (sc_json_scan_number(&r->scan, &number))
        return sc_take_fail(r, at);
    if (number.integral && sc_json_integer(number.bytes, number.len, value))
        return 1;
    if (!number.integral) {
        if (sc_json_double(&number, &real))
            luaL_error(L, "not enough memory");
        if (fabs(real) <= 9007199254740992.0) {
            *value = (int64_t)real;
            return (double)*value == real
                       ? 1
                       : sc_shape_fail(r->problem, node, at, "type",
                                       "must be an integer, got a fraction");
        }
    }
    lua_pushlstring(L, number.bytes, number.len);
    return 0;
}

int sc_take_integer(lua_State *L, struct sc_take *r, const struct sc_shape_node *node,
                    at_t *at, int c)
{
    const char *from = r->scan.at;
    int64_t value = 0;
    int i, rc = take_integer(L, r, node, at, c, &value);

    if (rc <= 0)
        return rc ? -1 : 1;
    for (i = 0; i < node->value_count; i++)
        if (node->values[i].number == value) {
            lua_pushvalue(L, r->slots + node->values[i].name_slot);
            return 1;
        }
#if LUA_VERSION_NUM < 503
    if (value > INT64_C(9007199254740992) || value < -INT64_C(9007199254740992)) {
        lua_pushlstring(L, from + (c == '"'),
                        (size_t)(r->scan.at - from - 2 * (c == '"')));
        return 1;
    }
#else
    (void)from;
#endif
    sc_pushinteger(L, value);
    return 1;
}

static int read_any_array(lua_State *L, struct sc_take *r, at_t *at)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    int rc;

    luaL_checkstack(L, 10, "JSON");
    if (sc_take_open(r, at))
        return -1;
    lua_newtable(L);
    while ((rc = sc_json_scan_next(&r->scan, ']', here.index == 0)) == 1) {
        if (++here.index > SC_SHAPE_ITEMS)
            return sc_shape_fail(r->problem, NULL, at, "size", "more than %d items",
                                 SC_SHAPE_ITEMS);
        if (sc_take_any(L, r, &here) < 0)
            return -1;
        lua_rawseti(L, -2, (int)here.index);
    }
    return rc ? sc_take_fail(r, at) : 1;
}

static int read_any_object(lua_State *L, struct sc_take *r, at_t *at)
{
    struct sc_json_text key;
    int first, rc;

    luaL_checkstack(L, 10, "JSON");
    if (sc_take_open(r, at))
        return -1;
    lua_newtable(L);
    for (first = 1; (rc = sc_json_scan_next(&r->scan, '}', first)) == 1; first = 0) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (sc_json_scan_key(&r->scan, &key))
            return sc_take_fail(r, at);
        here.name = key.bytes;
        here.len = key.len;
        sc_take_push_again(L, r, &key);
        if (sc_take_any(L, r, &here) < 0)
            return -1;
        lua_rawset(L, -3);
    }
    return rc ? sc_take_fail(r, at) : 1;
}

/* Pushes any value; null as the null of lua-cjson. */
int sc_take_any(lua_State *L, struct sc_take *r, at_t *at)
{
    struct sc_json_text text;
    struct sc_json_number number;
    int c = sc_json_scan_peek(&r->scan);

    switch (c) {
    case '{': return read_any_object(L, r, at);
    case '[': return read_any_array(L, r, at);
    case '"':
        if (sc_json_scan_string(&r->scan, &text))
            return sc_take_fail(r, at);
        sc_take_push(L, r, &text);
        return 1;
    case 't':
    case 'f':
    case 'n':
        if (sc_json_scan_word(&r->scan))
            return sc_take_fail(r, at);
        if (c == 'n')
            lua_pushlightuserdata(L, NULL);
        else
            lua_pushboolean(L, c == 't');
        return 1;
    default:
        if (sc_json_scan_number(&r->scan, &number))
            return sc_take_fail(r, at);
        sc_take_push_number(L, &number);
        return 1;
    }
}
