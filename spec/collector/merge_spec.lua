-- lua/sendcloud/collector/merge.lua: one upsert of the merged contact leaves what two of the parts
-- after each other leave, by the sandbox's reading of the documents.

local core = require "sendcloud.core"
local merge = require "sendcloud.collector.merge"
local sandbox = require "sendcloud.sandbox"

local EMAIL = "li@example.com"

-- What the service holds after upserts of these contacts.
local function outcome(contacts, options)
  local box = sandbox.start { seed = 1 }
  local client = box:client { transport = "sandbox" }
  for _, contact in ipairs(contacts) do assert(client.members:upsert({ contact }, options)) end
  local member = client.members:list()[1]
  table.sort(member.tag_names)
  local kept = { email = member.email, name = member.name, phone = member.phone, fields = member.fields,
    tags = member.tag_names }
  client:close()
  box:stop()
  return kept
end

local PAIRS = {
  { { name = "a", fields = { x = 1, y = 2 }, tags = { "p" } }, { phone = "1", fields = { y = 3, z = 4 }, tags = { "q" } } },
  { { name = "a", tags = { "p", "q" } }, { name = "b" } },
  { { name = "a", phone = "1" }, { name = core.null, fields = { x = "1" } } },
  { { fields = { x = "1" } }, { fields = { x = core.null } } },
  { { tags = { "p" } }, { tags = { "p", "p", "r" } } },
  { { name = "a" }, { tags = { "q" } } },
}

describe("merged contacts", function()
  for _, mode in ipairs { "append", "replace", "keep" } do
    for _, updating in ipairs { true, false } do
      it(("leave what both leave: %s, update_existing = %s"):format(mode, tostring(updating)), function()
        local options = { tag_mode = mode, update_existing = updating }
        for index, pair in ipairs(PAIRS) do
          pair[1].email, pair[2].email = EMAIL, EMAIL
          local merged = merge.contacts(pair[1], pair[2], options)
          assert.same(outcome(pair, options), outcome({ merged }, options), "pair " .. index)
        end
      end)
    end
  end

  it("leave the parts as they were", function()
    local one, two = { email = EMAIL, fields = { x = 1 }, tags = { "p" } }, { email = EMAIL, fields = { y = 1 }, tags = {} }
    merge.contacts(one, two, { tag_mode = "append", update_existing = true })
    assert.same({ email = EMAIL, fields = { x = 1 }, tags = { "p" } }, one)
    assert.same({ email = EMAIL, fields = { y = 1 }, tags = {} }, two)
  end)
end)
