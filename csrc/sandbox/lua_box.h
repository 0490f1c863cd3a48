/* lua_box: what the files of the binding share: the box userdata and its pieces.
 *
 * A `sendcloud.sandbox.box` owns one front, the server before it once there is one,
 * and what is on its way to Lua. It is closed by close(), by __gc and by __close,
 * whichever comes first; after that, and in a process that did not open it, everything
 * else raises. So does what a finalizer or a metamethod asks for while another call has
 * the lock; requests wait for no lock but the front's own and may come at any time. */
#ifndef SC_LUA_BOX_H
#define SC_LUA_BOX_H

#include "../core/compat.h"
#include "front.h"
#include "server.h"

#pragma GCC visibility push(hidden)

#define SC_LUA_BOX    "sendcloud.sandbox.box"
#define SC_LUA_ANSWER "sendcloud.sandbox.answer" /* holds an answer that is no box's */

struct sc_lua_box {
    struct sc_front *front;
    struct sc_server *server;
    struct sc_answer answer;
    int lent; /* Lua values are being made of answer: another request gets another */
    int busy; /* a call has the lock */
    char *text; /* a snapshot or dump on its way to Lua */
};

/* The open box at index 1; raises where it is none, or closed, or another process's. */
struct sc_lua_box *sc_lua_box_check(lua_State *L);

/* Runs body, a function of the same arguments, under the front's lock, and returns its
 * results or raises its error when the lock is free again. */
int sc_lua_box_locked(lua_State *L, lua_CFunction body);

/* Pushes true, or nil and the reason, for an enum sc_box_status. */
int sc_lua_box_finish(lua_State *L, const struct sc_lua_box *box, int status);

/* Members of the table at index: the value or the default; raise for another type and,
 * the second, for what is no whole number in the range. A text stays on the stack. */
double sc_lua_number(lua_State *L, int index, const char *name, double otherwise);
int64_t sc_lua_whole(lua_State *L, int index, const char *name, int64_t otherwise,
                     int64_t low, int64_t high);
const char *sc_lua_text(lua_State *L, int index, const char *name, size_t *len);
int sc_lua_flag(lua_State *L, int index, const char *name);

/* Methods by file, and a finalizer. */
int sc_lua_box_drop_answer(lua_State *L);
int sc_lua_box_handle(lua_State *L);
int sc_lua_box_upsert(lua_State *L);
int sc_lua_box_fault(lua_State *L);
int sc_lua_box_unfault(lua_State *L);
int sc_lua_box_fired(lua_State *L);
int sc_lua_box_requests(lua_State *L);
int sc_lua_box_campaign(lua_State *L);
int sc_lua_box_dump(lua_State *L);
int sc_lua_box_event(lua_State *L);
int sc_lua_box_field(lua_State *L);
int sc_lua_box_reset(lua_State *L);
int sc_lua_box_restore(lua_State *L);
int sc_lua_box_segment_fail(lua_State *L);
int sc_lua_box_snapshot(lua_State *L);
int sc_lua_box_switch(lua_State *L);
int sc_lua_box_unsubscribe(lua_State *L);

#pragma GCC visibility pop

#endif
