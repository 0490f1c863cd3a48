-- The client inside nginx: the same calls, in a request and in a timer.

local server = require "spec.nginx.server"
if not server.possible() then return end

local cases = require "spec.nginx.cases"
local files = require "spec.support.files"
local sandbox = require "sendcloud.sandbox"

local LOCATIONS = [[
    location = /content { content_by_lua_block {
      local args = ngx.req.get_uri_args()
      ngx.print(require("spec.nginx.cases").run(args.name, args.url))
    } }
    location = /timer { content_by_lua_block {
      local args = ngx.req.get_uri_args()
      local done, answer = require("ngx.semaphore").new(0), nil
      assert(ngx.timer.at(0, function()
        answer = require("spec.nginx.cases").run(args.name, args.url)
        done:post(1)
      end))
      done:wait(30)
      ngx.print(answer or "no answer")
    } }
]]

local function escape(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

describe("inside nginx", function()
  local nginx, box
  setup(function()
    box = sandbox.start { port = 0 }
    nginx = server.start { locations = LOCATIONS }
  end)
  teardown(function()
    local complaints = nginx:stop()
    box:stop()
    files.clean()
    assert.equal("", complaints)
  end)
  before_each(function()
    box:reset()
  end)

  for _, place in ipairs { "content", "timer" } do
    describe(place .. ":", function()
      for _, case in ipairs(cases) do
        it(case.name, function()
          if case.prepare then case.prepare(box) end
          local path = ("/%s?name=%s&url=%s"):format(place, escape(case.name), escape(box.url))
          assert.equal("ok", nginx:ask(path))
        end)
      end
    end)
  end

  it("one worker has one thread more, and one socket", function()
    local pid = nginx:workers()[1]
    local pipe = io.popen(("ls /proc/%d/task | wc -l"):format(pid))
    local threads = tonumber(pipe:read "*a")
    pipe:close()
    assert.equal(2, threads)
    assert.truthy(nginx:sockets():find("^sendcloud%-" .. pid .. "%-%w+$"))
  end)
end)
