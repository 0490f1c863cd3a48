---@meta _
--- LuaCATS for what has no Lua source: the records and reports that come back, the
--- options of bulk work, and the C core. An editor reads this file, nothing requires it.
--- Records get their methods from the client they came from, so that theirs are described
--- here too.

-- Members ------------------------------------------------------------------------------

--- A contact. Documents: SendCloud members_do, EngageLab marketing/members (联系人详情).
---@class sendcloud.Member
---@field id string
---@field email? string
---@field phone? string
---@field name? string
---@field fields table<string, any>   values as the service keeps them, as a rule text
---@field tag_ids string[]
---@field tag_names string[]
---@field list_id? integer
---@field user_id? integer            SendCloud only
---@field create_time? string         UTC+8, as the service spells it: `sendcloud.time`
---  reads it
---@field update_time? string
---@field unsubscribe_time? string    only those who have unsubscribed have it
---@field create_time_fmt? string     in the account's time zone; SendCloud only
---@field update_time_fmt? string
---@field unsubscribe_time_fmt? string
local Member = {}

--- Changes the member, and takes over what the service answers.
---@param changes sendcloud.MemberChanges
---@return sendcloud.Member|nil member with EngageLab only its id: it answers a count
---@return sendcloud.Error? err
function Member:update(changes) end

--- Deletes the member.
---@return true|nil
---@return sendcloud.Error? err `not_found` where it is gone already
function Member:delete() end

--- Reads the member anew, in place.
---@return sendcloud.Member|nil member itself
---@return sendcloud.Error? err
function Member:refresh() end

--- What can be changed. `sendcloud.null` empties; what is left out stays.
---@class sendcloud.MemberChanges
---@field phone? string|lightuserdata
---@field name? string|lightuserdata
---@field fields? table<string, string|number|boolean|lightuserdata> numbers go out as
---  text
---@field tags? string[]  names; {} is no tags, nil leaves them alone

--- A member to be upserted.
---@class sendcloud.NewMember: sendcloud.MemberChanges
---@field email string

---@alias sendcloud.TagMode
---| "append"  # tags are added to those a member has (1)
---| "replace" # tags take the place of those it has: {} clears, nil keeps (0)
---| "keep"    # a member that is there keeps its tags, whatever is sent (2)

---@class sendcloud.UpsertOptions
---@field tag_mode? sendcloud.TagMode|0|1|2  default "append"
---@field update_existing? boolean  whether a member that is there gets the fields;
---  default true

--- What became of an upsert. A refused member does not make it an error.
---@class sendcloud.UpsertReport
---@field inserted { id: string, email: string }[]
---@field updated { id: string, email: string }[]
---@field errors { email: string?, message: string }[] no email where none was named
---@field inserted_count integer
---@field updated_count integer
---@field error_count integer

-- Tags ---------------------------------------------------------------------------------

--- A named label on members. Document: SendCloud tags_do (标签列表).
---@class sendcloud.Tag
---@field id string
---@field name string
---@field user_id? integer
---@field create_time? string  UTC+8: `sendcloud.time` reads it
---@field update_time? string
---@field count? integer       members that carry it; not there in what `create` gives
local Tag = {}

--- Renames the tag. Conditions hold the name: those of segments keep the old one.
---@param changes sendcloud.TagChanges
---@return sendcloud.Tag|nil tag itself
---@return sendcloud.Error? err
function Tag:update(changes) end

--- Deletes the tag.
---@return true|nil
---@return sendcloud.Error? err
function Tag:delete() end

--- Puts the tag on members.
---@param member_ids string[] any number, sent 1000 at a time
---@return integer|nil number as the service counts
---@return sendcloud.Error? err
function Tag:add(member_ids) end

--- Takes the tag off members.
---@param member_ids string[] any number, sent 1000 at a time
---@return integer|nil number as the service counts
---@return sendcloud.Error? err
function Tag:remove(member_ids) end

--- A page of the members that carry the tag.
---@param options? sendcloud.PageOptions
---@return sendcloud.MemberPage|nil
---@return sendcloud.Error? err
function Tag:members(options) end

--- Iterates over the members that carry the tag.
---@param options? sendcloud.EachOptions
---@return fun(): sendcloud.Member|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Tag:each_member(options) end

-- Segments -----------------------------------------------------------------------------

--- How far the service is with a segment. Document: SendCloud segments_do.
---@class sendcloud.SegmentProgress
---@field percent? integer
---@field complete boolean
---@field status_desc? string

