--- What the contract specs share: the documents' examples as requests, and a transport that
-- answers from a script. Load it with dofile, from the root of the checkout.

local support = {}

--- The examples of one document.
---@param name string "sendcloud_tags"
---@return table<string, { curl: string, status: integer, answer: string, error: string,
---  error_status: integer? }> examples by operation
function support.documents(name)
  local file = assert(io.open("spec/contract/documents/" .. name .. ".txt"))
  local text = file:read "*a"
  file:close()
  local examples, at = {}, text:find("\n=== ", 1, true)
  while at do
    local after = text:find("\n=== ", at + 1, true)
    local operation, curl, status, answer, error_status, error_body = text:sub(at, after)
      :match "^\n=== (%S+)\n(.-)\n%-%-%- answer (%d+)\n(.-)\n%-%-%- error ?(%d*)\n(.-)%s*$"
    examples[operation] = {
      curl = curl, status = tonumber(status), answer = answer,
      error = error_body, error_status = tonumber(error_status),
    }
    at = after
  end
  return examples
end

-- JSON text, key order and spelling kept -----------------------------------------------

-- Objects become lists of { key text, value }, everything else stays the text it was.
local function read(text, at)
  at = text:match("^%s*()", at)
  local first = text:sub(at, at)
  if first == "{" or first == "[" then
    local node, close = { kind = first }, first == "{" and "}" or "]"
    at = text:match("^%s*()", at + 1)
    while text:sub(at, at) ~= close do
      local key, value
      if first == "{" then
        key, at = read(text, at)
        at = assert(text:match("^%s*:()", at), "a colon is missing")
      end
      value, at = read(text, at)
      node[#node + 1] = { key = key, value = value }
      at = text:match("^%s*,?%s*()", at)
      assert(at <= #text, "the text ends too early")
    end
    return node, at + 1
  end
  if first == '"' then
    local stop = at + 1
    while text:sub(stop, stop) ~= '"' do
      stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
      assert(stop <= #text, "a string does not end")
    end
    return text:sub(at, stop), stop + 1
  end
  local word, stop = text:match("^([%w%.%+%-]+)()", at)
  return assert(word, "not JSON: " .. text:sub(at, at + 20)), stop
end

local function write(node, key, sort_fields)
  if type(node) == "string" then return node end
  local parts = {}
  for index, entry in ipairs(node) do
    local value = write(entry.value, entry.key, sort_fields)
    parts[index] = entry.key and entry.key .. ":" .. value or value
  end
  if sort_fields and key == '"fields"' then table.sort(parts) end
  local open, close = "{", "}"
  if node.kind == "[" then open, close = "[", "]" end
  return open .. table.concat(parts, ",") .. close
end

--- JSON without white space, in the order it had. A Lua table has no order, so the keys of
-- `fields` can be put into that of the alphabet.
---@param text string
---@param sort_fields boolean?
function support.compact(text, sort_fields)
  local node, at = read(text, 1)
  assert(text:find("^%s*$", at), "more than one JSON value")
  return write(node, nil, sort_fields)
end

-- curl -----------------------------------------------------------------------------------

local function percent(text)
  return (text:gsub("[\128-\255]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- The request a curl command sends, the documents' slips mended: spaces inside a URL are
-- taken out, other scripts are percent-encoded.
---@param command string
---@return table { method =, url =, headers = { lower-case name = value }, body = }
function support.curl(command)
  local request = { method = command:match("%-X (%u+)"), headers = {} }
  for name, value in command:gmatch("%-H '([%w%-]+):%s*([^']*)'") do
    request.headers[name:lower()] = value
  end
  local rest = command:match("%-i%s+(https://.*)$")
  local url, data = rest:match("^(.-)%s%-%-data '(.*)'%s*$")
  request.url = percent(((url or rest):gsub("%s", "")))
  request.body = data
  return request
end

-- A transport that answers from a script -------------------------------------------------

--- A client whose requests go nowhere.
---@param provider "sendcloud"|"engagelab"
---@param answers table|fun(request: table): table? one response, or a function that makes it
---@param options table? more options of sendcloud.new
---@return table client, table[] requests what was sent
function support.client(provider, answers, options)
  local sendcloud = require "sendcloud"
  local requests = {}
  local all = {
    provider = provider, api_user = "api_user", api_key = "api_key", retry = false,
    transport = function(request)
      requests[#requests + 1] = request
      if type(answers) == "function" then return answers(request) end
      return answers
    end,
  }
  for key, value in pairs(options or {}) do all[key] = value end
  return assert(sendcloud.new(all)), requests
end

--- A JSON response.
function support.json(status, body)
  return {
    status = status, body = body,
    headers = { ["content-type"] = "application/json; charset=utf-8" },
  }
end

return support
