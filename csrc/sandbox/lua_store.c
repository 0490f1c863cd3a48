/* What a script may do to the store behind the services' backs. */
#include "lua_box.h"

static int reset_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);

    return sc_lua_box_finish(L, box, sc_front_reset(box->front));
}

int sc_lua_box_reset(lua_State *L)
{
    return sc_lua_box_locked(L, reset_locked);
}

static int snapshot_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    size_t len;
    int status;

    sc_box_free(box->text);
    box->text = NULL;
    if (lua_toboolean(L, 2))
        status = sc_box_dump(box->front->box, &box->text, &len);
    else
        status = sc_box_snapshot(box->front->box, &box->text, &len);
    if (status != SC_BOX_OK)
        return sc_lua_box_finish(L, box, status);
    lua_pushlstring(L, box->text, len);
    sc_box_free(box->text);
    box->text = NULL;
    return 1;
}

int sc_lua_box_snapshot(lua_State *L)
{
    lua_settop(L, 1);
    return sc_lua_box_locked(L, snapshot_locked);
}

int sc_lua_box_dump(lua_State *L)
{
    lua_settop(L, 1);
    lua_pushboolean(L, 1);
    return sc_lua_box_locked(L, snapshot_locked);
}

static int restore_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    size_t len;
    const char *bytes = luaL_checklstring(L, 2, &len);

    return sc_lua_box_finish(L, box, sc_box_restore(box->front->box, bytes, len));
}

int sc_lua_box_restore(lua_State *L)
{
    return sc_lua_box_locked(L, restore_locked);
}

/* --- what no document has a call for
 * ------------------------------------------------------------ */

static int event_locked(lua_State *L)
{
    static const char *const names[] = {"sent", "open", "click", NULL};
    struct sc_lua_box *box = sc_lua_box_check(L);
    int64_t campaign;
    const char *member = luaL_checkstring(L, 3);
    int event = luaL_checkoption(L, 4, "sent", names);

    if (!sc_tointeger(L, 2, &campaign))
        return luaL_argerror(L, 2, "a whole number is needed");
    return sc_lua_box_finish(
        L, box, sc_box_event(box->front->box, campaign, member, (enum sc_event)event));
}

int sc_lua_box_event(lua_State *L)
{
    return sc_lua_box_locked(L, event_locked);
}

static int campaign_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    int64_t campaign;

    if (!sc_tointeger(L, 2, &campaign))
        return luaL_argerror(L, 2, "a whole number is needed");
    return sc_lua_box_finish(
        L, box, sc_box_campaign(box->front->box, campaign, luaL_checkstring(L, 3)));
}

int sc_lua_box_campaign(lua_State *L)
{
    return sc_lua_box_locked(L, campaign_locked);
}

static int unsubscribe_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    const char *member = luaL_checkstring(L, 2);

    return sc_lua_box_finish(
        L, box, sc_box_unsubscribe(box->front->box, member, lua_toboolean(L, 3)));
}

int sc_lua_box_unsubscribe(lua_State *L)
{
    return sc_lua_box_locked(L, unsubscribe_locked);
}

/* box:field(name, type 0 to 4, format | nil, JSON list | nil) */
static int field_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    const char *name = luaL_checkstring(L, 2);
    int type = (int)luaL_checkinteger(L, 3);
    const char *format = luaL_optstring(L, 4, NULL);
    const char *choices = luaL_optstring(L, 5, NULL);

    return sc_lua_box_finish(L, box,
                             sc_box_field(box->front->box, name, type, format, choices));
}

int sc_lua_box_field(lua_State *L)
{
    return sc_lua_box_locked(L, field_locked);
}

static int segment_fail_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);

    return sc_lua_box_finish(
        L, box, sc_box_segment_fail(box->front->box, luaL_optstring(L, 2, NULL)));
}

int sc_lua_box_segment_fail(lua_State *L)
{
    return sc_lua_box_locked(L, segment_fail_locked);
}

/* --- switches
 * ----------------------------------------------------------------------------------- */

/* box:switch(name [, value]) -> value | nil, message */
static int switch_locked(lua_State *L)
{
    struct sc_lua_box *box = sc_lua_box_check(L);
    const char *name = luaL_checkstring(L, 2);
    const char *value = luaL_optstring(L, 3, NULL);
    int status = value ? sc_box_switch_set(box->front->box, name, value) : SC_BOX_OK;

    if (status != SC_BOX_OK)
        return sc_lua_box_finish(L, box, status);
    lua_pushstring(L, sc_box_switch_get(box->front->box, name));
    return 1;
}

int sc_lua_box_switch(lua_State *L)
{
    return sc_lua_box_locked(L, switch_locked);
}