--- A saved condition, evaluated by the service. Document: SendCloud segments_do (分组详情).
---@class sendcloud.Segment
---@field id string
---@field name? string
---@field user_id? integer
---@field list_id? integer
---@field status? "failed"|"updating"|"ready"
---@field create_time? string   UTC+8: `sendcloud.time` reads it
---@field update_time? string
---@field member_total? integer as of its last evaluation
---@field type? "field"|"campaign"
---@field relation? "and"|"or"
---@field conditions sendcloud.ConditionItem[]
---@field process? sendcloud.SegmentProgress
---@field where? sendcloud.Condition  the condition, ready to be sent back or joined
local Segment = {}

--- Replaces the condition, and the name where one is given.
---@param changes sendcloud.SegmentChanges
---@return sendcloud.Segment|nil segment itself
---@return sendcloud.Error? err
function Segment:update(changes) end

--- Deletes the segment, not its members.
---@return true|nil
---@return sendcloud.Error? err
function Segment:delete() end

--- Reads the segment anew, in place.
---@return sendcloud.Segment|nil segment itself
---@return sendcloud.Error? err
function Segment:refresh() end

--- Waits until the service has evaluated it.
---@param options? sendcloud.WaitOptions
---@return sendcloud.Segment|nil segment itself
---@return sendcloud.Error? err `rejected` where it failed, `timeout` where it takes too
---  long
function Segment:wait(options) end

--- A page of its members.
---@param options? sendcloud.MemberPageOptions
---@return sendcloud.MemberPage|nil
---@return sendcloud.Error? err
function Segment:members(options) end

--- Iterates over its members.
---@param options? sendcloud.EachMemberOptions
---@return fun(): sendcloud.Member|nil next raises the error object when a page fails
---@return sendcloud.Cursor cursor
function Segment:each_member(options) end

-- Pages --------------------------------------------------------------------------------

--- An array of records, and where it was cut out.
---@class sendcloud.Page
---@field total? integer  records there are in all
---@field offset integer  of the first record of this page, from 0
---@field count integer   page size that was asked for, 1 to 100

---@class sendcloud.MemberPage: sendcloud.Page
---@field [integer] sendcloud.Member
local MemberPage = {}

--- The page after this one.
---@return sendcloud.MemberPage|nil page nil at the end
---@return sendcloud.Error? err
function MemberPage:next() end

---@class sendcloud.TagPage: sendcloud.Page
---@field [integer] sendcloud.Tag
local TagPage = {}

--- The page after this one.
---@return sendcloud.TagPage|nil page nil at the end
---@return sendcloud.Error? err
function TagPage:next() end

---@class sendcloud.SegmentPage: sendcloud.Page
---@field [integer] sendcloud.Segment
local SegmentPage = {}

--- The page after this one.
---@return sendcloud.SegmentPage|nil page nil at the end
---@return sendcloud.Error? err
function SegmentPage:next() end

--- Where an iteration is.
---@class sendcloud.Cursor
---@field offset integer  rows consumed; `{ offset = n }` alone is a cursor too
---@field given integer   records given

-- Errors -------------------------------------------------------------------------------

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

--- What comes second where the first is nil. tostring() and .. make one line of it.
---@class sendcloud.Error
---@field kind sendcloud.ErrorKind
---@field message string       for a person; names the parameter and the limit it broke
---@field operation? string    "members.upsert"
---@field status? integer      HTTP status
---@field code? integer        the provider's own code
---@field parameter? string    the parameter that the service or the check named
---@field outcome? "not_sent"|"rejected"|"unknown" of a write: whether the service can
---  have acted
---@field attempts? integer    requests made
---@field retry_after? number  seconds the service asked to wait
---@field report? table        how far bulk work came before it had to stop

-- Options ------------------------------------------------------------------------------

---@class sendcloud.TagChanges
---@field name string 1 to 64 characters

---@class sendcloud.SegmentDefinition
---@field name string 1 to 48 characters, none of ^ ? + . * \ [ ] ( )
---@field where sendcloud.Condition
---@field reconcile? boolean where it cannot be told whether it was made, the name is
---  looked up

---@class sendcloud.SegmentChanges
---@field name? string
---@field where sendcloud.Condition required by the service: it replaces the whole
---  condition

---@class sendcloud.CreateOptions
---@field reconcile? boolean where it cannot be told whether it was made, the name is
---  looked up; default the client's
---@field deadline? number   seconds for all of it
---@field timeout? number    seconds for one attempt

---@class sendcloud.WaitOptions
---@field timeout? number seconds, default 300
---@field on_progress? fun(progress: sendcloud.SegmentProgress)

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
---@field prefetch? integer        pages fetched ahead at most; default the client's
---  concurrency

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

-- The C core: for who works on the library ---------------------------------------------

---@class sendcloud.core
---@field null lightuserdata  the `null` of lua-cjson
local core = {}

---@class sendcloud.Buffer: userdata  bytes that grow; #buffer, tostring(buffer), buffer:free()
local Buffer = {}
function Buffer:clear() end

