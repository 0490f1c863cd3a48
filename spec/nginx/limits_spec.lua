-- Where nginx or the system runs short, and when nginx loses patience: calls are answered or fail with
-- the reason, soon, and the worker goes on.

local server = require "spec.nginx.server"
if not server.possible() then return end

local files = require "spec.support.files"
local native = require "spec.support.native"

local SERVICE = [[
    location / { content_by_lua_block { ngx.sleep(tonumber(ngx.var.arg_seconds) or 0) ngx.print "{}" } }
]]

local LOCATIONS = [[
    lua_check_client_abort on;
    location = /many { content_by_lua_block {
      local count = tonumber(ngx.var.arg_count)
      local client = assert(require("sendcloud").new { api_user = "u", api_key = "k", retry = false,
        base_url = "%s", timeout = tonumber(ngx.var.arg_timeout) })
      local calls = {}
      for i = 1, count do
        calls[i] = function()
          return client:request { path = "/", query = { seconds = ngx.var.arg_seconds } }
        end
      end
      if ngx.var.arg_close then ngx.timer.at(0.2, function() client:close() end) end
      local results, errors = client:parallel(calls, { concurrency = count })
      local good, kinds = 0, {}
      for i = 1, count do
        if results[i] then
          good = good + 1
        else
          local kind = type(errors[i]) == "table" and errors[i].kind or tostring(errors[i])
          kinds[kind] = (kinds[kind] or 0) + 1
        end
      end
      local words = { good .. " good" }
      for kind, times in pairs(kinds) do words[#words + 1] = times .. " " .. kind end
      ngx.print(table.concat(words, ", "))
    } }
]]

-- Descriptors of this process that nginx inherits; those count for its limit.
local function inherited()
  local pipe = assert(io.popen "unset LD_PRELOAD; ls /proc/self/fd")
  local _, count = pipe:read("*a"):gsub("\n", "")
  pipe:close()
  return count - 4 -- of ls itself: three, and the folder
end

describe("short of", function()
  local service, nginx
  setup(function() service = server.start { locations = SERVICE } end)
  teardown(function()
    service:stop()
    files.clean()
  end)

  local function start(options)
    options.locations = LOCATIONS:format(service.url)
    nginx = server.start(options)
  end

  it("connections of nginx's, calls wait without one", function()
    start { connections = 48 }
    assert.equal("120 good", nginx:ask "/many?count=120&seconds=0.1")
    assert.equal("8 good", nginx:ask "/many?count=8")
    assert.falsy(nginx:stop():gsub("[^\n]*worker_connections are not enough[^\n]*", ""):find "%S")
  end)

  it("descriptors, calls that need one fail and the next ones do not", function()
    start { main = ("worker_rlimit_nofile %d;"):format(64 + inherited()) }
    local all, said = 0, nginx:ask "/many?count=120&seconds=0.1"
    for count, word in said:gmatch "(%d+) (%a+)" do
      if word ~= "good" and word ~= "network" then error(said .. nginx:stop()) end
      all = all + tonumber(count)
    end
    assert.equal(120, all, said)
    assert.equal("8 good", nginx:ask "/many?count=8")
    assert.falsy(nginx:stop():gsub("[^\n]*Too many open files[^\n]*", ""):find "%S")
  end)

  it("descriptors at the helper thread's door, calls see for themselves", function()
    local gate = files.write ""
    start { env = ("LD_PRELOAD=%s TABLE_GATE=%s"):format(native.full_table(), gate) }
    assert.equal("100 good", nginx:ask("/many?count=100&seconds=0.1&timeout=300", nil, "-m 20"))
    assert.equal("8 good", nginx:ask("/many?count=8&timeout=300", nil, "-m 20"))
    os.remove(gate)
    -- Soon the door is open again: nobody finds it shut.
    assert.is_true(nginx:wait_for(([[refused() { grep -c 'Connection refused' %s/error.log; }; n=$(refused)
      [ "$n" -gt 0 ] && curl -s '%s/many?count=8' | grep -q '8 good' && [ $(refused) = $n ] ]]):format(
      nginx.folder, nginx.url)))
    assert.equal("", nginx:stop())
  end)

  it("nothing: 300 calls that are cancelled at once, or whose client leaves", function()
    start {}
    assert.equal("0 good, 300 cancelled", nginx:ask "/many?count=300&seconds=20&timeout=30&close=1")
    assert.equal("", nginx:ask("/many?count=300&seconds=20&timeout=30", nil, "-m 0.4"))
    assert.equal("8 good", nginx:ask "/many?count=8")
    assert.equal("", nginx:stop())
  end)

  it("nothing: a timeout of years", function()
    start {}
    assert.equal("1 good", nginx:ask "/many?count=1&timeout=1e9")
    assert.equal("", nginx:stop())
  end)

  it("patience, nginx ends what is on its way", function()
    start { patience = "300ms" }
    local pipe = io.popen(("curl -s -m 30 '%s/many?count=3&seconds=20&timeout=30'"):format(nginx.url))
    local old = nginx:workers()[1]
    assert.is_true(nginx:wait_for(("ls %s | grep -q sendcloud-%d"):format(nginx.tmpdir, old)))
    nginx:signal "HUP"
    assert.is_true(nginx:wait_for(("! kill -0 %d 2>/dev/null"):format(old), 4), "still there")
    pipe:read "*a"
    pipe:close()
    assert.is_true(nginx:wait_for(("[ -z \"$(ls %s)\" ]"):format(nginx.tmpdir)), "left behind")
    assert.equal("8 good", nginx:ask "/many?count=8")
    assert.equal("", nginx:stop())
  end)
end)
