#include "lua_shape.h"
#include "lua_take.h"

/* A list longer than this is not given more room at once, however long the last one
 * was. */
#define LIST_ROOM 1024

typedef const struct sc_shape_at at_t;

/* 1: a value was pushed; 0: it was null, nothing was pushed; -1: failed. */
static int read_value(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                      at_t *at);

/* Items wait on the stack until their number is known, so that a short list's table is
 * made in the right size at once. count of them lie above the place for the table. */
static void make_list(lua_State *L, int place, int room, int count)
{
    int i;

    lua_createtable(L, room, 0);
    lua_replace(L, place);
    for (i = count; i > 0; i--)
        lua_rawseti(L, place, i);
}

static int read_list(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                     at_t *at)
{
    struct sc_shape_at here = {at, NULL, 0, 0};
    int place, rc, count = 0;

    if (sc_take_open(r, at))
        return -1;
    lua_pushnil(L);
    place = lua_gettop(L);
    while ((rc = sc_take_next(&r->scan, ']', here.index == 0)) == 1) {
        if (++here.index > SC_SHAPE_ITEMS)
            return sc_shape_fail(r->problem, NULL, at, "size", "more than %d items",
                                 SC_SHAPE_ITEMS);
        rc = read_value(L, r, node->of, &here);
        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        if (++count > SC_SHAPE_GATHER)
            lua_rawseti(L, place, count);
        else if (count == SC_SHAPE_GATHER)
            make_list(L, place, node->stored > 2 * count ? node->stored : 2 * count,
                      count);
    }
    if (rc)
        return sc_take_fail(r, at);
    if (count < SC_SHAPE_GATHER)
        make_list(L, place, count, count);
    node->stored = count < LIST_ROOM ? count : LIST_ROOM;
    return 1;
}

/* A map: its names repeat from record to record, its values may be anything, null is
 * dropped. */
static int read_map(lua_State *L, struct sc_take *r, struct sc_shape_node *node, at_t *at)
{
    struct sc_json_text text;
    int first, rc, c, count = 0;

    if (sc_take_open(r, at))
        return -1;
    lua_createtable(L, 0, node->stored);
    for (first = 1; (rc = sc_take_next(&r->scan, '}', first)) == 1; first = 0) {
        struct sc_shape_at here = {at, NULL, 0, 0};

        if (*r->scan.at != '"') {
            sc_json_scan_fail(&r->scan, "a key must be a string");
            return sc_take_fail(r, at);
        }
        if (sc_take_string(&r->scan, &text) || sc_take_colon(&r->scan))
            return sc_take_fail(r, at);
        here.name = text.bytes;
        here.len = text.len;
        sc_take_push_again(L, r, &text);
        c = sc_json_scan_peek(&r->scan);
        if (c == '"') {
            if (sc_take_string(&r->scan, &text))
                return sc_take_fail(r, &here);
            sc_take_push_lucky(L, r, node, &text);
        } else if (c == 'n') {
            if (sc_json_scan_word(&r->scan))
                return sc_take_fail(r, &here);
            lua_pushnil(L);
            count--;
        } else if (sc_take_any(L, r, &here) < 0) {
            return -1;
        }
        lua_rawset(L, -3);
        count++;
    }
    node->stored = count < SC_SHAPE_FIELDS ? count : SC_SHAPE_FIELDS;
    return rc ? sc_take_fail(r, at) : 1;
}

/* The number of the key that a record's text names, or SC_SHAPE_NONE. */
static int find_key(const struct sc_shape_node *node, const struct sc_json_text *text)
{
    char plain[6 * SC_SHAPE_WIRE];
    const char *bytes = text->bytes;
    size_t len = text->len;
    int i;

    if (text->escaped) {
        if (len > sizeof plain)
            return SC_SHAPE_NONE;
        len = sc_json_unescape(text, plain);
        bytes = plain;
    }
    for (i = 0; i < node->key_count; i++) {
        const struct sc_text *name = &node->keys[i].name;

        if (name->len == len + 4 && sc_json_same(name->bytes + 2, bytes, len))
            return i;
    }
    return SC_SHAPE_NONE;
}

/* Takes the key that is expected, with what stands around it where a machine wrote it:
 * the comma, unless it is the first, the quotes, the colon. NULL, and nothing taken,
 * when something else stands there. */
