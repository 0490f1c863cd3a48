-- Every example runs, on its own, and prints what it promises.

local tree = require "spec.house.tree"

local LUA = os.getenv("SENDCLOUD_LUA") or "lua5.4"

local EXPECTED = {
  ["newsletter.lua"] = { "2000 rows", "inserted%s+1980%s", "refused%s+12%s", "not UTF%-8",
    "Tag \"autumn_letter\": added to 585 members", "of 585 members with the tag",
    "1980 members in all" },
  ["hello.lua"] = { "inserted 1", "li%.lei@example%.com%s+李磊%s+31" },
  ["errors.lua"] = { "members%[2%]%.email", "kind=invalid", "kind=not_found",
    "outcome=unknown", "kind=rate_limited", "retry_after=1" },
  ["side_by_side.lua"] = { "100 found, 1 failed", "task 101: " },
  ["export.lua"] = { "%d+ members, %d+ requests", "上海" },
}

local function run(path)
  local pipe = assert(io.popen("env -u SENDCLOUD_API_USER -u SENDCLOUD_API_KEY "
    .. "-u SENDCLOUD_PROVIDER -u SENDCLOUD_BASE_URL " .. LUA .. " " .. path
    .. " 2>&1 </dev/null; echo \"exit=$?\""))
  local output = pipe:read("*a")
  pipe:close()
  return output:match("^(.*)exit=(%d+)\n$")
end

describe("example", function()
  for _, path in ipairs(tree.find("examples -maxdepth 1 -name '*.lua'")) do
    local name = path:match("[^/]*$")
    it(name, function()
      local output, code = run(path)
      assert.equal("0", code, output)
      for _, pattern in ipairs(assert(EXPECTED[name], "say what it prints")) do
        assert(output:find(pattern), pattern .. " is not in:\n" .. output)
      end
    end)
  end

  it("list: the README names each", function()
    local readme = tree.read("examples/README.md")
    for _, path in ipairs(tree.find("examples -maxdepth 1 -type f ! -name README.md")) do
      local name = path:match("[^/]*$")
      assert(readme:find("](" .. name .. ")", 1, true), name)
    end
  end)
end)
