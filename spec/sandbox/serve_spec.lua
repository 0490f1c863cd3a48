-- A sandbox on its own: what it prints, how it ends, what it leaves.

local tools = require "spec.sandbox.tools"

local LIST = "/marketing/lists/listMembers"

-- Starts one in another process; gives what it printed, its process id and how to wait for it.
local function serve(options)
  local script = os.tmpname()
  tools.write(script, ('require("sendcloud.sandbox").serve { port = 0, %s }\nprint("ended")\n'):format(options))
  local pipe = io.popen(("echo $$; exec %s %s 2>&1"):format(tools.lua(), script))
  local pid = pipe:read("*l")
  local printed = {}
  repeat
    local line = pipe:read("*l")
    printed[#printed + 1] = line
  until not line or line:match("^export SENDCLOUD_PROVIDER")
  return {
    pid = pid, text = table.concat(printed, "\n"),
    wait = function()
      local rest = pipe:read("*a")
      pipe:close()
      os.remove(script)
      return rest
    end,
    signal = function(name) os.execute("kill -" .. name .. " " .. pid) end,
  }
end

local function variable(served, name)
  return served.text:match("export " .. name .. "='([^'\n]+)'")
end

local function curl(served, ...)
  local token = tools.base64(variable(served, "SENDCLOUD_API_USER") .. ":"
    .. variable(served, "SENDCLOUD_API_KEY"))
  return tools.curl("-H", "Authorization: Bearer " .. token, ...)
end

describe("sandbox.serve", function()
  for _, signal in ipairs { "INT", "TERM" } do
    it("says where it is and ends cleanly on SIG" .. signal, function()
      local served = serve ""
      local url = variable(served, "SENDCLOUD_BASE_URL")
      assert.truthy(url, served.text)
      assert.truthy(served.text:match("^# sandbox of .- at " .. url:gsub("%p", "%%%0")))
      assert.equal("sendcloud", variable(served, "SENDCLOUD_PROVIDER"))
      assert.equal(200, curl(served, "-d", "{}", url .. LIST).status)
      served.signal(signal)
      assert.equal("ended\n", served.wait())
      assert.equal(7, curl(served, url).code)
    end)
  end

  it("keeps its file whole through kill -9", function()
    local path = os.tmpname()
    os.remove(path)
    local served = serve(("path = %q"):format(path))
    local url = variable(served, "SENDCLOUD_BASE_URL")
    -- One curl that goes on upserting; the end comes while it does.
    local config = os.tmpname()
    local lines = {}
    for i = 1, 3000 do
      lines[i] = ('%surl = "%s"\nsilent\noutput = /dev/null\nheader = "Authorization: Bearer '
        .. 'YXBpX3VzZXI6YXBpX2tleQ=="\ndata = "{\\"members\\":[{\\"email\\":\\"u%da@x.org\\"},'
        .. '{\\"email\\":\\"u%db@x.org\\"}],\\"updateExisting\\":true}"'):format(
        i > 1 and "next\n" or "", url .. "/marketing/lists/members", i, i)
    end
    tools.write(config, table.concat(lines, "\n"))
    local busy = tools.popen("curl -K " .. config .. " 2>&1; echo $?")
    local total
    repeat
      total = tonumber(curl(served, "-d", "{}", url .. LIST).body:match('"total":(%d+)'))
    until total > 40
    served.signal("KILL")
    served.wait()
    busy:read("*a")
    busy:close()
    os.remove(config)

    served = serve(("path = %q"):format(path))
    local answer = curl(served, "-d", "{}", variable(served, "SENDCLOUD_BASE_URL") .. LIST)
    assert.equal(200, answer.status)
    local kept = tonumber(answer.body:match('"total":(%d+)'))
    assert(kept >= total and kept % 2 == 0, kept) -- every change is there whole
    served.signal("TERM")
    assert.equal("ended\n", served.wait())
    tools.shell("rm -f " .. path .. "*")
  end)

  it("says what keeps it from starting", function()
    local served = serve 'address = "0.0.0.0"'
    assert.truthy(served.text:find("exposed = true", 1, true))
    served.wait()
  end)
end)