static inline struct sc_shape_key *take_expected(struct sc_json_scan *s,
                                                 const struct sc_shape_node *node,
                                                 int guess, int first)
{
    struct sc_shape_key *key = &node->keys[guess];
    size_t len;

    if (guess >= node->key_count)
        return NULL;
    len = key->name.len - (size_t)first;
    if ((size_t)(s->end - s->at) <= len ||
        !sc_json_same(s->at, key->name.bytes + first, len))
        return NULL;
    s->at += len;
    return key;
}

/* Keeps the value of an unknown key under `raw` of the record on top of the stack. */
static int keep_raw(lua_State *L, struct sc_take *r, at_t *at,
                    const struct sc_json_text *key)
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
    sc_take_push(L, r, key);
    if (sc_take_any(L, r, &here) < 0)
        return -1;
    lua_rawset(L, -3);
    lua_pop(L, 1);
    return 0;
}

/* What a record has got so far. */
struct progress {
    uint64_t seen;
    int stored;
    /* Of the wire name that gave the value, for alternatives. */
    uint8_t rank[SC_SHAPE_FIELDS];
};

/* A null for the field: it takes away what the same wire name gave before, and only
 * that. */
static int read_null(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                     const struct sc_shape_key *key, struct progress *done, at_t *at)
{
    uint64_t bit = UINT64_C(1) << key->field;

    if (sc_json_scan_word(&r->scan))
        return sc_take_fail(r, at);
    if (!(done->seen & bit) || (key->special && done->rank[key->field] != key->rank))
        return 0;
    done->seen &= ~bit;
    lua_pushvalue(L, r->slots + node->fields[key->field].name_slot);
    lua_pushnil(L);
    lua_rawset(L, -3);
    return 0;
}

/* Reads the value of a field into the record on top of the stack. */
static int read_field(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                      const struct sc_shape_key *key, struct progress *done, at_t *at)
{
    struct sc_shape_node *field = &node->fields[key->field];
    struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

    if (sc_json_scan_peek(&r->scan) == 'n')
        return read_null(L, r, node, key, done, &here);
    lua_pushvalue(L, r->slots + field->name_slot);
    if (read_value(L, r, field, &here) < 0)
        return -1;
    lua_rawset(L, -3);
    done->seen |= UINT64_C(1) << key->field;
    done->stored++;
    return 0;
}

/* The same for the usual field: a text without escapes. Whether it was one; when not,
 * nothing has happened. */
static inline int read_usual(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                             const struct sc_shape_key *key, struct progress *done)
{
    struct sc_shape_node *field = &node->fields[key->field];
    struct sc_json_scan *s = &r->scan;
    struct sc_json_text text = {NULL, 0, 0};
    const char *end;

    if (field->type != SC_SHAPE_STRING || field->values || s->at == s->end ||
        *s->at != '"')
        return 0;
    text.bytes = s->at + 1;
    end = sc_json_plain_end(text.bytes, s->end);
    if (end == s->end || *end != '"')
        return 0;
    text.len = (size_t)(end - text.bytes);
    s->at = end + 1;
    lua_pushvalue(L, r->slots + field->name_slot);
    sc_take_push_lucky(L, r, field, &text);
    lua_rawset(L, -3);
    done->seen |= UINT64_C(1) << key->field;
    done->stored++;
    return 1;
}

/* Passes over a null that changes nothing: the field has no value yet. Whether it did. */
static inline int skip_null(struct sc_json_scan *s, const struct sc_shape_key *key,
                            const struct progress *done)
{
    if (s->end - s->at < 4 || !sc_json_same(s->at, "null", 4) ||
        (done->seen >> key->field & 1))
        return 0;
    s->at += 4;
    return 1;
}

/* Reads the value of a key that means an error body, or none of the fields, or one of the
 * names that a field has. */
static int read_special(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                        const struct sc_shape_key *key, struct progress *done, at_t *at)
{
    int c = sc_json_scan_peek(&r->scan);

    if (key->refuse && c == '{')
        return sc_shape_fail(r->problem, NULL, at, "error", "error body");
    if (key->field == SC_SHAPE_NONE ||
        ((done->seen >> key->field & 1) && done->rank[key->field] < key->rank))
        return sc_json_scan_skip(&r->scan) ? sc_take_fail(r, at) : 0;
    if (c != 'n')
        done->rank[key->field] = key->rank;
    return !read_usual(L, r, node, key, done) && read_field(L, r, node, key, done, at);
}

