/* lua_credential: core.credential, the one place where the key lives once a client is
 * made.
 *
 * The userdata owns the value of the Authorization header and what it was made of, and
 * wipes both when it is closed or collected. Scripts that print or walk it see nothing;
 * header() is for what has to carry it, secrets() for what has to hide it. */
#include "lua_util.h"

#include <stdlib.h>
#include <string.h>

struct credential {
    char *value; /* of the Authorization header; NULL when closed */
    size_t len, scheme_len;
    char *plain; /* user:key; NULL when closed */
    size_t plain_len, user_len;
    int lent, closed; /* closed while a string is made of it: wiped behind that */
};

static void wipe_credential(struct credential *c)
{
    if (c->value)
        sc_wipe(c->value, c->len);
    if (c->plain)
        sc_wipe(c->plain, c->plain_len);
    free(c->value);
    free(c->plain);
    c->value = c->plain = NULL;
}

static void write_base64(char *out, const unsigned char *in, size_t n)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t i;

    for (i = 0; i < n; i += 3) {
        unsigned v = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) |
                     (i + 2 < n ? in[i + 2] : 0u);

        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? digits[v & 63] : '=';
    }
    *out = '\0';
}

/* Fills c; 0: out of memory. */
static int make_credential(struct credential *c, const char *scheme, size_t scheme_len,
                           const char *user, size_t user_len, const char *key,
                           size_t key_len)
{
    c->scheme_len = scheme_len;
    c->user_len = user_len;
    c->plain_len = user_len + 1 + key_len;
    c->len = scheme_len + 1 + (c->plain_len + 2) / 3 * 4;
    c->plain = malloc(c->plain_len);
    c->value = malloc(c->len + 1);
    if (!c->plain || !c->value) {
        free(c->plain);
        free(c->value);
        c->plain = c->value = NULL;
        return 0;
    }
    memcpy(c->plain, user, user_len);
    c->plain[user_len] = ':';
    memcpy(c->plain + user_len + 1, key, key_len);
    memcpy(c->value, scheme, scheme_len);
    c->value[scheme_len] = ' ';
    write_base64(c->value + scheme_len + 1, (unsigned char *)c->plain, c->plain_len);
    return 1;
}

/* core.credential(scheme, user, key) -> credential, or nil and what is wrong with them */
static int core_credential(lua_State *L)
{
    size_t scheme_len, user_len, key_len;
    const char *scheme = luaL_checklstring(L, 1, &scheme_len);
    const char *user = luaL_checklstring(L, 2, &user_len);
    const char *key = luaL_checklstring(L, 3, &key_len);
    const char *wrong = NULL;
    struct credential *c;

    luaL_argcheck(L,
                  scheme_len > 0 &&
                      strspn(scheme, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                     "stuvwxyz0123456789-") == scheme_len,
                  1, "not a word");
    if (user_len > 4096 || key_len > 4096)
        wrong = "the user and the key have at most 4096 bytes";
    else if (strcspn(user, "\r\n:") != user_len)
        wrong = "the user must not hold CR, LF, NUL or a colon";
    else if (strcspn(key, "\r\n") != key_len)
        wrong = "the key must not hold CR, LF or NUL";
    if (wrong) {
        lua_pushnil(L);
        lua_pushstring(L, wrong);
        return 2;
    }
    c = sc_lua_newobject(L, sizeof *c, SC_CREDENTIAL_TYPE);
    if (!make_credential(c, scheme, scheme_len, user, user_len, key, key_len))
        return luaL_error(L, "out of memory");
    return 1;
}

/* The credential that a method was called with, to make strings of: some Luas run
 * finalizers before they copy, and one may close it. NULL: closed. */
static struct credential *borrow(lua_State *L)
{
    struct credential *c = luaL_checkudata(L, 1, SC_CREDENTIAL_TYPE);

    if (!c->value || c->closed)
        return NULL;
    c->lent++;
    return c;
}

static void give_back(struct credential *c)
{
    if (--c->lent == 0 && c->closed)
        wipe_credential(c);
}

/* credential:header() -> the value of the Authorization header; nil when closed */
static int credential_header(lua_State *L)
{
    struct credential *c = borrow(L);

    if (!c) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, c->value, c->len);
    give_back(c);
    return 1;
}

/* credential:secrets() -> key, token, user: what no message may show; nil when closed */
static int credential_secrets(lua_State *L)
{
    struct credential *c = borrow(L);

    if (!c) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, c->plain + c->user_len + 1, c->plain_len - c->user_len - 1);
    lua_pushlstring(L, c->value + c->scheme_len + 1, c->len - c->scheme_len - 1);
    lua_pushlstring(L, c->plain, c->user_len);
    give_back(c);
    return 3;
}

static int credential_close(lua_State *L)
{
    struct credential *c = luaL_checkudata(L, 1, SC_CREDENTIAL_TYPE);

    c->closed = 1;
    if (!c->lent)
        wipe_credential(c);
    return 0;
}

static int credential_gc(lua_State *L)
{
    wipe_credential(luaL_checkudata(L, 1, SC_CREDENTIAL_TYPE));
    return 0;
}

static int credential_tostring(lua_State *L)
{
    lua_pushliteral(L, SC_CREDENTIAL_TYPE " (hidden)");
    return 1;
}

const char *sc_lua_authorization(lua_State *L, int index)
{
    struct credential *c = sc_testudata(L, index, SC_CREDENTIAL_TYPE);

    return c && !c->closed ? c->value : NULL;
}

void sc_open_credential(lua_State *L)
{
    static const luaL_Reg methods[] = {{"header", credential_header},
                                       {"secrets", credential_secrets},
                                       {"close", credential_close},
                                       {NULL, NULL}};
    static const luaL_Reg metamethods[] = {{"__gc", credential_gc},
                                           {"__close", credential_close},
                                           {"__tostring", credential_tostring},
                                           {NULL, NULL}};
    static const luaL_Reg functions[] = {{"credential", core_credential}, {NULL, NULL}};

    sc_lua_newtype(L, SC_CREDENTIAL_TYPE, methods, metamethods);
    sc_setfuncs(L, functions);
}
