#include "lua_shape.h"

#include "json_read.h"

#include <math.h>
#include <string.h>

/* Every push may run the collector and with it anybody's __gc, so nothing here relies on a
 * buffer that others can reach: a buffer to be read lends its bytes to one that only the stack
 * knows, and escapes are undone into another. */
struct reader {
    struct sc_json_scan scan;
    struct sc_shape_problem *problem;
    int slots;   /* stack index of the shape's first Lua value, less one */
    int marks;   /* stack index of the first metatable, less one */
    int scratch; /* stack index of the buffer for escapes, nil until one is met */
    int raw;     /* keep unknown keys of marked records */
    size_t tables;
};

typedef const struct sc_shape_at at_t;

/* 1: a value was pushed; 0: it was null, nothing was pushed; -1: failed. */
static int read_value(lua_State *L, struct reader *r, struct sc_shape_node *node, at_t *at);

static int fail_scan(struct reader *r, at_t *at)
{
    const struct sc_json_scan *s = &r->scan;

    if (r->problem->code)
        return -1;
    return sc_shape_fail(r->problem, NULL, at, "json", "%s at byte %zu of the JSON", s->problem,
                         (size_t)(s->at - s->begin) + 1);
}

static int fail_type(struct reader *r, const struct sc_shape_node *node, at_t *at, int got,
                     const char *wanted)
{
    const char *what = got == '{'                ? "an object"
                       : got == '['              ? "an array"
                       : got == '"'              ? "text"
                       : got == 't' || got == 'f' ? "a boolean"
                       : got == 'n'              ? "null"
                                                 : "a number";

    /* Not JSON at all is the better answer. */
    if (sc_json_scan_skip(&r->scan))
        return fail_scan(r, at);
    return sc_shape_fail(r->problem, node, at, "type", "must be %s, got %s", wanted, what);
}

/* Counts a table and makes room for walking it. */
static int open_table(lua_State *L, struct reader *r, at_t *at)
{
    luaL_checkstack(L, 10, "JSON");
    if (++r->tables > SC_SHAPE_ITEMS)
        return sc_shape_fail(r->problem, NULL, at, "size", "more than %d records and lists",
                             SC_SHAPE_ITEMS);
    if (sc_json_scan_enter(&r->scan))
        return fail_scan(r, at);
    return 0;
}

