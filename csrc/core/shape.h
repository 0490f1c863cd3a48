/* shape: a record's description, compiled: what its fields are called here and on the
 * wire, what type they have, what limits.
 *
 * A struct sc_shape owns every node, name and text of one description in a list of
 * blocks; sc_shape_free gives all back. `slot`s number Lua values (names, defaults)
 * that the owner keeps for the shape; 0 is none. Reading and writing remember in the
 * nodes in which order keys came last time: a guess that is always checked. Knows no
 * Lua and no provider. */
#ifndef SC_SHAPE_H
#define SC_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* The node table that a shape is compiled of; an attribute that is not here is an error.
 *
 *   type      record list map string integer number boolean any
 *   what      a word for messages: "tag name"
 *   min, max  written: code points of a string, value of an integer, items of a list
 *   nullable  written: core.null is allowed and goes out as null; an error elsewhere
 *
 * record: the array part holds its fields, nodes that also have
 *   name      key in Lua
 *   wire      key in JSON, or a list of keys: the first is written, all are read, the
 *             earliest that is not null wins; plain ASCII; the same as name when absent
 *   required  it must be there, and read it must not be null
 *   default   written when nil
 *   empty     read: a list or map that is absent or null becomes {}
 *   write     false: only read; read = false: only written
 * and the record itself
 *   mark      its tables get the metatable that read is given under this name
 *   refuse    read: an object under this key makes the whole an error body
 *   open      written: unknown keys are passed over instead of refused
 * string: text, well-formed UTF-8. forbid: ASCII characters that it must not contain.
 * Read
 *   it may be a number, whose text is kept.
 * integer: written any number that is one. Read also 1e3 and "12"; any other text, and
 *   what this Lua cannot hold exactly, stays text.
 * values, of a string or an integer: { name in Lua = value on the wire }. Written it may
 *   be either; read an unknown one stays as it is.
 * list: of = node; always []. Read it drops nulls.
 * map: name to text; written it is always {}, numbers and booleans become text, names are
 *   in order. Read it keeps any JSON but null.
 * any: any JSON, by lua-cjson's rules but exact integers; an empty table is {}. */

#define SC_SHAPE_FIELDS 64 /* fields of one record; a bit of a uint64_t for each */
#define SC_SHAPE_KEYS   128 /* their wire names, alternatives included */
#define SC_SHAPE_WIRE   44 /* bytes of a wire name */
#define SC_SHAPE_SLOTS  200 /* Lua values of one shape */
#define SC_SHAPE_DEPTH  32 /* nodes within nodes */
#define SC_SHAPE_ITEMS  1000000 /* items of one list or map, tables of one answer */
#define SC_SHAPE_GATHER 64 /* items and pairs that wait on the Lua stack */
#define SC_SHAPE_PATH   256 /* bytes of a path in a message */
#define SC_SHAPE_REASON 256

enum sc_shape_type {
    SC_SHAPE_RECORD,
    SC_SHAPE_LIST,
    SC_SHAPE_MAP,
    SC_SHAPE_STRING,
    SC_SHAPE_INTEGER,
    SC_SHAPE_NUMBER,
    SC_SHAPE_BOOLEAN,
    SC_SHAPE_ANY,
};

struct sc_map_names;

struct sc_text {
    const char *bytes; /* ends with a NUL that len does not count */
    size_t len;
};

/* One word of an enumeration. */
struct sc_shape_value {
    struct sc_text name; /* in Lua */
    int name_slot;
    struct sc_text wire; /* of a string node */
    int64_t number; /* of an integer node */
};

/* One wire name of a record. */
struct sc_shape_key {
    struct sc_text name; /* as it stands in an object: `,"email":` */
    uint8_t field; /* index of its field, or SC_SHAPE_NONE */
    uint8_t rank; /* 0 for the first of a field's wire names */
    uint8_t refuse; /* an object under this name makes the whole answer an error */
    uint8_t special; /* any of the three above is not what it usually is */
    uint8_t next; /* guess: the key that comes next */
};

#define SC_SHAPE_NONE 255

struct sc_shape_node {
    enum sc_shape_type type;

    /* as a field of a record */
    struct sc_text name;
    const void *ident; /* where Lua keeps the name: short strings are equal by address */
    int name_slot;
    struct sc_text lead; /* `,"email":` */
    int default_slot;
    unsigned required : 1, nullable : 1, empty : 1, no_write : 1, no_read : 1;

    /* limits: code points, values or items */
    unsigned has_min : 1, has_max : 1, has_forbid : 1, open : 1;
    int64_t min, max;
    uint64_t forbid[2]; /* a bit for each ASCII character */
    struct sc_text what;

    struct sc_shape_value *values;
    int value_count;

    struct sc_shape_node *of; /* list */
    struct sc_map_names *learned; /* map; see lua_map.h */

    /* record */
    struct sc_shape_node *fields;
    int field_count;
    struct sc_shape_key *keys;
    int key_count;
    uint64_t read_required, read_empty; /* a bit for each such field */
    int mark; /* number of its metatable, from 1; 0 for none */
    int stored; /* guess: fields or items of the next one read */
    int8_t luck; /* whether remembering its texts pays, see lua_take.h */
    uint8_t first_key;
    uint8_t order[SC_SHAPE_FIELDS + 1]; /* guess: the field a table's n-th key is */
};

struct sc_shape_block {
    struct sc_shape_block *next;
    max_align_t bytes[];
};

struct sc_shape {
    struct sc_shape_block *blocks;
    struct sc_shape_node *root;
    int slots; /* how many Lua values */
    int marks; /* how many names of metatables */
    int stack; /* places that walking it takes on a Lua stack */
};

/* Zeroed memory that lives as long as the shape, or NULL. */
void *sc_shape_alloc(struct sc_shape *shape, size_t size);

void sc_shape_free(struct sc_shape *shape);

/* The index of the record's field that is called name, or -1. */
int sc_shape_find(const struct sc_shape_node *record, const char *name, size_t len);

/* The writable field whose name is most like this one; NULL when none is near. */
const struct sc_shape_node *sc_shape_nearest(const struct sc_shape_node *record,
                                             const char *name, size_t len);

/* Where a walk is: a chain of these on the C stack. */
struct sc_shape_at {
    const struct sc_shape_at *up;
    const char *name; /* of a field or a map's key, or NULL for a list's item */
    size_t len;
    size_t index; /* from 1 */
};

/* What was wrong and where. Holds no value's content. */
struct sc_shape_problem {
    const char *code; /* one word, NULL when nothing was wrong */
    char path[SC_SHAPE_PATH];
    char reason[SC_SHAPE_REASON];
};

/* Fills problem; returns -1. node (its `what` is added) and at may be NULL. */
int sc_shape_fail(struct sc_shape_problem *problem, const struct sc_shape_node *node,
                  const struct sc_shape_at *at, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* As above for a key of the record that is no field. */
int sc_shape_fail_unknown(struct sc_shape_problem *problem,
                          const struct sc_shape_node *record,
                          const struct sc_shape_at *up, const char *name, size_t len);

/* As above for a word that the enumeration does not have. */
int sc_shape_fail_value(struct sc_shape_problem *problem,
                        const struct sc_shape_node *node, const struct sc_shape_at *at);

#pragma GCC visibility pop

#endif
