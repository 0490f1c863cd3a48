/* torture_codec: shapes compiled, written and read with the n-th allocation failing, for
 * every n.
 *
 * Allocations of our C and of Lua count alike. Every run
 * must end in one of two ways: right, or with the error "not enough memory"; and
 * shapes and buffers that live through all runs must still work after the last. ASan
 * tells what was lost or overrun. */
#include "fail.h"

#include <stdio.h>

int main(void)
{
    long runs = 0, failed = 0;
    int bad = fail_each("spec/c/torture_codec.lua", NULL, &runs, &failed);

    printf("%ld runs, %ld without enough memory, all of them told\n", runs, failed);
    return bad;
}