static void push_text(lua_State *L, struct reader *r, const struct sc_json_text *text)
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
static void push_number(lua_State *L, const struct sc_json_number *number)
{
    int64_t integer;
    double value;

    if (number->integral) {
#if LUA_VERSION_NUM >= 503
        if (sc_json_integer(number->bytes, number->len, &integer)) {
#else
        if (sc_json_integer(number->bytes, number->len, &integer) &&
            integer <= INT64_C(9007199254740992) && integer >= -INT64_C(9007199254740992)) {
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

static int read_any(lua_State *L, struct reader *r, at_t *at);

static int read_any_array(lua_State *L, struct reader *r, at_t *at)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    int rc;

    if (open_table(L, r, at))
        return -1;
    lua_newtable(L);
    while ((rc = sc_json_scan_next(&r->scan, ']', here.index == 0)) == 1) {
        if (++here.index > SC_SHAPE_ITEMS)
            return sc_shape_fail(r->problem, NULL, at, "size", "more than %d items",
                                 SC_SHAPE_ITEMS);
        if (read_any(L, r, &here) < 0)
            return -1;
        lua_rawseti(L, -2, (int)here.index);
    }
    return rc ? fail_scan(r, at) : 1;
}

/* An object whose values may be anything. Null values are dropped when the node is a map. */
static int read_object(lua_State *L, struct reader *r, at_t *at, int drop_null)
{
    struct sc_json_text key;
    int first, rc;

    if (open_table(L, r, at))
        return -1;
    lua_newtable(L);
    for (first = 1; (rc = sc_json_scan_next(&r->scan, '}', first)) == 1; first = 0) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (sc_json_scan_key(&r->scan, &key))
            return fail_scan(r, at);
        here.name = key.bytes;
        here.len = key.len;
        push_text(L, r, &key);
        if (drop_null && sc_json_scan_peek(&r->scan) == 'n') {
            if (sc_json_scan_word(&r->scan))
                return fail_scan(r, &here);
            lua_pushnil(L);
        } else if (read_any(L, r, &here) < 0) {
            return -1;
        }
        lua_rawset(L, -3);
    }
    return rc ? fail_scan(r, at) : 1;
}

/* Pushes any value; null as the null of lua-cjson. */
static int read_any(lua_State *L, struct reader *r, at_t *at)
{
    struct sc_json_text text;
    struct sc_json_number number;
    int c = sc_json_scan_peek(&r->scan);

    switch (c) {
    case '{':
        return read_object(L, r, at, 0);
    case '[':
        return read_any_array(L, r, at);
    case '"':
        if (sc_json_scan_string(&r->scan, &text))
            return fail_scan(r, at);
        push_text(L, r, &text);
        return 1;
    case 't':
    case 'f':
    case 'n':
        if (sc_json_scan_word(&r->scan))
            return fail_scan(r, at);
        if (c == 'n')
            lua_pushlightuserdata(L, NULL);
        else
            lua_pushboolean(L, c == 't');
        return 1;
    default:
        if (sc_json_scan_number(&r->scan, &number))
            return fail_scan(r, at);
        push_number(L, &number);
        return 1;
    }
}

static int is_number(int c)
{
    return c == '-' || (c >= '0' && c <= '9');
}

/* Puts the Lua name of an enumeration's word in place of the text on top of the stack. */
static void translate_text(lua_State *L, struct reader *r, const struct sc_shape_node *node)
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

static int read_text(lua_State *L, struct reader *r, const struct sc_shape_node *node, at_t *at,
                     int c)
{
    struct sc_json_text text;
    struct sc_json_number number;

    if (c == '"') {
        if (sc_json_scan_string(&r->scan, &text))
            return fail_scan(r, at);
        push_text(L, r, &text);
    } else if (is_number(c)) {
        if (sc_json_scan_number(&r->scan, &number))
            return fail_scan(r, at);
        lua_pushlstring(L, number.bytes, number.len);
    } else {
        return fail_type(r, node, at, c, "text");
    }
    if (node->values)
        translate_text(L, r, node);
    return 1;
}

/* Takes an integer, a number that is one (1e3) or a text that spells one. 1: value is it; 0: the
 * value was pushed as text; -1. */
static int take_integer(lua_State *L, struct reader *r, const struct sc_shape_node *node,
                        at_t *at, int c, int64_t *value)
{
    struct sc_json_text text;
    struct sc_json_number number;
    double real;

    if (c == '"') {
        if (sc_json_scan_string(&r->scan, &text))
            return fail_scan(r, at);
        if (!text.escaped && sc_json_integer(text.bytes, text.len, value))
            return 1;
        push_text(L, r, &text);
        return 0;
    }
    if (!is_number(c))
        return fail_type(r, node, at, c, "an integer");
    if (sc_json_scan_number(&r->scan, &number))
        return fail_scan(r, at);
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

static int read_integer(lua_State *L, struct reader *r, const struct sc_shape_node *node,
                        at_t *at, int c)
{
    const char *from = r->scan.at;
    int64_t value;
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
        lua_pushlstring(L, from + (c == '"'), (size_t)(r->scan.at - from - 2 * (c == '"')));
        return 1;
    }
#else
    (void)from;
#endif
    sc_pushinteger(L, value);
    return 1;
}

static int read_list(lua_State *L, struct reader *r, struct sc_shape_node *node, at_t *at)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    int rc, count = 0;

    if (open_table(L, r, at))
        return -1;
    lua_newtable(L);
    while ((rc = sc_json_scan_next(&r->scan, ']', here.index == 0)) == 1) {
        if (++here.index > SC_SHAPE_ITEMS)
            return sc_shape_fail(r->problem, NULL, at, "size", "more than %d items",
                                 SC_SHAPE_ITEMS);
        rc = read_value(L, r, node->of, &here);
        if (rc < 0)
            return -1;
        if (rc)
            lua_rawseti(L, -2, ++count);
    }
    return rc ? fail_scan(r, at) : 1;
}

/* The record's key at the scanner, taken with its colon: its index, SC_SHAPE_NONE for one that
 * the shape does not know, -1. text is filled for those only. */
static int take_key(struct reader *r, const struct sc_shape_node *node, int guess,
                    struct sc_json_text *text)
{
    struct sc_json_scan *s = &r->scan;
    int i;

    if (guess < node->key_count && *s->at == '"') {
        const struct sc_text *name = &node->keys[guess].name;

        if ((size_t)(s->end - s->at) > name->len + 1 &&
            memcmp(s->at + 1, name->bytes, name->len) == 0) {
            s->at += name->len + 1;
            return sc_json_scan_colon(s) ? -1 : guess;
        }
    }
    if (sc_json_scan_key(s, text))
        return -1;
    for (i = 0; i < node->key_count; i++) {
        const struct sc_text *name = &node->keys[i].name;

        if (name->len == text->len + 1 && memcmp(name->bytes, text->bytes, text->len) == 0)
            return i;
    }
    return SC_SHAPE_NONE;
}

/* Keeps the value of an unknown key under `raw` of the record on top of the stack. */
static int keep_raw(lua_State *L, struct reader *r, at_t *at, const struct sc_json_text *key)
{
    struct sc_shape_at here = {at, key->bytes, key->len, 0};

    lua_pushliteral(L, "raw");
    lua_rawget(L, -2);
    if (!lua_istable(L, -1)) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushliteral(L, "raw");
        lua_pushvalue(L, -2);
        lua_rawset(L, -4);
    }
    push_text(L, r, key);
    if (read_any(L, r, &here) < 0)
        return -1;
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return 0;
}