---@param max? integer bytes it may grow to
---@return sendcloud.Buffer
function core.buffer(max) end

--- Monotonic seconds.
---@return number
function core.now() end

--- Seconds since 1970.
---@return number
function core.time() end

---@return integer
function core.pid() end

---@param text string
---@return integer|nil code_points nil where it is not UTF-8
---@return integer? position of the first bad byte
function core.utf8_length(text) end

---@param text string
---@return string encoded for a path segment or a query component
function core.encode_path(text) end

---@class sendcloud.Shape: userdata
local Shape = {}

--- Compiles a node (csrc/core/shape.h). Raises on one that is malformed.
---@param node table
---@return sendcloud.Shape
function core.shape(node) end

---@param value any
---@param buffer? sendcloud.Buffer
---@return string|sendcloud.Buffer|nil json
---@return string? path    "members[17].email", "" for the root
---@return string? reason  never holds what was in the value
---@return string? code
function Shape:write(value, buffer) end

---@param value table
---@return string|nil query "" where there is nothing to say
---@return string? path
---@return string? reason
function Shape:write_query(value) end

---@param bytes string|sendcloud.Buffer
---@param marks? table<string, table>  mark of a record → its metatable
---@param options? { raw: boolean? }   raw: unknown keys are kept under `raw`
---@return any value nil where it is not what the shape says
---@return string? path
---@return string? reason
function Shape:read(bytes, marks, options) end

---@class sendcloud.Credential: userdata
local Credential = {}

---@param scheme "Bearer"|"Basic"
---@param user string
---@param key string
---@return sendcloud.Credential
function core.credential(scheme, user, key) end

---@return string header value of Authorization
function Credential:header() end
---@return string|nil key nil when closed
---@return string? token of the header
---@return string? user
function Credential:secrets() end
function Credential:close() end

---@class sendcloud.HttpFailure
---@field kind "network"|"timeout"|"tls"|"cancelled"|"protocol"|"config"
---@field message string
---@field outcome "not_sent"|"unknown"
---@field place string  "dns", "connect", "tls", "send", "receive" …

---@class sendcloud.HttpResponse
---@field status integer
---@field headers table<string, string>  names in lower case
---@field body? string|sendcloud.Buffer

---@class sendcloud.Preset: userdata
local Preset = {}

---@param common table { method, headers, credential, connect_timeout, ca_file, proxy, … }
---@return sendcloud.Preset|nil preset nil where something in it cannot be sent
---@return sendcloud.HttpFailure?
function core.preset(common) end
function Preset:close() end

---@class sendcloud.Engine: userdata
local Engine = {}

---@class sendcloud.Transfer: userdata
local Transfer = {}

---@param options? { max_connections: integer? }
---@return sendcloud.Engine
function core.http(options) end

---@param request table { method, url, headers, credential, body, timeout, … } or { preset, url, … }
---@param tag? integer what `finished` says when it is done, at least 1
---@return sendcloud.Transfer|nil
---@return sendcloud.HttpFailure?
function Engine:add(request, tag) end

---@return integer|nil tag of a transfer that is done and was not told yet
function Engine:finished() end

---@param seconds number to wait at most
---@return integer finished transfers since the last step
function Engine:step(seconds) end

---@return integer transfers in flight
function Engine:count() end
function Engine:close() end

---@return boolean
function Transfer:done() end

---@return sendcloud.HttpResponse|nil
---@return sendcloud.HttpFailure?
function Transfer:result() end
function Transfer:cancel() end

---@class sendcloud.JournalFile: userdata
local JournalFile = {}

--- A journal's file, begun, that nobody else writes (csrc/core/journal.h).
---@param folder string
---@param name string
---@return sendcloud.JournalFile|nil
---@return string? reason
---@return "full"|nil word
function core.journal_writer(folder, name) end

---@param bytes string  1 byte to 1 MiB
---@param stamp integer below 2^53
---@param sync? boolean it lasts before this returns
---@return integer|nil size of the file
---@return string? reason
---@return "full"|nil word
function JournalFile:append(bytes, stamp, sync) end
function JournalFile:sync() end
function JournalFile:close() end

---@class sendcloud.JournalReader: userdata
local JournalReader = {}

---@param path string
---@param offset integer 0, or where an entry ended
---@return sendcloud.JournalReader|nil
---@return string? reason
---@return "foreign"|nil word
function core.journal_reader(path, offset) end

---@return string|nil bytes nil where there is no whole entry now
---@return integer|string|nil stamp or what went wrong
---@return integer? offset behind the entry
function JournalReader:next() end

---@return boolean sealed nobody writes it any more
function JournalReader:is_sealed() end
function JournalReader:close() end
