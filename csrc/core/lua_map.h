/* lua_map: maps of text (a contact's own fields) on their way out.
 *
 * Names go out in the order of their bytes, so that the same table always gives the
 * same bytes. The names of one map are mostly those of the next: a node learns up to
 * SC_MAP_LEARNED of them, ready to be copied, and recognises them by address. Learned
 * strings are kept alive by a table at index 0 of the shape's Lua values, so an
 * address never comes to mean another name. */
#ifndef SC_LUA_MAP_H
#define SC_LUA_MAP_H

#include "lua_put.h"

#pragma GCC visibility push(hidden)

#define SC_MAP_LEARNED 32

struct sc_map_name {
    const void *ident;
    struct sc_text lead; /* `,"Age":`, in bytes */
    char bytes[SC_PUT_LEAD];
};

struct sc_map_names {
    struct sc_map_name names[SC_MAP_LEARNED];
    uint8_t sorted[SC_MAP_LEARNED];
    uint8_t order[SC_MAP_LEARNED + 1]; /* guess: the name that a table's n-th key is */
    int count;
    int cleared; /* how often there were too many */
    int anchor; /* where in the table at index 0 its strings begin, less one */
};

/* Writes the table at index. 0, else not. */
int sc_map_write(lua_State *L, struct sc_put *w, struct sc_shape_node *node,
                 const struct sc_shape_at *at, int index);

#pragma GCC visibility pop

#endif