/* What a record has got so far. */
struct progress {
    uint64_t seen;
    int stored;
    uint8_t rank[SC_SHAPE_FIELDS]; /* of the wire name that gave the value, for alternatives */
};

/* Reads the value of a known key into the record on top of the stack. */
static int read_field(lua_State *L, struct reader *r, struct sc_shape_node *node,
                      const struct sc_shape_key *key, struct progress *done, at_t *at)
{
    struct sc_shape_node *field = &node->fields[key->field];
    struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};
    uint64_t bit = UINT64_C(1) << key->field;
    int rc;

    if (node->has_alternatives && (done->seen & bit) && done->rank[key->field] < key->rank)
        return sc_json_scan_skip(&r->scan) ? fail_scan(r, &here) : 0;
    if (sc_json_scan_peek(&r->scan) == 'n') {
        if (sc_json_scan_word(&r->scan))
            return fail_scan(r, &here);
        if (!(done->seen & bit) ||
            (node->has_alternatives && done->rank[key->field] != key->rank))
            return 0;
        done->seen &= ~bit;
        lua_pushvalue(L, r->slots + field->name_slot);
        lua_pushnil(L);
        lua_rawset(L, -3);
        return 0;
    }
    lua_pushvalue(L, r->slots + field->name_slot);
    rc = read_value(L, r, field, &here);
    if (rc < 0)
        return -1;
    lua_rawset(L, -3);
    done->seen |= bit;
    done->stored++;
    if (node->has_alternatives)
        done->rank[key->field] = key->rank;
    return 0;
}

/* Fills in empty tables and finds what is missing in the record on top of the stack. */
static int finish_record(lua_State *L, struct reader *r, struct sc_shape_node *node, at_t *at,
                         const struct progress *done)
{
    uint64_t lacking = node->read_empty & ~done->seen, missing;
    int i;

    for (; lacking; lacking &= lacking - 1) {
        i = __builtin_ctzll(lacking);
        lua_pushvalue(L, r->slots + node->fields[i].name_slot);
        lua_newtable(L);
        lua_rawset(L, -3);
    }
    missing = node->read_required & ~node->read_empty & ~done->seen;
    if (missing) {
        const struct sc_shape_node *field = &node->fields[__builtin_ctzll(missing)];
        struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

        return sc_shape_fail(r->problem, field, &here, "required", "required");
    }
    node->stored = done->stored;
    return 1;
}

static int read_record(lua_State *L, struct reader *r, struct sc_shape_node *node, at_t *at)
{
    struct sc_json_text text = {NULL, 0, 0};
    struct progress done;
    int first, rc, k, guess = node->first_key, last = -1;

    done.seen = 0;
    done.stored = 0;
    if (open_table(L, r, at))
        return -1;
    lua_createtable(L, 0, node->stored);
    if (node->mark && lua_istable(L, r->marks + node->mark)) {
        lua_pushvalue(L, r->marks + node->mark);
        lua_setmetatable(L, -2);
    }
    for (first = 1; (rc = sc_json_scan_next(&r->scan, '}', first)) == 1; first = 0) {
        k = take_key(r, node, guess, &text);
        if (k < 0)
            return fail_scan(r, at);
        if (k != SC_SHAPE_NONE && node->keys[k].refuse && sc_json_scan_peek(&r->scan) == '{')
            return sc_shape_fail(r->problem, NULL, at, "error", "error body");
        if (k == SC_SHAPE_NONE || node->keys[k].field == SC_SHAPE_NONE) {
            if (r->raw && node->mark && k == SC_SHAPE_NONE)
                rc = keep_raw(L, r, at, &text);
            else
                rc = sc_json_scan_skip(&r->scan) ? fail_scan(r, at) : 0;
        } else {
            rc = read_field(L, r, node, &node->keys[k], &done, at);
        }
        if (rc)
            return -1;
        if (k == SC_SHAPE_NONE)
            continue;
        if (last < 0)
            node->first_key = (uint8_t)k;
        else
            node->keys[last].next = (uint8_t)k;
        last = k;
        guess = node->keys[k].next;
    }
    return rc ? fail_scan(r, at) : finish_record(L, r, node, at, &done);
}

