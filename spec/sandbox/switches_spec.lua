-- Every switch is in the table of csrc/sandbox/README.md, with its choices; answers name those used.

local core = require "sendcloud.sandbox.core"
local rules = require "spec.sandbox.rules"
local tools = require "spec.sandbox.tools"

after_each(tools.stop_all)

local file = assert(io.open("csrc/sandbox/README.md"))
local readme = file:read("*a")
file:close()

describe("the table of rules", function()
  for _, switch in ipairs(core.switches()) do
    it("has " .. switch.name .. " as it is", function()
      local choices = readme:match("%f[`]`" .. switch.name .. "`: ([^|]*) |")
      assert(choices, "not in README.md")
      if switch.choices == "number" then
        assert.truthy(choices:find("^a number, %d+$"))
      else
        assert.equal("`" .. switch.choices:gsub("|", "`, `") .. "`", choices)
      end
    end)
  end

  it("has no switch that is none", function()
    local known = {}
    for _, switch in ipairs(core.switches()) do known[switch.name] = true end
    for name in readme:gmatch("| `([%w_]+)`: ") do assert(known[name], name) end
  end)
end)

describe("X-Sandbox-Assumed", function()
  it("names the switches an answer rests on, and is absent otherwise", function()
    local box = tools.start { seed = 42 }
    local _, _, headers = rules.sc(box, "POST", "members",
      { members = { { email = "a@example.com" } }, tagFlag = 1, updateExisting = true })
    assert.is_nil(headers["x-sandbox-assumed"])
    _, _, headers = rules.sc(box, "POST", "members",
      { members = { { email = "a@example.com", tags = { "t" }, fields = { New = "1" } } },
        tagFlag = 1, updateExisting = false })
    local found = {}
    for name in headers["x-sandbox-assumed"]:gmatch("[%w_]+") do found[name] = true end
    assert.same({ unknown_tag = true, untouched_tags = true, untouched_listed = true }, found)
    _, _, headers = rules.sc(box, "GET", "nothing")
    assert.is_nil(headers["x-sandbox-assumed"])
  end)

  it("names the codes of EngageLab that no document has", function()
    local box = tools.start { seed = 42 }
    local status, answer, headers = rules.el(box, "POST", "list_members?limit=0", {})
    assert.same({ 400, 39400 }, { status, answer.code })
    assert.truthy(headers["x-sandbox-assumed"]:find("error_codes", 1, true))
    box = tools.start { seed = 42, error_codes = 70000 }
    status, answer = rules.el(box, "POST", "list_members?limit=0", {})
    assert.same({ 400, 70400 }, { status, answer.code })
    status, answer, headers = rules.el(box, "PUT", "members/nobody", {})
    assert.same({ 200, 30036 }, { status, answer.code })
    assert.is_nil(headers["x-sandbox-assumed"])
  end)
end)
