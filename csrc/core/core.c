/* core: registers `sendcloud.core`; the functions come from the lua_*.c files. */
#include "lua_util.h"

SC_EXPORT int luaopen_sendcloud_core(lua_State *L);

int luaopen_sendcloud_core(lua_State *L)
{
    lua_newtable(L);
    sc_open_util(L);
    sc_open_shape(L);
    sc_open_rows(L);
    sc_open_lines(L);
    sc_open_file(L);
    sc_open_folder(L);
    sc_open_journal(L);
    sc_open_credential(L);
    sc_open_request(L);
    sc_open_answer(L);
    sc_open_http(L);
    sc_open_thread(L);
    return 1;
}