static int read_value(lua_State *L, struct reader *r, struct sc_shape_node *node, at_t *at)
{
    struct sc_json_number number;
    int c = sc_json_scan_peek(&r->scan);

    if (c == 'n')
        return sc_json_scan_word(&r->scan) ? fail_scan(r, at) : 0;
    switch (node->type) {
    case SC_SHAPE_STRING:
        return read_text(L, r, node, at, c);
    case SC_SHAPE_INTEGER:
        return read_integer(L, r, node, at, c);
    case SC_SHAPE_NUMBER:
        if (!is_number(c))
            return fail_type(r, node, at, c, "a number");
        if (sc_json_scan_number(&r->scan, &number))
            return fail_scan(r, at);
        push_number(L, &number);
        return 1;
    case SC_SHAPE_BOOLEAN:
        if (c != 't' && c != 'f')
            return fail_type(r, node, at, c, "true or false");
        if (sc_json_scan_word(&r->scan))
            return fail_scan(r, at);
        lua_pushboolean(L, c == 't');
        return 1;
    case SC_SHAPE_LIST:
        return c == '[' ? read_list(L, r, node, at) : fail_type(r, node, at, c, "an array");
    case SC_SHAPE_MAP:
        return c == '{' ? read_object(L, r, at, 1) : fail_type(r, node, at, c, "an object");
    case SC_SHAPE_RECORD:
        return c == '{' ? read_record(L, r, node, at) : fail_type(r, node, at, c, "an object");
    default:
        return read_any(L, r, at);
    }
}

/* Pushes the metatables of the marks and the shape's Lua values. */
static void push_slots(lua_State *L, struct reader *r, const struct sc_shape *shape, int values,
                       int metatables)
{
    int i;

    luaL_checkstack(L, shape->marks + shape->slots + 10, "shape");
    r->marks = lua_gettop(L);
    if (shape->marks) {
        lua_getfield(L, values, "marks");
        for (i = 1; i <= shape->marks; i++) {
            lua_rawgeti(L, r->marks + i, i);
            if (lua_istable(L, metatables))
                lua_rawget(L, metatables);
            lua_insert(L, r->marks + i);
        }
        lua_pop(L, 1);
    }
    r->slots = lua_gettop(L);
    for (i = 1; i <= shape->slots; i++)
        lua_rawgeti(L, values, i);
}

/* shape:read(bytes [, record_metatables [, { raw = true }]]) -> value, or nil, path, reason, code
 * A text of `null` gives core.null where the shape is `any`, an error elsewhere. */
int sc_lua_shape_read(lua_State *L)
{
    struct sc_lua_shape *shape = sc_lua_checkshape(L);
    struct sc_shape_problem problem = {NULL, "", ""};
    struct sc_shape_at root = {NULL, NULL, 0, 0};
    struct sc_buf *lender, *loan = NULL;
    struct reader r = {.problem = &problem};
    const char *bytes;
    size_t len;
    int rc;

    lua_settop(L, 4);
    bytes = sc_lua_checkbytes(L, 2, &len);
    if (lua_istable(L, 4)) {
        lua_getfield(L, 4, "raw");
        r.raw = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    sc_getuservalue(L, 1); /* 5 */
    lua_pushnil(L);        /* 6: scratch */
    r.scratch = 6;
    lender = sc_lua_testbuffer(L, 2);
    if (lender) {
        loan = sc_lua_newbuffer(L, lender->max); /* 7 */
        *loan = *lender;
        sc_buf_init(lender, loan->max);
        bytes = loan->data ? loan->data : "";
    }
    push_slots(L, &r, &shape->shape, 5, 3);
    sc_json_scan_init(&r.scan, bytes, len);
    rc = read_value(L, &r, shape->shape.root, &root);
    if (rc >= 0 && sc_json_scan_finish(&r.scan))
        rc = fail_scan(&r, NULL);
    if (rc == 0 && shape->shape.root->type == SC_SHAPE_ANY) {
        lua_pushlightuserdata(L, NULL);
        rc = 1;
    }
    if (rc == 0)
        rc = sc_shape_fail(&problem, NULL, NULL, "type", "must not be null");
    if (loan) {
        sc_buf_free(lender);
        *lender = *loan;
        sc_buf_init(loan, lender->max);
    }
    return rc < 0 ? sc_lua_shape_failed(L, &problem) : 1;
}
