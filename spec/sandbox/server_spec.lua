-- The HTTP server: where it listens, what it bears, how it stops.

local native = require "spec.support.native"
local sandbox = require "sendcloud.sandbox"
local tools = require "spec.sandbox.tools"

local LIST = "/marketing/lists/listMembers"

local function works(box, ...)
  local answer = tools.curl("-H", "Authorization: Bearer " .. tools.token(box), "-d", "{}",
    box.url .. LIST, ...)
  assert.equal(200, answer.status)
  assert.truthy(answer.body:match('"total":%d+'))
  return answer
end

after_each(tools.stop_all)

describe("where it listens", function()
  it("on loopback, on a port of its own, when it is first asked", function()
    local one, two = tools.start {}, tools.start { port = 0 }
    assert.equal("sandbox (in process)", tostring(one))
    assert.truthy(one.url:match("^http://127%.0%.0%.1:%d+$"))
    assert.equal(one.url, one.url)
    assert.are_not.equal(one.url, two.url)
    assert.equal("sandbox (" .. one.url .. ")", tostring(one))
    works(one)
    works(two)
  end)

  it("on the port that is given, or says why not", function()
    local one = tools.start {}
    local port = tonumber(one.url:match("%d+$"))
    local box, why = sandbox.start { port = port }
    assert.is_nil(box)
    assert.truthy(why:find(tostring(port), 1, true), why)
    assert.truthy(why:find("in use", 1, true), why)
    one:stop()
    box = tools.start { port = port }
    assert.equal("http://127.0.0.1:" .. port, box.url)
    works(box)
  end)

  it("elsewhere only when it is told so in so many words", function()
    for _, address in ipairs { "0.0.0.0", "::", "192.0.2.1" } do
      local box, why = sandbox.start { address = address }
      assert.is_nil(box)
      assert.truthy(why:find("exposed = true", 1, true), why)
    end
    local box, why = sandbox.start { address = "localhost" }
    assert.is_nil(box)
    assert.truthy(why:find("numeric", 1, true), why)
    box = tools.start { address = "0.0.0.0", exposed = true }
    assert.truthy(box.url:match("^http://0%.0%.0%.0:%d+$"))
    assert.equal("http://127.0.0.2", (tools.start { address = "127.0.0.2" }).url:match("^(.*):"))
  end)
end)

