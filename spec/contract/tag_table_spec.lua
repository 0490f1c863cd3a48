-- The documents' table of tag modes, row by row, through the client against the sandbox.

local sandbox = require "sendcloud.sandbox"
local sendcloud = require "sendcloud"

-- As members_do and marketing/members print it: mode, tags before, tags sent, tags after.
local TABLE = [[
0 [1,2,3] [] []
0 [1,2,3] null,未传 [1,2,3]
0 [1,2,3] [3,4,5] [3,4,5]
1 [1,2,3] [] [1,2,3]
1 [1,2,3] null,未传 [1,2,3]
1 [1,2,3] [3,4,5] [1,2,3,4,5]
2 [1,2,3] [] [1,2,3]
2 [1,2,3] null,未传 [1,2,3]
2 [1,2,3] [3,4,5] [1,2,3]
2 [] [3,4,5] []
]]
local MODES = { [0] = "replace", "append", "keep" }

local function list(text)
  local names = {}
  for digit in text:gmatch "%d" do names[#names + 1] = "tag_" .. digit end
  return names
end

-- What a cell can mean: a list, or for "null,未传" null and nothing at all.
local function meanings(cell)
  if cell:find "null" then return { sendcloud.null, false } end
  return { list(cell) }
end

local function upsert(client, tags, mode)
  local report = assert(client.members:upsert({ { email = "a@example.com", tags = tags or nil } },
    { tag_mode = mode }))
  local written = report.inserted[1] or report.updated[1]
  return assert(written and written.id, "the member was not written")
end

for _, transport in ipairs { "http", "sandbox" } do
  for _, provider in ipairs { "sendcloud", "engagelab" } do
    describe("the table of tags, " .. provider .. " over " .. transport, function()
      local box, client
      setup(function()
        box = assert(sandbox.start { port = 0, seed = 1 })
        client = assert(box:client {
          provider = provider, transport = transport == "sandbox" and transport or nil,
        })
      end)
      teardown(function()
        client:close()
        box:stop()
      end)
      before_each(function() box:reset() end)

      for mode, before, sent, after in TABLE:gmatch "(%d) (%S+) (%S+) (%S+)\n" do
        for _, tags in ipairs(meanings(sent)) do
          for _, spelling in ipairs { tonumber(mode), MODES[tonumber(mode)] } do
            it(("%s: %s and %s make %s"):format(spelling, before,
              type(tags) == "table" and sent or tostring(tags or nil), after), function()
              upsert(client, list(before), "replace")
              local id = upsert(client, tags, spelling)
              local member = assert(client.members:get(id))
              assert.same(list(after), member.tag_names)
              assert.equal(#member.tag_names, #member.tag_ids)
            end)
          end
        end
      end
    end)
  end
end
