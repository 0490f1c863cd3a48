/* http_preset: what requests of one kind have in common, checked once and laid out for
 * libcurl: method, headers, credential, and everything else but URL, body, time and room
 * for the answer.
 *
 * A preset owns copies of its strings, the credential among them, and wipes them when
 * its last user lets go: the one who made it, and each transfer that is on its way.
 * Like an engine it belongs to one thread; a request for another thread copies what it
 * needs. */
#ifndef SC_HTTP_PRESET_H
#define SC_HTTP_PRESET_H

#include "http.h"

#pragma GCC visibility push(hidden)

/* A preset of what a request holds. NULL with *why filled: none that could be sent. */
struct sc_http_preset *sc_http_preset_new(const struct sc_http_request *common,
                                          struct sc_http_failure *why);

/* A request to start from: it lacks its URL, and is good while the preset is held. */
const struct sc_http_request *sc_http_preset_request(const struct sc_http_preset *preset);

void sc_http_preset_hold(struct sc_http_preset *preset);

/* Lets go of it. NULL is fine. */
void sc_http_preset_release(struct sc_http_preset *preset);

#pragma GCC visibility pop

#endif
