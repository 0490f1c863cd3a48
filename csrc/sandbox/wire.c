#include "wire.h"

#include <sqlite3.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at p, or 0 if there is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned char c = p[0];
    size_t n = c < 0x80   ? 1
               : c < 0xc2 ? 0
               : c < 0xe0 ? 2
               : c < 0xf0 ? 3
               : c < 0xf5 ? 4
                          : 0,
           i;

    if (n == 0 || n > left)
        return 0;
    for (i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) ||
        (c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

int64_t sc_wire_characters(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    int64_t count = 0;
    size_t at = 0, n;
    uint64_t eight;

    while (at < len) {
        if (len - at >= sizeof eight) {
            memcpy(&eight, p + at, sizeof eight);
            if (!(eight & 0x8080808080808080u)) {
                at += sizeof eight;
                count += (int64_t)sizeof eight;
                continue;
            }
        }
        n = p[at] < 0x80 ? 1 : sequence(p + at, len - at);
        if (n == 0)
            return -1;
        at += n;
        count++;
    }
    return count;
}

int sc_wire_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '_';
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long sc_wire_decode(char *text, int plus)
{
    char *to = text;
    const char *from = text;

    for (; *from; from++) {
        int high, low;

        if (*from == '+' && plus) {
            *to++ = ' ';
        } else if (*from != '%') {
            *to++ = *from;
        } else {
            high = hex(from[1]);
            low = high < 0 ? -1 : hex(from[2]);
            if (low < 0 || (high | low) == 0)
                return -1;
            *to++ = (char)(high << 4 | low);
            from += 2;
        }
    }
    *to = '\0';
    return sc_wire_characters(text, (size_t)(to - text)) < 0 ? -1 : (long)(to - text);
}

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

int sc_wire_integer(const char *text, int64_t *value)
{
    const char *p = skip_space(text);
    int negative = *p == '-', digits = 0;
    int64_t sum = 0;

    if (*p == '-' || *p == '+')
        p++;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        if (sum > (INT64_MAX - 9) / 10)
            return 0;
        sum = sum * 10 + (*p - '0');
    }
    *value = negative ? -sum : sum;
    return digits > 0 && *skip_space(p) == '\0';
}

static const char *skip_digits(const char *p, int *count)
{
    for (; *p >= '0' && *p <= '9'; p++)
        ++*count;
    return p;
}

int sc_wire_is_number(const char *text)
{
    const char *p = skip_space(text);
    int mantissa = 0, exponent = 0;

    if (*p == '-' || *p == '+')
        p++;
    p = skip_digits(p, &mantissa);
    if (*p == '.')
        p = skip_digits(p + 1, &mantissa);
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        p = skip_digits(p, &exponent);
        if (exponent == 0)
            return 0;
    }
    return mantissa > 0 && *skip_space(p) == '\0';
}

char *sc_wire_credential(const char *user, const char *key)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *plain = sqlite3_mprintf("%s:%s", user, key), *out;
    size_t n = plain ? strlen(plain) : 0, i, at = 0;

    out = plain ? sqlite3_malloc64((n + 2) / 3 * 4 + 1) : NULL;
    for (i = 0; out && i < n; i += 3) {
        unsigned a = (unsigned char)plain[i];
        unsigned b = i + 1 < n ? (unsigned char)plain[i + 1] : 0;
        unsigned c = i + 2 < n ? (unsigned char)plain[i + 2] : 0;
        unsigned word = a << 16 | b << 8 | c;

        out[at++] = digits[word >> 18];
        out[at++] = digits[word >> 12 & 63];
        out[at++] = i + 1 < n ? digits[word >> 6 & 63] : '=';
        out[at++] = i + 2 < n ? digits[word & 63] : '=';
    }
    if (out)
        out[at] = '\0';
    sqlite3_free(plain);
    return out;
}

int sc_wire_authorized(const char *value, const char *scheme, const char *credential)
{
    const char *p = skip_space(value);
    size_t n = strlen(scheme), length = strlen(credential);

    if (sqlite3_strnicmp(p, scheme, (int)n) || (p[n] != ' ' && p[n] != '\t'))
        return 0;
    p = skip_space(p + n);
    return strncmp(p, credential, length) == 0 && *skip_space(p + length) == '\0';
}

/* The code unit of an escape \\uXXXX at p, or -1 if there is none. */
static int code_unit(const char *p, size_t left)
{
    int unit = 0, i, digit;

    if (left < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (i = 2; i < 6; i++) {
        digit = hex(p[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

int sc_wire_json_bytes(const char *text, size_t len)
{
    const char *p = text, *end = text + len;
    int unit;

    if (memchr(text, 0, len))
        return 0;
    while (p < end && (p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
        unit = code_unit(p, (size_t)(end - p));
        if (unit == 0 || (unit & 0xfc00) == 0xdc00)
            return 0;
        if (unit >= 0 && (unit & 0xfc00) == 0xd800) {
            p += 6;
            unit = code_unit(p, (size_t)(end - p));
            if (unit < 0 || (unit & 0xfc00) != 0xdc00)
                return 0;
            p += 4;
        }
        p += 2; /* what is escaped, a backslash too */
    }
    return 1;
}

int sc_wire_civil(int year, int month, int day, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t y = month <= 2 ? year - 1 : year, era, of_era, of_year;

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > lengths[month - 1] + (month == 2 && leap))
        return 0;
    era = y / 400;
    of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    of_era =
        (y - era * 400) * 365 + (y - era * 400) / 4 - (y - era * 400) / 100 + of_year;
    *days = era * 146097 + of_era - 719468;
    return 1;
}

void sc_wire_date(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;

    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}
