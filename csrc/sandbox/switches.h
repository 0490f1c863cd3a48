/* switches: what the documents leave open, as named options of a box.
 *
 * One row a switch: identifier, name, choices (the first is the default; "number" for a
 * count), default of a number, the rule in one sentence. README.md prints the same table
 * with sources. Reading a switch through sc_switches_get marks the answer as built on an
 * assumption; reading it through sc_switches_peek does not (quirks, sizes, things that
 * are no rule of the service). */
#ifndef SC_SWITCHES_H
#define SC_SWITCHES_H

#pragma GCC visibility push(hidden)

#define SC_SWITCHES(X)                                                                   \
    X(UNKNOWN_TAG, "unknown_tag", "create|ignore|refuse", 0,                             \
      "what upsert and update do with a tag name that does not exist")                   \
    X(UNKNOWN_FIELD, "unknown_field", "define|ignore|refuse", 0,                         \
      "what upsert and update do with a field that is not defined")                      \
    X(FIELD_NAMES, "field_names", "any|documented", 0,                                   \
      "names a field may get when an upsert defines it: any, or only a-z A-Z 0-9 _")     \
    X(TAG_NAMES, "tag_names", "any|documented", 0,                                       \
      "characters of a tag name: any, or only letters, digits, _ and what is not ASCII") \
    X(UNTOUCHED_TAGS, "untouched_tags", "follow|keep", 0,                                \
      "whether the tag flag acts on an existing contact although updateExisting is "     \
      "false")                                                                           \
    X(UNTOUCHED_LISTED, "untouched_listed", "yes|no", 0,                                 \
      "whether an existing contact that was not updated is listed among the updated")    \
    X(ADDRESS_RULES, "address_rules", "at|rules", 0,                                     \
      "which addresses are refused: only those without an @ between a name and a "       \
      "domain, or by the published mail rules")                                          \
    X(ADDRESS_CASE, "address_case", "ignore|exact", 0,                                   \
      "letter case of addresses (ASCII): one contact, or two")                           \
    X(REPEATED_ADDRESS, "repeated_address", "update|refuse", 0,                          \
      "an address that comes again in one upsert updates what the first made, or is an " \
      "error")                                                                           \
    X(RESUBSCRIBE, "resubscribe", "no|yes", 0,                                           \
      "whether an upsert that updates a contact takes its unsubscription back")          \
    X(WRONG_ADDRESS, "wrong_address", "member|refuse", 0,                                \
      "an address that is none is an error of that contact, or refuses the whole "       \
      "upsert")                                                                          \
    X(WRONG_TYPE, "wrong_type", "refuse|member", 0,                                      \
      "a value of a wrong type refuses the whole upsert, or is an error of that "        \
      "contact")                                                                         \
    X(ERROR_ROWS, "error_rows", "objects|texts", 0,                                      \
      "SendCloud's errors of an upsert are objects {email,message}, or texts")           \
    X(SKIP_NEW, "skip_new", "untagged|tagged", 0,                                        \
      "whether tag flag 2 leaves a contact without tags that the upsert makes")          \
    X(FIELDS_UPDATE, "fields_update", "merge|replace", 0,                                \
      "the fields that are sent are merged with those a contact has, by name, or "       \
      "replace them")                                                                    \
    X(FIELD_VALUES, "field_values", "texts|numbers", 0,                                  \
      "a number sent as the value of a field is kept as a text, or as a number")         \
    X(NULL_CLEARS, "null_clears", "yes|no", 0,                                           \
      "whether null clears phone, name and single fields, or counts as not sent")        \
    X(UPDATE_TAGS, "update_tags", "replace|append", 0,                                   \
      "what the tags of a single update do to the tags a contact has")                   \
    X(DUPLICATE_TAG, "duplicate_tag", "refuse|reuse", 0,                                 \
      "creating a tag whose name exists is refused, or answers the tag that is there")   \
    X(TAG_CASE, "tag_case", "exact|ignore", 0,                                           \
      "letter case of tag names (ASCII): two tags, or one")                              \
    X(TAG_SEARCH, "tag_search", "part|start", 0,                                         \
      "tags are searched by any part of their name, or by its beginning")                \
    X(SEARCH_CASE, "search_case", "ignore|exact", 0,                                     \
      "letter case (ASCII) when tags and segments are searched by name")                 \
    X(TAG_IN_USE, "tag_in_use", "free|refuse", 0,                                        \
      "whether a tag can be deleted that the condition of a segment names")              \
    X(TAG_RENAME, "tag_rename", "keep|follow", 0,                                        \
      "whether the conditions of segments follow when a tag is renamed")                 \
    X(DUPLICATE_SEGMENT, "duplicate_segment", "allow|refuse", 0,                         \
      "whether two segments may have one name")                                          \
    X(TAG_COUNT, "tag_count", "found|changed", 0,                                        \
      "what adding and removing a tag counts: contacts found, or contacts changed")      \
    X(UNKNOWN_MEMBER, "unknown_member", "ignore|refuse", 0,                              \
      "ids that are nobody's, among those to be tagged, untagged or removed from a "     \
      "segment: passed over, or the request is refused")                                 \
    X(EMPTY_CONDITION, "empty_condition", "all|refuse", 0,                               \
      "a batch delete without a condition deletes everybody, or is refused")             \
    X(SEGMENT_REMOVE, "segment_remove", "delete|detach", 0,                              \
      "removing members of a segment deletes the contacts, or only detaches them")       \
    X(SEGMENT_SEARCH, "segment_search", "part|exact", 0,                                 \
      "segments are searched by a part of their name, as tags are, or by all of it")     \
    X(SEGMENT_MS, "segment_ms", "number", 2000,                                          \
      "milliseconds of the clock that the evaluation of a segment takes")                \
    X(SEGMENT_IDS_MAX, "segment_ids_max", "number", 0,                                   \
      "most ids that removing members of a segment takes; 0 is no limit")                \
    X(SEGMENT_FOLLOW, "segment_follow", "no|yes", 0,                                     \
      "whether segments are evaluated again when contacts, tags or campaign events "     \
      "change")                                                                          \
    X(SEGMENT_STALE, "segment_stale", "keep|empty", 0,                                   \
      "while a segment is evaluated again it has its old members, or none")              \
    X(ORDER, "order", "newest|oldest", 0, "which record a list begins with")             \
    X(PAGE_RANGE, "page_range", "refuse|clamp", 0,                                       \
      "an offset or page size out of range is refused, or moved into the range")         \
    X(CONDITION_CHECK, "condition_check", "lenient|matrix", 0,                           \
      "whether an operator that makes no sense for a field's type is refused")           \
    X(FIELD_CASE, "field_case", "ignore|exact", 0,                                       \
      "letter case of field names in conditions")                                        \
    X(TEXT_CASE, "text_case", "ignore|exact", 0,                                         \
      "letter case of texts in conditions (ASCII)")                                      \
    X(ABSENT_IS_NOT, "absent_is_not", "yes|no", 0,                                       \
      "whether != and \"does not contain\" match a contact that lacks the field")        \
    X(CONDITION_TAG, "condition_tag", "empty|refuse", 0,                                 \
      "a condition on a tag that does not exist matches nobody, or is refused")          \
    X(CONDITION_DATES, "condition_dates", "day|midnight", 0,                             \
      "a date without a time in a condition on a time means that whole day, or its "     \
      "first second")                                                                    \
    X(ISO_DATES, "iso_dates", "yes|no", 0,                                               \
      "whether conditions on date fields take YYYY-MM-DD besides the format of the "     \
      "field")                                                                           \
    X(EXIST_VALUE, "exist_value", "asked|ignored", 0,                                    \
      "the value of exist asks for there (true, 1, nothing) or not there (false, "       \
      "0), or means nothing")                                                            \
    X(EMPTY_EXISTS, "empty_exists", "no|yes", 0, "whether an empty text exists")         \
    X(TEXT_ORDER, "text_order", "numbers|texts", 0,                                      \
      "texts that are both numbers are ordered as numbers, or as texts")                 \
    X(SEGMENT_BY, "segment_by", "both|id|name", 0,                                       \
      "what the field segment of a condition names a segment by")                        \
    X(NOTSENT, "notsent", "everybody|older", 0,                                          \
      "notsent is everybody a campaign was not sent to, or only who was a contact "      \
      "when its first mail was sent")                                                    \
    X(UNOPEN, "unopen", "sent|everybody", 0,                                             \
      "unopen and unclick are of those a campaign was sent to, or of everybody")         \
    X(ERROR_STATUS, "error_status", "same|200", 0,                                       \
      "HTTP status of SendCloud's errors: what their body says, or 200")                 \
    X(WRONG_METHOD, "wrong_method", "405|404", 0,                                        \
      "a path with another's method: 405 with Allow, or as an unknown path")             \
    X(NOT_FOUND_STATUS, "not_found_status", "200|404", 0,                                \
      "HTTP status of EngageLab's code 30036 (documented as 200 for the update of a "    \
      "member)")                                                                         \
    X(ERROR_CODES, "error_codes", "number", 39000,                                       \
      "EngageLab's codes of errors that no document names are this and the HTTP status") \
    X(ENGAGELAB_MORE, "engagelab_more", "yes|no", 0,                                     \
      "whether EngageLab's tags and segments are served, whose documents are missing")   \
    X(TRIM_IDS, "trim_ids", "no|yes", 0,                                                 \
      "whether white space around an id in the path is dropped")                         \
    X(NO_CONTENT, "no_content", "204|200", 0,                                            \
      "a delete answers 204 without a body, or 200 {}")                                  \
    X(EMPTY_TAGS, "empty_tags", "null|list", 0,                                          \
      "the tags of a SendCloud contact without any: null as in the samples, or []")      \
    X(LIST_KEY, "list_key", "result|list", 0,                                            \
      "EngageLab's lists are under result, as the samples say, or under list, as a "     \
      "table says")                                                                      \
    X(UPDATE_ANSWER, "update_answer", "count|object", 0,                                 \
      "EngageLab answers an update with a count, as the sample says, or with the "       \
      "contact, as the table says")                                                      \
    X(CREATE_DATE, "create_date", "no|yes", 0,                                           \
      "SendCloud's contacts say createDate and updateDate, as one sample does")          \
    X(NULL_LIST_ID, "null_list_id", "no|yes", 0,                                         \
      "SendCloud's answer to an update says listId null, as its sample does")            \
    X(USER_ID, "user_id", "number", 99229, "the account's userId")                       \
    X(LIST_ID, "list_id", "number", 63486, "the account's listId")                       \
    X(AUTH, "auth", "check|open", 0, "whether credentials are checked")

enum sc_switch {
#define SC_SWITCH_ID(id, name, choices, fallback, rule) SC_SW_##id,
    SC_SWITCHES(SC_SWITCH_ID)
#undef SC_SWITCH_ID
        SC_SW_COUNT
};
_Static_assert(SC_SW_COUNT <= 64, "a bit each in sc_box.assumed");

struct sc_box;

/* The value: index of the choice, or the number. get marks the running answer, peek does
 * not. */
long sc_switches_get(struct sc_box *box, enum sc_switch which);
long sc_switches_peek(const struct sc_box *box, enum sc_switch which);

#pragma GCC visibility pop

#endif
