/* torture_bulk: rows of CSV into requests and pages into lines, with the n-th allocation failing,
 * for every n.
 *
 * Allocations of our C and of Lua count alike. Every run must end in
 * one of two ways: right, or with an error that says that memory is short; and the lines that
 * live through all runs must hold no more and no fewer members than were written. ASan tells what
 * was lost or overrun. */
#include "fail.h"

#include <stdio.h>

int main(void)
{
    long runs = 0, failed = 0;
    int bad = fail_each("spec/c/torture_bulk.lua", NULL, &runs, &failed);

    printf("%ld runs, %ld without enough memory, all of them told\n", runs, failed);
    return bad;
}
