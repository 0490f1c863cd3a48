---@meta

-- LuaCATS for what has no Lua source: the records that come back, and the options that go in.
-- An editor reads this file; Lua never does.

---@alias sendcloud.ErrorKind
---| "config"       # the client cannot be made from these options
---| "invalid"      # found before anything was sent
---| "auth"         # the service does not know these credentials
---| "not_found"    # what the id names is not there
---| "conflict"     # it exists already
---| "rate_limited" # the service asked to slow down, and went on asking
---| "rejected"     # the service read the request and refused it
---| "server"       # the service failed
---| "timeout"      # no answer in time
---| "network"      # name, connection or transfer failed
---| "tls"          # the certificate or the handshake was refused
---| "protocol"     # the answer is not what the operation promises
---| "cancelled"    # the client was closed, or the task cancelled, meanwhile
---| "unsupported"  # this provider, or this place in nginx, cannot do it
---| "closed"       # the client had been closed before

---@class sendcloud.Member
---@field id string
---@field email string?
---@field phone string?
---@field name string?
---@field fields table<string, any>   values as the service keeps them: text
---@field tag_ids string[]
---@field tag_names string[]
---@field list_id integer?
---@field user_id integer?            SendCloud only
---@field create_time string?         UTC+8; `sendcloud.time` reads it
---@field update_time string?
---@field unsubscribe_time string?
---@field create_time_fmt string?     in the time zone of the account; SendCloud only
---@field update_time_fmt string?
---@field unsubscribe_time_fmt string?
---@field update fun(self, changes: sendcloud.MemberChanges): sendcloud.Member?, sendcloud.Error?
---@field delete fun(self): true|nil, sendcloud.Error?
---@field refresh fun(self): sendcloud.Member|nil, sendcloud.Error?

---@class sendcloud.MemberChanges
---@field phone? string|lightuserdata
---@field name? string|lightuserdata
---@field fields? table<string, string|number|boolean>
---@field tags? string[] names of tags

---@class sendcloud.NewMember: sendcloud.MemberChanges
---@field email string

---@class sendcloud.UpsertReport
---@field inserted { id: string, email: string }[]
---@field updated { id: string, email: string }[]
---@field errors { email: string, message: string }[]
---@field inserted_count integer
---@field updated_count integer
---@field error_count integer

---@class sendcloud.Tag
---@field id string
---@field name string
---@field user_id integer?
---@field create_time string?  UTC+8; `sendcloud.time` reads it
---@field update_time string?
---@field count integer?       members that carry it
---@field update fun(self, changes: { name: string }): sendcloud.Tag|nil, sendcloud.Error?
---@field delete fun(self): true|nil, sendcloud.Error?
---@field add fun(self, member_ids: string[]): integer|nil, sendcloud.Error?
---@field remove fun(self, member_ids: string[]): integer|nil, sendcloud.Error?
---@field members fun(self, options: table?): sendcloud.Page|nil, sendcloud.Error?
---@field each_member fun(self, options: table?): fun(): sendcloud.Member|nil

---@class sendcloud.Segment
---@field id string
---@field name string?
---@field user_id integer?
---@field list_id integer?
---@field status? "failed"|"updating"|"ready"
---@field create_time string?   UTC+8; `sendcloud.time` reads it
---@field update_time string?
---@field member_total integer?
---@field type? "field"|"campaign"
---@field relation? "and"|"or"
---@field conditions sendcloud.ConditionItem[]
---@field process? sendcloud.Progress
---@field where sendcloud.Condition? the condition, ready to be sent back
---@field update fun(self, changes: table): sendcloud.Segment|nil, sendcloud.Error?
---@field delete fun(self): true|nil, sendcloud.Error?
---@field refresh fun(self): sendcloud.Segment|nil, sendcloud.Error?
---@field wait fun(self, options: table?): sendcloud.Segment|nil, sendcloud.Error?
---@field members fun(self, options: table?): sendcloud.Page|nil, sendcloud.Error?
---@field each_member fun(self, options: table?): fun(): sendcloud.Member|nil

---@class sendcloud.Page
---@field total integer?  records there are in all
---@field offset integer  of the first record of this page
---@field count integer   page size that was asked for
---@field next fun(self: sendcloud.Page): sendcloud.Page|nil, sendcloud.Error?

---@class sendcloud.Cursor
---@field offset integer  rows consumed; `{ offset = n }` alone is a cursor too
---@field given integer   records given

---@class sendcloud.Error
---@field kind sendcloud.ErrorKind
---@field message string      for a person; names the parameter and the limit it broke
---@field operation string?   "members.upsert"
---@field status integer?     HTTP status
---@field code integer?       the provider's own code
---@field parameter string?   the parameter that the service or the check named
---@field outcome? "not_sent"|"rejected"|"unknown" of a write: can the service have acted
---@field attempts integer?   requests made
---@field retry_after number? seconds the service asked to wait
---@field report table?       how far bulk work came before it had to stop

---@class sendcloud.Progress
---@field percent integer?
---@field complete boolean
---@field status_desc string?

-- Options ---------------------------------------------------------------------------------

---@class sendcloud.UpsertOptions
---@field tag_mode? "append"|"replace"|"keep" default "append". "replace": `tags = {}` clears a
---  member's tags, no tags at all keeps them
---@field update_existing? boolean whether a member that is there is changed; default true

---@class sendcloud.TagChanges
---@field name string 1 to 64 characters

---@class sendcloud.SegmentDefinition
---@field name string 1 to 48 characters, none of ^ ? + . * \ [ ] ( )
---@field where sendcloud.Condition
---@field reconcile? boolean when it cannot be told whether it was made, look the name up first

---@class sendcloud.SegmentChanges
---@field name? string
---@field where sendcloud.Condition required by the service: it replaces the whole condition

---@class sendcloud.CreateOptions
---@field reconcile? boolean when it cannot be told whether it was made, look the name up first

---@class sendcloud.WaitOptions
---@field timeout? number seconds, default 300
---@field on_progress? fun(progress: sendcloud.Progress)

---@class sendcloud.PageOptions
---@field offset? integer from 0
---@field count? integer  1 to 100, default 10

---@class sendcloud.MemberPageOptions: sendcloud.PageOptions
---@field where? sendcloud.Condition

---@class sendcloud.TagPageOptions: sendcloud.PageOptions
---@field name? string a part of the name

---@class sendcloud.SegmentPageOptions: sendcloud.PageOptions
---@field name? string a part of the name
---@field type? "field"|"campaign"

---@class sendcloud.EachOptions
---@field page_size? integer       1 to 100, default 100
---@field limit? integer           records
---@field offset? integer
---@field cursor? sendcloud.Cursor where to go on
---@field prefetch? integer        pages fetched ahead at most; default the client's concurrency

---@class sendcloud.EachMemberOptions: sendcloud.EachOptions
---@field where? sendcloud.Condition

---@class sendcloud.EachTagOptions: sendcloud.EachOptions
---@field name? string

---@class sendcloud.EachSegmentOptions: sendcloud.EachOptions
---@field name? string
---@field type? "field"|"campaign"

---@class sendcloud.RequestOptions
---@field method? string            default "GET"
---@field path string               begins with /
---@field query? table<string, string|number|boolean>
---@field body? table|string        a table goes out as JSON, a text as it is
---@field class? sendcloud.Class    how safe a repeat is; by the method when nil
---@field deadline? number          seconds
---@field timeout? number           seconds, for one attempt

---@class sendcloud.ParallelOptions
---@field concurrency? integer default the client's
