#include "lua_map.h"
#include "lua_shape.h"
#include "utf8.h"

#include <string.h>

/* Where things are while a shape is compiled. A Lua error may leave compile at any
 * point: all memory belongs to the userdata already. */
struct compiler {
    struct sc_shape *shape;
    int slots; /* stack index of the table of slots */
    int known; /* stack index of a table: value -> its slot */
    int marks; /* stack index of the list of marks */
    int maps; /* how many there are */
    int stack; /* places that the nodes around take when they are walked */
};

static const char *const type_names[] = {"record", "list",    "map", "string", "integer",
                                         "number", "boolean", "any", NULL};

static const char *const attributes[] = {
    "type",   "name",   "wire", "required", "nullable", "empty", "default",
    "write",  "read",   "mark", "refuse",   "open",     "min",   "max",
    "forbid", "values", "of",   "what",     NULL};

static void *alloc(lua_State *L, struct compiler *c, size_t size)
{
    void *p = sc_shape_alloc(c->shape, size);

    if (!p)
        luaL_error(L, "not enough memory");
    return p;
}

/* A copy of the string on top of the stack with bytes before and behind it. */
static struct sc_text copy_text(lua_State *L, struct compiler *c, const char *before,
                                const char *behind)
{
    size_t len, first = strlen(before), last = strlen(behind), chars;
    const char *bytes = lua_tolstring(L, -1, &len);
    struct sc_text text;
    char *copy;

    if (sc_utf8_check(bytes, len, &chars) != len || strlen(bytes) != len)
        luaL_error(L, "shape: a text is not UTF-8");
    copy = alloc(L, c, first + len + last + 1 + SC_PUT_LEAD);
    memcpy(copy, before, first);
    memcpy(copy + first, bytes, len);
    memcpy(copy + first + len, behind, last);
    text.bytes = copy;
    text.len = first + len + last;
    return text;
}

/* The slot of the value on top of the stack, which is popped. */
static int slot_of(lua_State *L, struct compiler *c)
{
    int slot;

    lua_pushvalue(L, -1);
    lua_rawget(L, c->known);
    slot = (int)lua_tonumber(L, -1);
    lua_pop(L, 1);
    if (!slot) {
        slot = ++c->shape->slots;
        if (slot > SC_SHAPE_SLOTS)
            luaL_error(L, "shape: more than %d names", SC_SHAPE_SLOTS);
        lua_pushvalue(L, -1);
        lua_pushinteger(L, slot);
        lua_rawset(L, c->known);
        lua_pushvalue(L, -1);
        lua_rawseti(L, c->slots, slot);
    }
    lua_pop(L, 1);
    return slot;
}

/* Pushes an attribute of the node at top and returns whether it is there; it must be
 * of type. */
static int attribute(lua_State *L, int top, const char *name, int type)
{
    lua_getfield(L, top, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return 0;
    }
    if (lua_type(L, -1) != type)
        luaL_error(L, "shape: %s must be a %s", name, lua_typename(L, type));
    return 1;
}

static unsigned flag(lua_State *L, int top, const char *name, unsigned otherwise)
{
    unsigned value;

    if (!attribute(L, top, name, LUA_TBOOLEAN))
        return otherwise;
    value = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    return value;
}

static unsigned limit(lua_State *L, int top, const char *name, int64_t *value)
{
    if (!attribute(L, top, name, LUA_TNUMBER))
        return 0;
    if (!sc_tointeger(L, -1, value))
        luaL_error(L, "shape: %s must be an integer", name);
    lua_pop(L, 1);
    return 1;
}

static struct sc_text text_attribute(lua_State *L, struct compiler *c, int top,
                                     const char *name)
{
    struct sc_text text = {"", 0};

    if (attribute(L, top, name, LUA_TSTRING)) {
        text = copy_text(L, c, "", "");
        lua_pop(L, 1);
    }
    return text;
}

static void check_attributes(lua_State *L, int top)
{
    const char *const *name;

    lua_pushnil(L);
    while (lua_next(L, top)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TNUMBER)
            continue;
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "shape: an attribute must have a name");
        for (name = attributes; *name && strcmp(*name, lua_tostring(L, -1)) != 0; name++)
            ;
        if (!*name)
            luaL_error(L, "shape: unknown attribute %s", lua_tostring(L, -1));
    }
}

