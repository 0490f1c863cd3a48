-- A provider's words stay in its file: keys of its JSON, paths, hosts, values on the wire.

local tree = require "spec.house.tree"

-- Words that the interface fixes for other reasons. Each needs one.
local ALLOWED = {}

-- Everything a provider file spells for the wire, and every name it gives to Lua.
local function collect(node, wire, lua, seen)
  if type(node) ~= "table" or seen[node] then
    return
  end
  seen[node] = true
  for key, value in pairs(node) do
    if key == "wire" then
      for _, word in ipairs(type(value) == "table" and value or { value }) do
        wire[word] = true
      end
    elseif key == "path" or key == "base_url" or key == "fallback_path" then
      wire[value] = true
      for part in value:gmatch("[^/{}]+") do
        wire[part] = true
      end
    elseif key == "regions" then
      for _, url in pairs(value) do
        wire[url:match("//([^/]+)") or url] = true
      end
    elseif key == "values" or key == "where_values" or key == "campaign" then
      for name, word in pairs(type(value) == "table" and value or {}) do
        lua[name] = true
        if type(word) == "string" then
          wire[word] = "value"
        end
      end
    elseif key == "name" and type(value) == "string" then
      lua[value] = true
    end
    collect(value, wire, lua, seen)
  end
end

-- Plain English (`limit`, `result`, `open`) cannot be told from prose; anything else can.
local function distinctive(word, kind)
  if not word:find("%a%a") or word:find("%s") or word:find("^https?:$") then
    return false
  end
  return word:find("[%u_/.%-]") or kind == "value" and #word >= 6
end

local function provider_words()
  local wire, lua = {}, {}
  for _, path in ipairs(tree.find("lua/sendcloud/provider -name '*.lua'")) do
    collect(dofile(path), wire, lua, {})
  end
  local words = {}
  for word, kind in pairs(wire) do
    if distinctive(word, kind) and not lua[word] and not ALLOWED[word] then
      words[#words + 1] = word
    end
  end
  table.sort(words)
  return words
end

-- The word stands alone: no letter, digit or underscore on either side.
local function occurs(text, word)
  local from = 1
  while true do
    local first, last = text:find(word, from, true)
    if not first then
      return nil
    end
    if not text:sub(first - 1, first - 1):find("[%w_]") and not text:find("^[%w_]", last + 1) then
      return first
    end
    from = last + 1
  end
end

describe("a provider's words", function()
  local words = provider_words()

  it("are found in the provider files", function()
    local set = {}
    for _, word in ipairs(words) do
      set[word] = true
    end
    for _, word in ipairs {
      "tagName", "memberIds", "segmentName", "fieldName", "field_name", "campaignId",
      "delete-batch", "/marketing/lists/members", "unopen", "notsent", "createDate",
    } do
      assert(set[word], word .. " is not among the words collected")
    end
  end)

  local files = tree.find("lua csrc/core -name '*.lua' -o -path 'csrc/core/*.[ch]'")
  for _, path in ipairs(files) do
    if not path:find("^lua/sendcloud/provider/") then
      it("do not occur in " .. path, function()
        local text = tree.read(path)
        local found = {}
        for _, word in ipairs(words) do
          local position = occurs(text, word)
          if position then
            local _, newlines = text:sub(1, position):gsub("\n", "")
            found[#found + 1] = ("%s:%d: %s"):format(path, newlines + 1, word)
          end
        end
        assert.equal("", table.concat(found, "\n"))
      end)
    end
  end
end)
