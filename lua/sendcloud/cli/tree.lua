--- The command tree: words, options and their help. What they do is in commands.lua.

local version = require "sendcloud.version"

local tree = {}

local function whole(text)
  local number = tonumber(text)
  if not number or number % 1 ~= 0 then return nil, "a whole number is needed, got " .. text end
  return number
end

local function seconds(text)
  local number = tonumber(text)
  if not number then return nil, "a number of seconds is needed, got " .. text end
  return number
end

local function shows_key()
  return nil, "a key given as an argument shows in `ps`: use SENDCLOUD_API_KEY or --api-key-file"
end

local function common(command)
  command:option("--provider", "sendcloud or engagelab"):argname "<name>"
  command:option("--api-user", "default: SENDCLOUD_API_USER"):argname "<user>"
  command:option("--api-key-file", "file that holds the key; default: SENDCLOUD_API_KEY")
    :argname "<file>"
  command:option("--api-key"):hidden(true):convert(shows_key)
  command:option("--base-url", "default: the provider's"):argname "<url>"
  command:option("--timeout", "seconds for one attempt"):argname "<s>":convert(seconds)
  command:mutex(
    command:flag("--json", "one JSON document"),
    command:flag("--csv", "comma-separated values"))
  return command
end

local function where(command)
  command:option("--where", [[condition, e.g. 'Age >= 18 and tag == "vip"']])
    :argname "<condition>"
end

local function paged(command)
  command:option("--limit", "records at most; default 100, 0 for all"):argname "<n>"
    :convert(whole):default "100"
end

local function bulk(command)
  command:option("--format", "csv, tsv or jsonl; by the name when left out")
    :choices { "csv", "tsv", "jsonl" }
  command:option("--checkpoint", "go on from this file after a kill"):argname "<file>"
  command:option("--concurrency", "requests in flight"):argname "<n>":convert(whole)
  command:option("--limit", "rows at most"):argname "<n>":convert(whole)
end

local function attributes(command)
  command:option("--name"):argname "<name>"
  command:option("--phone"):argname "<phone>"
  command:option("--field", "a field, may be repeated"):argname "<name=value>":count "*"
  command:option("--tag", "a tag's name, may be repeated"):argname "<tag>":count "*"
end

local function mode(command)
  command:option("--tag-mode"):choices { "append", "replace", "keep" }:default "append"
end

local function members(group)
  local import = common(group:command("import", "put an address list in"))
  import:argument("source", "a file, or - for standard input")
  import:option("--map", "where a column goes: email, phone, name, tags or fields.X")
    :argname "<column=target>":count "*"
  import:option("--add-tag", "give every member this tag"):argname "<tag>":count "*"
  import:option("--rejects", "file for the refused rows"):argname "<file>"
  import:option("--batch", "members a request"):argname "<n>":convert(whole)
  import:flag("--dry-run", "check everything, send nothing")
  mode(import)
  bulk(import)

  local export = common(group:command("export", "write members into a file"))
  export:argument("sink", "a file, or - for standard output")
  export:option("--columns", "comma-separated"):argname "<a,b>"
  export:option("--tag", "only members with the tag of this id"):argname "<id>"
  export:option("--segment", "only members of the segment of this id"):argname "<id>"
  export:flag("--spreadsheet", "cells that a spreadsheet would run do not")
  where(export)
  bulk(export)

  local list = common(group:command("list", "members that a condition matches"))
  where(list)
  paged(list)
  common(group:command("get", "one member")):argument "id"
  local upsert = common(group:command("upsert", "insert or update a member"))
  upsert:argument "email"
  attributes(upsert)
  mode(upsert)
  local update = common(group:command("update", "change a member"))
  update:argument "id"
  attributes(update)
  common(group:command("delete", "delete a member")):argument "id"
  local delete_where = common(group:command("delete-where", "delete what a condition matches"))
  delete_where:mutex(
    delete_where:option("--where", "condition"):argname "<condition>",
    delete_where:flag("--everyone", "every member there is"))
end

local function tags(group)
  common(group:command("create", "a new tag")):argument "name"
  local update = common(group:command("update", "rename a tag"))
  update:argument "id"
  update:argument "name"
  common(group:command("delete", "delete a tag, not its members")):argument "id"
  common(group:command("find", "the tag of exactly this name")):argument "name"
  local list = common(group:command("list", "tags"))
  list:option("--name", "part of the name"):argname "<text>"
  paged(list)
  for _, word in ipairs { "add", "remove" } do
    local command = common(group:command(word, word .. " a tag of members"))
    command:argument "id"
    command:argument("member", "ids; - reads them from standard input"):args "+"
  end
  local with = common(group:command("members", "who has a tag"))
  with:argument "id"
  paged(with)
end

local function segments(group)
  local create = common(group:command("create", "save a condition"))
  create:argument "name"
  where(create)
  local update = common(group:command("update", "change a segment"))
  update:argument "id"
  update:option("--name"):argname "<name>"
  where(update)
  for word, help in pairs { get = "one segment", delete = "delete a segment, not its members",
    progress = "how far its evaluation is" } do
    common(group:command(word, help)):argument "id"
  end
  local list = common(group:command("list", "segments"))
  list:option("--name", "part of the name"):argname "<text>"
  list:option("--type"):choices { "field", "campaign" }
  paged(list)
  local wait = common(group:command("wait", "until a segment is ready"))
  wait:argument "id"
  wait:option("--for", "seconds at most"):target "wait_for":argname "<s>":convert(seconds)
  local inside = common(group:command("members", "who is in a segment"))
  inside:argument "id"
  where(inside)
  paged(inside)
  local remove = common(group:command("remove-members", "take members out"))
  remove:argument "id"
  remove:argument("member", "ids; - reads them from standard input"):args "+"
end

--- The parser of the whole command line.
---@param argparse function  the module argparse
---@return table parser
function tree.parser(argparse)
  local parser = argparse("sendcloud", "Contact lists of SendCloud and EngageLab.")
  parser:command_target "group"
  parser:flag("--version", "print the version"):action(function()
    print("sendcloud " .. version)
    os.exit(0)
  end)
  local rooms = {
    members = { members, "contacts: import, export, list, get, upsert, update, delete" },
    tags = { tags, "labels on members" },
    segments = { segments, "saved conditions" },
  }
  for _, word in ipairs { "members", "tags", "segments" } do
    local group = parser:command(word, rooms[word][2]):command_target "command"
    rooms[word][1](group)
  end
  local sandbox = parser:command("sandbox", "run a local double of both services")
  sandbox:option("--port"):argname "<n>":convert(whole):default "8025"
  sandbox:option("--path", "file that keeps its state; memory when left out")
    :argname "<file>"
  -- For the help alone: init.lua runs it, since a script's options are its own.
  local run = parser:command("run", "run a Lua script with the library at hand")
  run:argument "script"
  run:argument("argument"):args "*"
  return parser
end

return tree
