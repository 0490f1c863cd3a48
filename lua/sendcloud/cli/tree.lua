--- The command tree: words, options and their help. What they do is in the files beside.

local version = require "sendcloud.version"

local tree = {}

local EPILOG = [[
SENDCLOUD_API_USER and SENDCLOUD_API_KEY hold the credentials, SENDCLOUD_PROVIDER and
SENDCLOUD_BASE_URL say where they belong.

Exit codes: 0 ok, 1 other, 2 usage or invalid, 3 auth, 4 not found, 5 network or server,
6 some rows refused.]]

local function whole(text)
  local number = tonumber(text)
  if not number or number % 1 ~= 0 then return nil, "a whole number is needed, got " .. text end
  return number
end

local function port(text)
  local number = whole(text)
  if not number or number < 0 or number > 65535 then
    return nil, "a port is a number from 0 to 65535, got " .. text
  end
  return number
end

local function positive(text)
  local number = tonumber(text)
  if not number or number <= 0 then return nil, "a number above 0 is needed, got " .. text end
  return number
end

local function names(text)
  local list = {}
  for name in text:gmatch("[^,]+") do list[#list + 1] = name end
  if #list == 0 then return nil, "names with commas between them are needed" end
  return list
end

local function shows_key()
  return nil, "a key given as an argument shows in `ps`: use SENDCLOUD_API_KEY or --api-key-file"
end

local function common(command)
  command:option("--provider", "sendcloud or engagelab"):argname "<name>"
  command:option("--region", "EngageLab's data centre: sg or tr"):argname "<name>"
  command:option("--api-user", "default: SENDCLOUD_API_USER"):argname "<user>"
  command:option("--api-key-file", "file that holds the key; default: SENDCLOUD_API_KEY")
    :argname "<file>"
  command:option("--api-key"):hidden(true):convert(shows_key)
  command:option("--base-url", "default: the provider's"):argname "<url>"
  command:option("--timeout", "for one attempt; default 30"):argname "<seconds>"
    :convert(positive)
  command:option("--rate", "requests a second at most"):argname "<n>":convert(positive)
  command:mutex(
    command:flag("--json", "one JSON document"),
    command:flag("--csv", "comma-separated values"))
  return command
end

local function where(command)
  command:option("--where", [[condition, e.g. 'Age >= 18 and tag == "vip"']])
    :argname "<condition>"
end

local function columns(command)
  command:option("--columns", "what to show, e.g. id,email,fields.Age"):argname "<a,b>"
    :convert(names)
end

local function listing(command)
  command:option("--offset", "records to leave out before the first one"):argname "<n>"
    :convert(whole)
  command:mutex(
    command:option("--limit", "records at most; default 100, 0 for all"):argname "<n>"
      :convert(whole),
    command:option("--count", "one page of so many, 1 to 100"):argname "<n>":convert(whole))
  columns(command)
end

local function id(command, what)
  command:argument("id", "id of the " .. what)
end

local function ids(command)
  command:argument("id", "one or more ids; - reads them from standard input"):args "+"
end

local function member_ids(command)
  command:argument("member", "ids of members; - reads them from standard input"):args "+"
end

local function bulk(command)
  command:option("--format", "default: by the name"):choices { "csv", "tsv", "jsonl" }
  command:option("--checkpoint", "file to go on from after a kill"):argname "<file>"
  command:option("--concurrency", "requests on their way; default 8"):argname "<n>"
    :convert(whole)
  command:option("--limit", "rows at most"):argname "<n>":convert(whole)
end

local function attributes(command)
  command:option("--name", "name"):argname "<text>"
  command:option("--phone", "phone number"):argname "<text>"
  command:option("--field", "a field; may be repeated"):argname "<name=value>":count "*"
  command:option("--tag", "a tag's name; may be repeated"):argname "<tag>":count "*"
end

local function mode(command)
  command:option("--tag-mode", "what becomes of tags that a member has; default append")
    :choices { "append", "replace", "keep" }
  command:mutex(
    command:flag("--update-existing", "change members that are there; the default"),
    command:flag("--no-update-existing", "leave them as they are")
      :target "update_existing":action "store_false")
end

local function members(group)
  local import = common(group:command("import", "put an address list in"))
  import:argument("source", "a file, or - for standard input")
  import:option("--map", "where a column (by name, or #2) goes: email, phone, name, tags, "
    .. "fields.X, or nowhere when empty"):argname "<column=target>":count "*"
  import:option("--add-tag", "give every member this tag; may be repeated"):argname "<tag>"
    :count "*"
  import:option("--rejects", "file for the refused rows"):argname "<file>"
  import:option("--batch", "members a request; default 1000"):argname "<n>":convert(whole)
  import:flag("--dry-run", "check everything, send nothing")
  mode(import)
  bulk(import)

  local export = common(group:command("export", "write members into a file"))
  export:argument("sink", "a file, or - for standard output")
  columns(export)
  export:option("--tag", "only members with the tag of this id"):argname "<id>"
  export:option("--segment", "only members of the segment of this id"):argname "<id>"
  export:flag("--spreadsheet", "cells that a spreadsheet would run do not")
  where(export)
  bulk(export)

  local list = common(group:command("list", "members that a condition matches"))
  where(list)
  listing(list)
  local get = common(group:command("get", "members by their ids"))
  ids(get)
  columns(get)
  local upsert = common(group:command("upsert", "insert or update a member"))
  upsert:argument("email", "address of the member")
  attributes(upsert)
  mode(upsert)
  local update = common(group:command("update", "change a member"))
  id(update, "member")
  attributes(update)
  ids(common(group:command("delete", "delete members by their ids")))
  local delete_where = common(group:command("delete-where", "delete what a condition matches"))
  delete_where:mutex(
    delete_where:option("--where", "condition"):argname "<condition>",
    delete_where:flag("--everyone", "every member there is"))
end

local function tags(group)
  for _, word in ipairs { { "create", "a new tag" }, { "ensure", "find a tag or create it" },
    { "find", "the tag of exactly this name" } } do
    common(group:command(word[1], word[2])):argument("name", "name of the tag")
  end
  local update = common(group:command("update", "rename a tag"))
  id(update, "tag")
  update:argument("name", "its new name")
  ids(common(group:command("delete", "delete tags, not their members")))
  local list = common(group:command("list", "tags"))
  list:option("--name", "part of the name"):argname "<text>"
  listing(list)
  for _, word in ipairs { { "add", "give a tag to members" },
    { "remove", "take a tag from members" } } do
    local command = common(group:command(word[1], word[2]))
    id(command, "tag")
    member_ids(command)
  end
  local with = common(group:command("members", "who has a tag"))
  id(with, "tag")
  listing(with)
end

local function segments(group)
  local create = common(group:command("create", "save a condition"))
  create:argument("name", "name of the segment")
  where(create)
  local update = common(group:command("update", "change a segment"))
  id(update, "segment")
  update:option("--name", "its new name"):argname "<name>"
  where(update)
  local get = common(group:command("get", "segments by their ids"))
  ids(get)
  columns(get)
  ids(common(group:command("delete", "delete segments, not their members")))
  id(common(group:command("progress", "how far its evaluation is")), "segment")
  local list = common(group:command("list", "segments"))
  list:option("--name", "part of the name"):argname "<text>"
  list:option("--type", "what its condition is about"):choices { "field", "campaign" }
  listing(list)
  local wait = common(group:command("wait", "until a segment is ready"))
  id(wait, "segment")
  wait:option("--for", "how long at most; default 300"):target "wait_for":argname "<seconds>"
    :convert(positive)
  local inside = common(group:command("members", "who is in a segment"))
  id(inside, "segment")
  where(inside)
  listing(inside)
  local remove = common(group:command("remove-members", "take members out"))
  id(remove, "segment")
  member_ids(remove)
end

local ROOMS = {
  { "members", members, "contacts: import, export, list, get, upsert, update, delete" },
  { "tags", tags, "labels on members" },
  { "segments", segments, "saved conditions" },
}

--- The parser of the whole command line.
---@param argparse function  the module argparse
---@return table parser
function tree.parser(argparse)
  local parser = argparse("sendcloud", "Contact lists of SendCloud and EngageLab.", EPILOG)
  parser:command_target "group"
  parser:flag("--version", "print the version"):action(function()
    print("sendcloud " .. version)
    os.exit(0)
  end)
  for _, room in ipairs(ROOMS) do
    room[2](parser:command(room[1], room[3]):command_target "command")
  end
  local call = common(parser:command("call", "any operation by its name, e.g. members.list"))
  call:argument("operation", "its name, as client:call takes it")
  call:argument("parameter", "a JSON object, name=text or name:=JSON; - reads the object from "
    .. "standard input"):args "*"
  columns(call)
  local sandbox = parser:command("sandbox", "run a local double of both services")
  sandbox:option("--port", "default 8025; 0 for one that is free"):argname "<n>":convert(port)
    :default "8025":show_default(false)
  sandbox:option("--path", "file that keeps its state; memory when left out")
    :argname "<file>"
  sandbox:option("--seed", "the same ids again; its clock then begins at 2026-01-01")
    :argname "<n>":convert(whole)
  -- For the help alone: init.lua runs it, since a script's options are its own.
  local run = parser:command("run", "run a Lua script with the library at hand")
  run:argument("script", "path of the script")
  run:argument("argument", "what the script gets as arg and ..."):args "*"
  return parser
end

return tree
