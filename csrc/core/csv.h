/* csv: rows of a CSV or TSV text, or lines of any text, out of a window that is fed.
 *
 * Does no I/O: the caller feeds bytes and asks for rows until SC_CSV_MORE. A row's cells
 * are slices of the window (or of a scratch buffer where doubled quotes were undone);
 * they are valid until the next call, and 32 bytes behind each may be read. Read as
 * spreadsheets write: a quote only counts at the start of a cell, what follows a closing
 * quote is kept, a missing last line end is fine. In a text with a byte order mark the
 * first apostrophe before = + - @ (one of several) is not part of a cell: it keeps a
 * spreadsheet from running it. Memory is capped: a row longer than row_max is skipped and
 * reported, and a quote that is never closed costs its own line, not the rest of the
 * file. */
#ifndef SC_CSV_H
#define SC_CSV_H

#include "buf.h"

#include <stdint.h>

#pragma GCC visibility push(hidden)

#define SC_CSV_ROW_MAX   ((size_t)1 << 20)
#define SC_CSV_CELLS_MAX 4096

enum sc_csv_status {
    SC_CSV_ROW = 1, /* a row was read */
    SC_CSV_MORE, /* feed more, or say that there is no more */
    SC_CSV_END, /* nothing is left */
    SC_CSV_LONG, /* a row over row_max; `row` holds its beginning */
    SC_CSV_WIDE, /* a row of more than SC_CSV_CELLS_MAX cells */
    SC_CSV_UNCLOSED, /* a quote never closed; `row` is its first line, reading goes on
                        behind */
    SC_CSV_NOMEM = -1,
};

/* What sc_csv_sniff finds wrong. */
enum sc_csv_text {
    SC_CSV_TEXT_OK = 0,
    SC_CSV_TEXT_UTF16, /* UTF-16 or UTF-32, by its byte order mark */
    SC_CSV_TEXT_ZIP, /* a zip archive, which a workbook (.xlsx, .ods) is */
};

enum sc_csv_flags {
    SC_CSV_HIGH = 1, /* a byte above 127 */
    SC_CSV_SPECIAL =
        2, /* a quote, a backslash or a control character (the separator aside) */
    SC_CSV_NUL = 4,
};

struct sc_csv_cell {
    const char *at;
    uint32_t len;
    uint32_t quoted; /* doubled quotes, or text behind the closing quote: needs undoing */
};

struct sc_csv {
    char separator; /* 0: no cells, the whole line is one */
    char eol; /* '\n', or '\r' for the files of old Macs */
    char crlf; /* the first line ended with CR LF */
    char last; /* nothing will be fed any more */
    char skipping; /* within a row that is too long */
    char open; /* the row stopped within an open quote */
    char marked; /* the text began with a byte order mark: a spreadsheet's */
    size_t row_max;
    struct sc_buf window;
    size_t pos; /* of the next row in the window */
    uint64_t base; /* offset in the source of the window's first byte */
    uint64_t line; /* physical line number of the next row, from 1 */
    struct sc_buf scratch;
    struct sc_csv_cell *cells;
    size_t room;
    /* the row read last, without its line end */
    const char *row;
    size_t row_len;
    uint64_t row_line;
    size_t count; /* cells */
    unsigned flags;
};

/* Makes c an empty scanner for commas and LF (CR LF included). Allocates nothing. */
void sc_csv_init(struct sc_csv *c, size_t row_max);
void sc_csv_free(struct sc_csv *c);

/* Adds bytes behind what the window holds and drops what was read. Returns SC_BUF_*. */
int sc_csv_feed(struct sc_csv *c, const void *bytes, size_t n);

/* The same in two steps, for who can put bytes where they belong: makes room for n behind
 * the window's end (SC_BUF_*), then says how many came. */
int sc_csv_feed_room(struct sc_csv *c, size_t n);
void sc_csv_fed(struct sc_csv *c, size_t n);

/* Nothing more will come. */
void sc_csv_finish(struct sc_csv *c);

/* Looks at the beginning of the text, which must have been fed: skips a byte order mark,
 * finds the kind of line end, and with separator = 0 the separator among , ; tab | (a
 * first line `sep=X` says it outright and is skipped). Returns an enum sc_csv_text. */
int sc_csv_sniff(struct sc_csv *c, char separator);

/* Reads the next row. Returns an enum sc_csv_status. */
int sc_csv_next(struct sc_csv *c);

/* Empties the window for a source that goes on at another place. */
void sc_csv_seek(struct sc_csv *c, uint64_t offset, uint64_t line);

/* Adds a cell to out, in quotes where it has to be. Returns SC_BUF_*. */
int sc_csv_put(struct sc_buf *out, const char *cell, size_t n, char separator);

#pragma GCC visibility pop

#endif