/* Fills in empty tables and finds what is missing in the record on top of the stack. */
static int finish_record(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                         at_t *at, const struct progress *done)
{
    uint64_t lacking = node->read_empty & ~done->seen;
    uint64_t missing = node->read_required & ~node->read_empty & ~done->seen;
    int i;

    if (missing) {
        const struct sc_shape_node *field = &node->fields[__builtin_ctzll(missing)];
        struct sc_shape_at here = {at, field->name.bytes, field->name.len, 0};

        return sc_shape_fail(r->problem, field, &here, "required", "required");
    }
    for (i = 0; lacking; lacking &= lacking - 1, i++) {
        lua_pushvalue(L, r->slots + node->fields[__builtin_ctzll(lacking)].name_slot);
        lua_newtable(L);
        lua_rawset(L, -3);
    }
    i += done->stored;
    node->stored = i < SC_SHAPE_FIELDS ? i : SC_SHAPE_FIELDS;
    return 1;
}

/* Takes the next key, whatever it is, and finds it in the shape; passes over those
 * that are not there. 1, or 0 at the end of the object, or -1. */
static int take_key(lua_State *L, struct sc_take *r, struct sc_shape_node *node, at_t *at,
                    int first, struct sc_shape_key **key)
{
    struct sc_json_text text;
    int rc, k;

    for (; (rc = sc_take_next(&r->scan, '}', first)) == 1; first = 0) {
        if (sc_json_scan_key(&r->scan, &text))
            return sc_take_fail(r, at);
        k = find_key(node, &text);
        if (k != SC_SHAPE_NONE) {
            *key = &node->keys[k];
            return 1;
        }
        if (r->raw && node->mark)
            rc = keep_raw(L, r, at, &text);
        else
            rc = sc_json_scan_skip(&r->scan) ? sc_take_fail(r, at) : 0;
        if (rc)
            return -1;
    }
    return rc ? sc_take_fail(r, at) : 0;
}

static int read_record(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                       at_t *at)
{
    struct sc_shape_key *key;
    struct progress done;
    uint8_t *guess = &node->first_key;
    int first, rc;

    done.seen = 0;
    done.stored = 0;
    if (sc_take_open(r, at))
        return -1;
    lua_createtable(L, 0, node->stored);
    if (node->mark && lua_istable(L, r->marks + node->mark)) {
        lua_pushvalue(L, r->marks + node->mark);
        lua_setmetatable(L, -2);
    }
    for (first = 1;; first = 0) {
        key = take_expected(&r->scan, node, *guess, first);
        if (!key) {
            rc = take_key(L, r, node, at, first, &key);
            if (rc < 0)
                return -1;
            if (rc == 0)
                break;
            *guess = (uint8_t)(key - node->keys);
        }
        guess = &key->next;
        if (key->special)
            rc = read_special(L, r, node, key, &done, at);
        else
            rc = !skip_null(&r->scan, key, &done) &&
                 !read_usual(L, r, node, key, &done) &&
                 read_field(L, r, node, key, &done, at);
        if (rc)
            return -1;
    }
    return finish_record(L, r, node, at, &done);
}

static int read_value(lua_State *L, struct sc_take *r, struct sc_shape_node *node,
                      at_t *at)
{
    struct sc_json_number number;
    int c = sc_json_scan_peek(&r->scan);

    if (c == 'n')
        return sc_json_scan_word(&r->scan) ? sc_take_fail(r, at) : 0;
    switch (node->type) {
    case SC_SHAPE_RECORD:
        return c == '{' ? read_record(L, r, node, at)
                        : sc_take_fail_type(r, node, at, c, "an object");
    case SC_SHAPE_LIST:
        return c == '[' ? read_list(L, r, node, at)
                        : sc_take_fail_type(r, node, at, c, "an array");
    case SC_SHAPE_MAP:
        return c == '{' ? read_map(L, r, node, at)
                        : sc_take_fail_type(r, node, at, c, "an object");
    case SC_SHAPE_STRING: return sc_take_text(L, r, node, at, c);
    case SC_SHAPE_INTEGER: return sc_take_integer(L, r, node, at, c);
    case SC_SHAPE_NUMBER:
        if (!sc_take_is_number(c))
            return sc_take_fail_type(r, node, at, c, "a number");
        if (sc_json_scan_number(&r->scan, &number))
            return sc_take_fail(r, at);
        sc_take_push_number(L, &number);
        return 1;
    case SC_SHAPE_BOOLEAN:
        if (c != 't' && c != 'f')
            return sc_take_fail_type(r, node, at, c, "true or false");
        if (sc_json_scan_word(&r->scan))
            return sc_take_fail(r, at);
        lua_pushboolean(L, c == 't');
        return 1;
    default: return sc_take_any(L, r, at);
    }
}

