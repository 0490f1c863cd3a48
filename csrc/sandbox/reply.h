/* reply: turns an answer into bytes on a connection of libmicrohttpd, mangled as it says.
 *
 * A response made here owns the answer and frees it when the last byte is out. A
 * dripping body asks its `pause` to suspend the connection; whoever gave it resumes.
 * No lock is taken and no box is touched: it runs on the server's thread with an
 * answer that is finished. */
#ifndef SC_REPLY_H
#define SC_REPLY_H

#include "front.h"

#include <microhttpd.h>

#pragma GCC visibility push(hidden)

/* Suspends the connection for so many seconds. Returns 0 if that cannot be. */
typedef int (*sc_reply_pause)(void *cls, double seconds);

/* The response for an answer, which it takes over and leaves empty; NULL without
 * memory, and then the answer is freed too. pause and cls are used only while the body
 * goes out. */
struct MHD_Response *sc_reply_response(struct sc_answer *answer, sc_reply_pause pause,
                                       void *cls);

/* Makes the peer see a reset. The descriptor stays open and is the server's to close. */
void sc_reply_reset(int fd);

#pragma GCC visibility pop

#endif
