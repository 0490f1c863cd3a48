#include "faults.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    struct sc_fault rule; /* headers and body point into text */
    unsigned id;
    int64_t seen;
    int64_t fired;
    uint64_t chance; /* state of the draws that decide */
    uint64_t amount; /* state of the draws that say how long */
    double tokens;
    double filled; /* when tokens was right */
    char text[];
};

struct sc_faults {
    struct node *first;
    uint64_t seed;
    unsigned last_id;
    unsigned count;
};

/* splitmix64 (Steele, Lea and Flood 2014): every rule has streams of its own, so that
 * rules do not change each other's draws. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A number from 0 up to, not including, 1. */
static double draw_unit(uint64_t *state)
{
    return (double)(draw(state) >> 11) * 0x1.0p-53;
}

struct sc_faults *sc_faults_new(uint64_t seed)
{
    struct sc_faults *list = calloc(1, sizeof *list);

    if (list)
        list->seed = seed;
    return list;
}

void sc_faults_free(struct sc_faults *list)
{
    if (!list)
        return;
    sc_faults_clear(list);
    free(list);
}

void sc_faults_blank(struct sc_fault *rule)
{
    memset(rule, 0, sizeof *rule);
    rule->probability = -1;
    rule->retry_after = -1;
    rule->truncate = -1;
    rule->content_length = -1;
}

static struct node *copy_of(const struct sc_fault *rule)
{
    size_t headers = rule->headers ? rule->headers_len : 0;
    size_t body = rule->body ? rule->body_len : 0;
    struct node *node;

    if (headers > SC_FAULT_TEXT || body > SC_FAULT_TEXT)
        return NULL;
    node = calloc(1, sizeof *node + headers + body + 2);
    if (!node)
        return NULL;
    node->rule = *rule;
    if (rule->headers) {
        memcpy(node->text, rule->headers, headers);
        node->rule.headers = node->text;
    }
    if (rule->body) {
        memcpy(node->text + headers + 1, rule->body, body);
        node->rule.body = node->text + headers + 1;
    }
    return node;
}

unsigned sc_faults_add(struct sc_faults *list, const struct sc_fault *rule, double now)
{
    struct node *node;
    struct node **end = &list->first;

    if (list->count >= SC_FAULTS_MAX)
        return 0;
    node = copy_of(rule);
    if (!node)
        return 0;
    node->id = ++list->last_id;
    node->chance = list->seed ^ (UINT64_C(0xD1B54A32D192ED03) * node->id);
    node->amount = ~node->chance;
    node->tokens = rule->burst;
    node->filled = now;
    while (*end)
        end = &(*end)->next;
    *end = node;
    list->count++;
    return node->id;
}

int sc_faults_remove(struct sc_faults *list, unsigned id)
{
    struct node **link = &list->first;
    struct node *node;

    while (*link && (*link)->id != id)
        link = &(*link)->next;
    node = *link;
    if (!node)
        return 0;
    *link = node->next;
    free(node);
    list->count--;
    return 1;
}

int64_t sc_faults_fired(const struct sc_faults *list, unsigned id)
{
    const struct node *node = list->first;

    while (node && node->id != id)
        node = node->next;
    return node ? node->fired : -1;
}

void sc_faults_clear(struct sc_faults *list)
{
    struct node *node;

    while ((node = list->first) != NULL) {
        list->first = node->next;
        free(node);
    }
    list->count = 0;
    list->last_id = 0;
}

/* "members.*" stands for every operation that begins with "members.". */
static int means(const struct sc_fault *rule, const char *operation, const char *provider)
{
    size_t n = strlen(rule->operation);

    if (rule->provider[0] && strcmp(rule->provider, provider) != 0)
        return 0;
    if (n == 0)
        return 1;
    if (rule->operation[n - 1] == '*')
        return strncmp(rule->operation, operation, n - 1) == 0;
    return strcmp(rule->operation, operation) == 0;
}

/* Whether the bucket is empty; takes a token where it is not. */
static int runs_dry(struct node *node, double now, double *wait)
{
    const struct sc_fault *rule = &node->rule;

    if (now > node->filled) {
        node->tokens =
            fmin(rule->burst, node->tokens + (now - node->filled) * rule->rate);
        node->filled = now;
    }
    if (node->tokens >= 1) {
        node->tokens -= 1;
        return 0;
    }
    *wait = (1 - node->tokens) / rule->rate;
    return 1;
}

/* Counts and draws for every request that the rule means, whether or not it may still
 * fire: what a rule does never depends on what another one did. */
static int fires(struct node *node, double now, double *wait)
{
    const struct sc_fault *rule = &node->rule;
    int yes = 1;

    node->seen++;
    if (rule->nth > 0 && node->seen != rule->nth)
        yes = 0;
    if (rule->every > 0 && node->seen % rule->every != 0)
        yes = 0;
    if (rule->probability >= 0 && draw_unit(&node->chance) >= rule->probability)
        yes = 0;
    if (rule->times > 0 && node->fired >= rule->times)
        yes = 0;
    if (yes && rule->rate > 0)
        yes = runs_dry(node, now, wait);
    return yes;
}

void sc_faults_pick(struct sc_faults *list, const char *operation, const char *provider,
                    double now, struct sc_fault_hit *hit)
{
    struct node *node;

    memset(hit, 0, sizeof *hit);
    for (node = list->first; node; node = node->next) {
        const struct sc_fault *rule = &node->rule;
        double wait = 0;

        if (!means(rule, operation, provider) || !fires(node, now, &wait) || hit->rule)
            continue;
        node->fired++;
        hit->rule = rule;
        hit->wait = wait;
        hit->delay = rule->delay_min;
        if (rule->delay_max > rule->delay_min)
            hit->delay += draw_unit(&node->amount) * (rule->delay_max - rule->delay_min);
    }
}
