/* crc32c: the checksum of Castagnoli (RFC 3720, appendix B.4).
 *
 * Finds every damage of up to 32 bits in a row, whatever the damage every other time
 * but one in four thousand million. Keeps nobody from forging: it is no digest.
 * Allocates nothing. */
#ifndef SC_CRC32C_H
#define SC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

uint32_t sc_crc32c(const void *bytes, size_t n);

#pragma GCC visibility pop

#endif