/* Pushes the metatables of the marks, the shape's Lua values and room for remembered
 * texts. */
static void push_slots(lua_State *L, struct sc_take *r, const struct sc_shape *shape,
                       int values, int metatables)
{
    int i;

    luaL_checkstack(L, shape->marks + shape->slots + SC_TAKE_CACHED + shape->stack,
                    "shape");
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
    r->cache = lua_gettop(L) + 1;
    lua_settop(L, r->cache + SC_TAKE_CACHED - 1);
}

/* Reads all of the text: 1 with the value pushed, or -1. */
static int read_text(lua_State *L, struct sc_take *r, struct sc_shape_node *root,
                     const char *bytes, size_t len)
{
    int rc;

    sc_json_scan_init(&r->scan, bytes, len);
    rc = read_value(L, r, root, NULL);
    if (rc < 0)
        return -1;
    if (sc_json_scan_finish(&r->scan))
        return sc_take_fail(r, NULL);
    if (rc)
        return 1;
    if (root->type != SC_SHAPE_ANY)
        return sc_shape_fail(r->problem, NULL, NULL, "type", "must not be null");
    lua_pushlightuserdata(L, NULL);
    return 1;
}

/* Reads all of the text by the shape at the index: 1 with the value pushed, or -1. */
static int read_by(lua_State *L, struct sc_take *r, int shape, int marks,
                   const char *bytes, size_t len)
{
    struct sc_lua_shape *s = lua_touserdata(L, shape);

    sc_getuservalue(L, shape);
    lua_pushnil(L);
    r->scratch = lua_gettop(L);
    push_slots(L, r, &s->shape, r->scratch - 1, marks);
    return read_text(L, r, s->shape.root, bytes, len);
}

int sc_lua_shape_take(lua_State *L, int shape, int marks, const char *bytes, size_t len)
{
    struct sc_shape_problem problem = {NULL, "", ""};
    struct sc_take r = {.problem = &problem};

    return read_by(L, &r, shape, marks, bytes, len) > 0;
}

/* shape:read(bytes [, record_metatables [, { raw = true }]]) -> value, or nil, path,
 * reason, code While a buffer is read it is empty: its bytes are lent to one that only
 * the stack knows, so that nobody's __gc can change them. */
int sc_lua_shape_read(lua_State *L)
{
    struct sc_shape_problem problem = {NULL, "", ""};
    struct sc_buf *lender, *loan = NULL;
    struct sc_take r = {.problem = &problem};
    const char *bytes;
    size_t len;
    int rc;

    sc_lua_checkshape(L);
    lua_settop(L, 4);
    bytes = sc_lua_checkbytes(L, 2, &len);
    if (lua_istable(L, 4)) {
        lua_getfield(L, 4, "raw");
        r.raw = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    lender = sc_lua_testbuffer(L, 2);
    if (lender) {
        luaL_argcheck(L, !lender->locks, 2, "the buffer is in use by a request");
        loan = sc_lua_newbuffer(L, 0); /* 5; from here on nobody else reaches the bytes */
        *loan = *lender;
        sc_buf_init(lender, loan->max);
        bytes = loan->data ? loan->data : "";
        len = loan->len;
    }
    rc = read_by(L, &r, 1, 3, bytes, len);
    if (loan) {
        loan->locks = lender->locks; /* of a request that a finalizer made with it */
        sc_buf_free(lender);
        *lender = *loan;
        sc_buf_init(loan, lender->max);
    }
    return rc < 0 ? sc_lua_shape_failed(L, &problem) : 1;
}
