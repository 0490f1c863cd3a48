#include "lua_map.h"

/* Names that are put in order; of a larger map the rest goes out as Lua walks it. */
#define SORTED SC_SHAPE_GATHER

/* A node whose maps had too many names so often learns no more. */
#define CLEARED 8

typedef const struct sc_shape_at at_t;

static const char comma_bytes[SC_PUT_LEAD] = ",";
static const char colon_bytes[SC_PUT_LEAD] = ":";
static const struct sc_text comma = {comma_bytes, 1};
static const struct sc_text colon = {colon_bytes, 1};

/* A value of a map: text, or a number or boolean as text. */
static int write_map_value(lua_State *L, struct sc_put *w,
                           const struct sc_shape_node *node, at_t *at,
                           const struct sc_text *lead, int index)
{
    const char *bytes;
    size_t len, chars;

    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &len);
        return sc_put_string(w, node, at, lead, bytes, len, &chars);
    case LUA_TNUMBER:
        return sc_put_lead(w, lead) || sc_put_char(w, '"') ||
               sc_put_number(L, w, node, at, index) || sc_put_char(w, '"');
    case LUA_TBOOLEAN:
        return sc_put_lead(w, lead) ||
               (lua_toboolean(L, index) ? sc_put_bytes(w, "\"true\"", 6)
                                        : sc_put_bytes(w, "\"false\"", 7));
    default:
        return sc_put_lead(w, lead) ||
               sc_put_other(L, w, node, at, index, "text, a number or a boolean");
    }
}

/* One pair of a map. key lies on the stack at index, its value behind it. */
static int write_pair(lua_State *L, struct sc_put *w, const struct sc_shape_node *node,
                      at_t *at, const struct sc_text *key, int index)
{
    struct sc_shape_at here = {at, key->bytes, key->len, 0};
    size_t chars;

    if (key->len == 0)
        return sc_shape_fail(w->problem, NULL, at, "key", "a name must not be empty");
    return sc_put_string(w, NULL, &here, &comma, key->bytes, key->len, &chars) ||
           write_map_value(L, w, node, &here, &colon, index + 1);
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
static int write_large_map(lua_State *L, struct sc_put *w,
                           const struct sc_shape_node *node, at_t *at, int index)
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

/* The number of the learned name that the key at index is, or -1; guess as in
 * sc_map_names. */
static inline int recognise(lua_State *L, struct sc_map_names *learned, int index,
                            int guess)
{
    const void *ident = sc_put_ident(L, index);
    int i = learned->order[guess];

    if (i < learned->count && learned->names[i].ident == ident)
        return i;
    for (i = 0; i < learned->count; i++)
        if (learned->names[i].ident == ident) {
            learned->order[guess] = (uint8_t)i;
            return i;
        }
    return -1;
}

/* Writes a map that has only learned names. 1, or 0 with nothing done when it has
 * others, or -1. */
static int write_learned(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                         at_t *at, int index)
{
    struct sc_map_names *learned = node->learned;
    uint8_t slot[SC_MAP_LEARNED];
    int base = lua_gettop(L), place = base + 1, count = 0, i;
    const char *bytes;
    size_t len;

    memset(slot, 0, sizeof slot);
    lua_pushnil(L);
    while (lua_next(L, index)) {
        i = recognise(L, learned, place, count);
        if (i < 0) {
            lua_settop(L, base);
            return 0;
        }
        slot[i] = (uint8_t)(2 * ++count);
        lua_pushvalue(L, place);
        place += 2;
    }
    for (i = 0; i < learned->count; i++) {
        struct sc_map_name *name = &learned->names[learned->sorted[i]];

        place = base + slot[learned->sorted[i]];
        if (place == base)
            continue;
        if (lua_type(L, place) == LUA_TSTRING) {
            bytes = lua_tolstring(L, place, &len);
            if (sc_put_plain(w, &name->lead, bytes, len))
                continue;
        }
        struct sc_shape_at here = {at, name->bytes + 2, name->lead.len - 4, 0};

        if (write_map_value(L, w, node, &here, &name->lead, place))
            return -1;
    }
    return 1;
}

/* Learns the name whose string is at index. A string for which there is no room, no
 * plain one or one that Lua does not keep unique is not learned: such maps are written
 * as before. */
static void learn(lua_State *L, struct sc_put *w, struct sc_map_names *learned,
                  const struct sc_text *key, int index)
{
    struct sc_map_name *name;
    int i;

    if (key->len > 40 ||
        sc_json_plain_end(key->bytes, key->bytes + key->len) != key->bytes + key->len)
        return;
    for (i = 0; i < learned->count; i++)
        if (learned->names[i].ident == sc_put_ident(L, index))
            return;
    if (learned->count == SC_MAP_LEARNED) {
        learned->count = 0;
        if (++learned->cleared > CLEARED)
            return;
    }
    lua_rawgeti(L, w->slots, 0);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, learned->anchor + learned->count + 1);
    lua_pop(L, 1);
    name = &learned->names[learned->count];
    name->ident = sc_put_ident(L, index);
    memcpy(name->bytes, ",\"", 2);
    memcpy(name->bytes + 2, key->bytes, key->len);
    memcpy(name->bytes + 2 + key->len, "\":", 2);
    name->lead.bytes = name->bytes;
    name->lead.len = key->len + 4;
    for (i = learned->count; i > 0; i--) {
        struct sc_map_name *other = &learned->names[learned->sorted[i - 1]];
        struct sc_text text = {other->bytes + 2, other->lead.len - 4};

        if (!later(&text, key))
            break;
        learned->sorted[i] = learned->sorted[i - 1];
    }
    learned->sorted[i] = (uint8_t)learned->count++;
}

/* Writes a map name by name and learns them. */
static int write_new(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                     int index)
{
    struct sc_text keys[SORTED];
    uint8_t order[SORTED];
    int base = lua_gettop(L), count = 0, i;

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
    if (count == SORTED)
        return write_large_map(L, w, node, at, index);
    for (i = 0; i < count && node->learned->cleared <= CLEARED; i++)
        learn(L, w, node->learned, &keys[i], base + 2 * i + 1);
    return 0;
}

int sc_map_write(lua_State *L, struct sc_put *w, struct sc_shape_node *node, at_t *at,
                 int index)
{
    size_t start = w->out->len;
    int base = lua_gettop(L), rc = 0;

    if (lua_type(L, index) != LUA_TTABLE)
        return sc_put_other(L, w, node, at, index, "a table of texts");
    if (node->learned->count)
        rc = write_learned(L, w, node, at, index);
    if (rc < 0 || (rc == 0 && write_new(L, w, node, at, index)))
        return -1;
    lua_settop(L, base);
    return sc_put_close(w, start, '{', '}');
}