describe("what it bears", function()
  local box

  before_each(function()
    box = tools.start { seed = 1, max_body = 100000, silence = 1 }
  end)

  it("requests that are none", function()
    for _, bytes in ipairs {
      "garbage\r\n\r\n", "\r\n\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET /\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
      "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
      "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
      "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nno colon here\r\n\r\n",
      "GET " .. ("/x"):rep(40000) .. " HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " .. ("x"):rep(65536) .. "\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\n" .. ("X-Many: y\r\n"):rep(5000) .. "\r\n",
      "GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    } do
      local answer = tools.raw(box, bytes)
      assert(answer == "" or answer:match("^HTTP/1%.[01] [45]%d%d "), answer:sub(1, 100))
    end
    works(box)
  end)

  it("bodies that are no JSON", function()
    local path = os.tmpname()
    for _, body in ipairs { "{", "[1,", ("["):rep(90000), "\255\254", '{"a":"\0"}', "null", '"x"' } do
      tools.write(path, body)
      local answer = tools.curl("-H", "Authorization: Bearer " .. tools.token(box),
        "--data-binary", "@" .. path, box.url .. LIST)
      assert.equal(400, answer.status)
    end
    os.remove(path)
    works(box)
  end)

  it("bodies that are too long", function()
    local path = os.tmpname()
    for _, size in ipairs { 100001, 300000, 2000000 } do
      tools.write(path, ("["):rep(size))
      local answer = tools.curl("-H", "Expect:", "--data-binary", "@" .. path, box.url .. LIST)
      assert(answer.status == 413 or size > 400000 and answer.code ~= 0, answer.status)
      answer = tools.curl("-H", "Transfer-Encoding: chunked", "--data-binary", "@" .. path,
        box.url .. "/v1" .. LIST)
      assert(answer.status == 413 or size > 400000 and answer.code ~= 0, answer.status)
    end
    os.remove(path)
    works(box)
  end)

  it("half a request, then silence", function()
    assert.equal("", tools.raw(box, "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nContent-Le"))
    assert.equal("", tools.raw(box,
      "POST " .. LIST .. " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"))
    works(box)
  end)

  it("a request that trickles, never silent", function()
    local port = box.url:match("%d+$")
    local text = tools.shell(([[bash -c '
      exec 9<>/dev/tcp/127.0.0.1/%s; printf "GET / HTTP/1.1\\r\\nHost: x\\r\\nX-Long: " >&9; n=0
      while [ $n -lt 40 ] && ! read -t 0.2 -N 1 -u 9 && [ $? -gt 128 ]; do printf x >&9; n=$((n + 1)); done 2>/dev/null
      echo $n']]):format(port))
    assert(tonumber(text) < 40, text)
    works(box)
  end)

  it("200 connections that say nothing", function()
    box = tools.start { seed = 1 }
    local port = box.url:match("%d+$")
    local text = tools.shell(("bash -c 'for i in $(seq 10 209); do "
      .. "eval \"exec $i<>/dev/tcp/127.0.0.1/%s\" || echo refused; done; "
      .. "curl -s -m 10 -o /dev/null -w \"%%{http_code}\" -d {} %s'"):format(port, box.url .. LIST))
    assert.equal("401", text)
    works(box)
  end)

  it("several requests on one connection, sent ahead", function()
    local one = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    local last = "GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    local answer = tools.raw(box, one .. one .. last)
    local _, count = answer:gsub("HTTP/1.1 404", "")
    assert.equal(3, count)
  end)

  it("a caller that waits for 100 Continue, HTTP/1.0, a whole URL as target", function()
    works(box, "-H", "Expect: 100-continue")
    works(box, "-0")
    local authorized = "\r\nAuthorization: Bearer " .. tools.token(box) .. "\r\nContent-Length: 2\r\n"
    local answer = tools.raw(box, "POST http://some.where" .. LIST .. "?count=1 HTTP/1.1\r\nHost: x"
      .. authorized .. "Connection: close\r\n\r\n{}")
    assert.truthy(answer:match("^HTTP/1.1 200 "), answer)
    assert.same({ LIST, "count=1" },
      { box:requests { last = 1 }[1].path, box:requests { last = 1 }[1].query })
  end)

  it("other methods", function()
    for _, method in ipairs { "OPTIONS", "PUT", "BREW" } do
      assert.equal(405, tools.curl("-X", method, box.url .. LIST).status)
    end
    assert.equal(405, tools.curl("-I", box.url .. LIST).status)
  end)
end)

describe("several callers at once", function()
  it("are answered in the order they came, and each with its own", function()
    local box = tools.start { seed = 1 }
    local text = tools.shell(("for i in 1 2 3 4 5 6 7 8; do (curl -s -m 20 --noproxy '*' -H 'Authorization: Bearer %s' "
      .. "-H 'Content-Type: application/json' -d '{\"members\":[{\"email\":\"u'$i'@x.org\"}],\"updateExisting\":"
      .. "true}' '%s/marketing/lists/members?[1-50]' | grep -o 'u'$i'@x.org' | wc -l) & done; wait")
      :format(tools.token(box), box.url))
    assert.equal(("50\n"):rep(8), text)
    local requests = box:requests()
    assert.equal(400, #requests)
    for i, request in ipairs(requests) do
      assert.equal(i, request.number)
      assert.equal(request.body:match("u%d"), request.answer:match("u%d"))
    end
    works(box)
  end)
end)

describe("after a fork", function()
  it("the child cannot use it, nor take it from the parent", function()
    local box = tools.start { seed = 1 }
    works(box)
    assert.is_true(native.fork(function()
      local status, failure = tools.ask(box, "POST", LIST, "{}")
      assert(status == nil and failure.outcome == "not_sent")
      assert(not pcall(box.requests, box))
      box:stop()
      collectgarbage()
      return true
    end))
    assert.is_true(native.fork(function()
      local own = assert(sandbox.start {})
      works(own)
      own:stop()
      return true
    end))
    works(box)
  end)
end)

describe("how it stops", function()
  it("at once, and again without harm", function()
    local box = tools.start {}
    local url = box.url
    works(box)
    box:stop()
    box:stop()
    assert.equal(7, tools.curl(url).code) -- could not connect
    assert.equal("sandbox (stopped)", tostring(box))
    assert.False(pcall(box.requests, box))
    assert.False(pcall(function() return box.url end))
  end)

  it("while requests are worked off, and others wait for that", function()
    local members = {}
    for i = 1, 1000 do members[i] = ('{"email":"u%d@x.org","tags":["a"]}'):format(i) end
    local path = os.tmpname()
    tools.write(path, '{"members":[' .. table.concat(members, ",") .. '],"updateExisting":true}')
    for _ = 1, 5 do
      local box = tools.start {}
      local busy = tools.popen(("for i in 1 2 3 4 5 6 7 8; do curl -s -m 20 --noproxy '*' -o /dev/null -H "
        .. "'Authorization: Bearer %s' --data-binary @%s %s/marketing/lists/members?[1-20] & done; wait")
        :format(tools.token(box), path, box.url))
      repeat until #box:requests { last = 1 } > 0
      box:stop()
      busy:read("*a")
      busy:close()
    end
    os.remove(path)
    works(tools.start {})
  end)

  it("when nobody holds it any more", function()
    local url = sandbox.start {}.url
    collectgarbage()
    collectgarbage()
    assert.equal(7, tools.curl(url).code)
  end)

  it("and starts over and over", function()
    for _ = 1, 20 do
      local box = sandbox.start {}
      assert(box.url)
      box:stop()
    end
    works(tools.start {})
  end)
end)