/* NUL may be one of the characters: this text is read from Lua, not copied. */
static void compile_forbid(lua_State *L, int top, struct sc_shape_node *node)
{
    const char *bytes;
    size_t i, len;

    if (!attribute(L, top, "forbid", LUA_TSTRING))
        return;
    bytes = lua_tolstring(L, -1, &len);
    for (i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)bytes[i];

        if (byte >= 0x80)
            luaL_error(L, "shape: forbid is for ASCII characters");
        node->forbid[byte >> 6] |= UINT64_C(1) << (byte & 63);
        node->has_forbid = 1;
    }
    lua_pop(L, 1);
}

/* Puts a value in its place by name, so that messages do not depend on a table's
 * order. */
static void insert_value(struct sc_shape_node *node, struct sc_shape_value value)
{
    int i = node->value_count++;

    for (; i > 0 && strcmp(node->values[i - 1].name.bytes, value.name.bytes) > 0; i--)
        node->values[i] = node->values[i - 1];
    node->values[i] = value;
}

static void compile_values(lua_State *L, struct compiler *c, int top,
                           struct sc_shape_node *node)
{
    size_t count = 0;

    if (!attribute(L, top, "values", LUA_TTABLE))
        return;
    if (node->type != SC_SHAPE_STRING && node->type != SC_SHAPE_INTEGER)
        luaL_error(L, "shape: values goes with a string or an integer");
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
        count++;
    node->values = alloc(L, c, (count + 1) * sizeof *node->values);
    for (lua_pushnil(L); lua_next(L, -2);) {
        struct sc_shape_value value = {{NULL, 0}, 0, {NULL, 0}, 0};

        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "shape: a value's name must be a string");
        if (node->type == SC_SHAPE_INTEGER) {
            if (!sc_tointeger(L, -1, &value.number))
                luaL_error(L, "shape: the wire value of an integer must be one");
        } else {
            if (lua_type(L, -1) != LUA_TSTRING)
                luaL_error(L, "shape: the wire value of a string must be one");
            value.wire = copy_text(L, c, "", "");
        }
        lua_pop(L, 1);
        value.name = copy_text(L, c, "", "");
        lua_pushvalue(L, -1);
        value.name_slot = slot_of(L, c);
        insert_value(node, value);
    }
    lua_pop(L, 1);
}

static void compile(lua_State *L, struct compiler *c, struct sc_shape_node *node,
                    int depth);

static void check_wire(lua_State *L, const char *bytes, size_t len)
{
    if (len == 0 || len > SC_SHAPE_WIRE)
        luaL_error(L, "shape: a wire name has 1 to %d bytes", SC_SHAPE_WIRE);
    if (sc_json_plain_end(bytes, bytes + len) != bytes + len)
        luaL_error(L, "shape: a wire name is plain ASCII");
}

/* What goes out before a field's value; the string on top of the stack is its wire
 * name. */
static struct sc_text lead_of(lua_State *L, struct compiler *c)
{
    struct sc_text lead = copy_text(L, c, ",\"", "\":");
    const char *p = lead.bytes + 2, *end = lead.bytes + lead.len - 2;

    check_wire(L, p, (size_t)(end - p));
    return lead;
}

/* Adds one wire name, the string on top of the stack, to the record. */
static struct sc_shape_key *add_key(lua_State *L, struct compiler *c,
                                    struct sc_shape_node *record, int field, int rank)
{
    struct sc_text name = lead_of(L, c);
    struct sc_shape_key *key;
    int i;

