/* Holds the sandbox's judge of JSON beside SQLite's: they have to agree on every text
 * that is UTF-8 without NUL and not too deep. */
#include "fuzz.h"
#include "sandbox/judge.h"
#include "sandbox/wire.h"

#include <sqlite3.h>
#include <string.h>

static sqlite3_stmt *valid;

static void start(void)
{
    sqlite3 *db;

    MUST(sqlite3_open(":memory:", &db) == SQLITE_OK);
    MUST(sqlite3_prepare_v2(db, "SELECT json_valid(?1)", -1, &valid, NULL) == SQLITE_OK);
}

static int sqlite_says(const char *text, size_t len)
{
    int said;

    MUST(sqlite3_bind_text(valid, 1, text, (int)len, SQLITE_STATIC) == SQLITE_OK);
    MUST(sqlite3_step(valid) == SQLITE_ROW);
    said = sqlite3_column_int(valid, 0);
    sqlite3_reset(valid);
    return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    size_t open = 0, i;
    int said;

    MUST(text);
    if (!valid)
        start();
    memcpy(text, data, size);
    text[size] = '\0';
    for (i = 0; i < size; i++)
        open += text[i] == '[' || text[i] == '{';
    said = sc_judge_json(text, size);
    if (sc_wire_characters(text, size) >= 0 && sc_wire_json_bytes(text, size) &&
        (said || open <= SC_JUDGE_DEPTH))
        MUST(said == sqlite_says(text, size));
    free(text);
    return 0;
}