    for (i = 0; i < record->key_count; i++) {
        key = &record->keys[i];
        if (key->name.len != name.len ||
            memcmp(key->name.bytes, name.bytes, name.len) != 0)
            continue;
        if (field != SC_SHAPE_NONE)
            luaL_error(L, "shape: two fields read %s", lua_tostring(L, -1));
        return key;
    }
    if (record->key_count == SC_SHAPE_KEYS)
        luaL_error(L, "shape: more than %d wire names", SC_SHAPE_KEYS);
    key = &record->keys[record->key_count++];
    key->name = name;
    key->field = (uint8_t)field;
    key->rank = (uint8_t)rank;
    key->special = field == SC_SHAPE_NONE || rank > 0;
    key->next = (uint8_t)record->key_count;
    return key;
}

/* The wire names of a field whose node table is at top. */
static void compile_wires(lua_State *L, struct compiler *c, struct sc_shape_node *record,
                          struct sc_shape_node *field, int top)
{
    int index = (int)(field - record->fields), rank = 0;

    lua_getfield(L, top, "wire");
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_getfield(L, top, "name");
    }
    if (lua_type(L, -1) == LUA_TSTRING) {
        field->lead = lead_of(L, c);
        if (!field->no_read)
            add_key(L, c, record, index, 0);
        lua_pop(L, 1);
        return;
    }
    luaL_checktype(L, -1, LUA_TTABLE);
    for (;; rank++) {
        lua_rawgeti(L, -1, rank + 1);
        if (lua_isnil(L, -1))
            break;
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "shape: a wire name must be a string");
        if (rank == 0)
            field->lead = lead_of(L, c);
        if (!field->no_read)
            add_key(L, c, record, index, rank);
        lua_pop(L, 1);
    }
    if (rank == 0)
        luaL_error(L, "shape: a list of wire names is empty");
    if (rank > 1 && !field->no_read)
        record->keys[record->key_count - rank].special = 1;
    lua_pop(L, 2);
}

/* Compiles the field whose node table is on top of the stack. */
static void compile_field(lua_State *L, struct compiler *c, struct sc_shape_node *record,
                          struct sc_shape_node *field, int depth)
{
    int top = lua_gettop(L);
    uint64_t bit = UINT64_C(1) << (field - record->fields);

    compile(L, c, field, depth);
    if (!attribute(L, top, "name", LUA_TSTRING))
        luaL_error(L, "shape: a field has no name");
    field->name = copy_text(L, c, "", "");
    if (&record->fields[sc_shape_find(record, field->name.bytes, field->name.len)] !=
        field)
        luaL_error(L, "shape: two fields are called %s", field->name.bytes);
    field->name_slot = slot_of(L, c);
    lua_rawgeti(L, c->slots, field->name_slot);
    field->ident = sc_put_ident(L, -1);
    lua_pop(L, 1);
    compile_wires(L, c, record, field, top);
    lua_getfield(L, top, "default");
    if (lua_isnil(L, -1))
        lua_pop(L, 1);
    else
        field->default_slot = slot_of(L, c);
    if (field->required && !field->no_read)
        record->read_required |= bit;
    if (field->empty && !field->no_read)
        record->read_empty |= bit;
}

static void compile_record(lua_State *L, struct compiler *c, struct sc_shape_node *node,
                           int depth)
{
    int top = lua_gettop(L), count = (int)sc_rawlen(L, top), i;
    struct sc_shape_key *key;

    if (count > SC_SHAPE_FIELDS)
        luaL_error(L, "shape: more than %d fields", SC_SHAPE_FIELDS);
    node->fields = alloc(L, c, ((size_t)count + 1) * sizeof *node->fields);
    node->keys = alloc(L, c, SC_SHAPE_KEYS * sizeof *node->keys);
    for (i = 0; i < count; i++) {
        lua_rawgeti(L, top, i + 1);
        node->field_count = i + 1;
        compile_field(L, c, node, &node->fields[i], depth);
        lua_pop(L, 1);
    }
    /* What no key's is, so that a guess is always safe. */
    node->fields[count].ident = node;
    node->stored = count;
    node->open = flag(L, top, "open", 0) & 1u;
    if (attribute(L, top, "refuse", LUA_TSTRING)) {
        key = add_key(L, c, node, SC_SHAPE_NONE, 0);
        key->refuse = key->special = 1;
        lua_pop(L, 1);
    }
    if (attribute(L, top, "mark", LUA_TSTRING)) {
        for (i = 1;; i++) {
            lua_rawgeti(L, c->marks, i);
            if (lua_isnil(L, -1) || lua_rawequal(L, -1, -2))
                break;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
        lua_rawseti(L, c->marks, i);
        node->mark = i;
        if (i > c->shape->marks)
            c->shape->marks = i;
    }
}

/* Places on the stack for walking the tables of one node, and a few to work with. */
static int stack_of(const struct sc_shape_node *node, int fields)
{
    return node->type == SC_SHAPE_RECORD ? 2 * fields + 8
           : node->type == SC_SHAPE_LIST ? SC_SHAPE_GATHER + 8
           : node->type == SC_SHAPE_MAP  ? 2 * SC_SHAPE_GATHER + 8
                                         : 4;
}

/* Compiles the node table on top of the stack and leaves it there. */
static void compile(lua_State *L, struct compiler *c, struct sc_shape_node *node,
                    int depth)
{
    int top = lua_gettop(L), i, stack;

    luaL_checkstack(L, 10, "shape");
    if (depth == SC_SHAPE_DEPTH)
        luaL_error(L, "shape: nested too deep, or a node contains itself");
    if (lua_type(L, top) != LUA_TTABLE)
        luaL_error(L, "shape: a node must be a table");
    check_attributes(L, top);
    if (!attribute(L, top, "type", LUA_TSTRING))
        luaL_error(L, "shape: a node has no type");
    for (i = 0; type_names[i] && strcmp(type_names[i], lua_tostring(L, -1)) != 0; i++)
        ;
    if (!type_names[i])
        luaL_error(L, "shape: no type %s", lua_tostring(L, -1));
    lua_pop(L, 1);
    node->type = (enum sc_shape_type)i;
    node->luck = 16;
    node->required = flag(L, top, "required", 0) & 1u;
    node->nullable = flag(L, top, "nullable", 0) & 1u;
    node->empty = flag(L, top, "empty", 0) & 1u;
    node->no_write = ~flag(L, top, "write", 1) & 1u;
    node->no_read = ~flag(L, top, "read", 1) & 1u;
    node->has_min = limit(L, top, "min", &node->min) & 1u;
    node->has_max = limit(L, top, "max", &node->max) & 1u;
    if (!node->has_max)
        node->max = INT64_MAX;
    node->what = text_attribute(L, c, top, "what");
    compile_forbid(L, top, node);
    compile_values(L, c, top, node);
    if (node->empty && node->type != SC_SHAPE_LIST && node->type != SC_SHAPE_MAP)
        luaL_error(L, "shape: empty goes with a list or a map");
    c->stack += stack = stack_of(node, (int)sc_rawlen(L, top));
    if (c->stack > c->shape->stack)
        c->shape->stack = c->stack;
    if (node->type == SC_SHAPE_LIST) {
        if (!attribute(L, top, "of", LUA_TTABLE))
            luaL_error(L, "shape: a list has no `of`");
        node->of = alloc(L, c, sizeof *node->of);
        compile(L, c, node->of, depth + 1);
        lua_pop(L, 1);
    } else if (node->type == SC_SHAPE_RECORD) {
        compile_record(L, c, node, depth + 1);
    } else if (node->type == SC_SHAPE_MAP) {
        node->learned = alloc(L, c, sizeof *node->learned);
        node->learned->anchor = SC_MAP_LEARNED * c->maps++;
    } else if (sc_rawlen(L, top) > 0) {
        luaL_error(L, "shape: only a record has fields");
    }
    c->stack -= stack;
}

void sc_lua_shape_compile(lua_State *L, struct sc_shape *shape)
{
    struct compiler c = {shape, 3, 4, 5, 0, 16};

    lua_newtable(L);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushvalue(L, c.marks);
    lua_setfield(L, c.slots, "marks");
    lua_newtable(L);
    lua_rawseti(L, c.slots, 0);
    lua_pushvalue(L, c.slots);
    sc_setuservalue(L, 2);
    shape->root = alloc(L, &c, sizeof *shape->root);
    lua_pushvalue(L, 1);
    compile(L, &c, shape->root, 0);
}
