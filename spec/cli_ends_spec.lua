-- lua/sendcloud/cli/init.lua: how the program ends, and what it says then.

local cjson = require "cjson"
local files = require "spec.support.files"
local program = require "spec.support.program"
local sandbox = require "sendcloud.sandbox"

describe("the program", function()
  local sendcloud

  before_each(function() sendcloud = program.start() end)
  after_each(function()
    sendcloud:stop()
    files.clean()
  end)

  it("ends quietly when nobody reads on", function()
    local many = {}
    for i = 1, 900 do many[i] = { email = ("m%d@x.org"):format(i), name = ("n"):rep(200) } end
    assert(sendcloud.client.members:upsert(many))
    for _, ignored in ipairs { "", "trap '' PIPE; " } do
      for _, words in ipairs { "list --limit 0 --csv", "list --limit 0 --json", "export -" } do
        local out, err = sendcloud:shell(("%s{ sendcloud members %s; echo $? >&2; } | head -1")
          :format(ignored, words))
        assert.equal("141\n", err, words)
        assert.truthy(#out > 0)
      end
    end
  end)

  it("says that a disk is full", function()
    for _, words in ipairs { "list", "list --json", "export -" } do
      local _, err, code = sendcloud:shell("sendcloud members " .. words .. " >/dev/full")
      assert.truthy(err:find("No space left", 1, true), err)
      assert.is_true(code == 1 or code == 2, code)
    end
  end)

  it("leaves a whole checkpoint behind when it is interrupted", function()
    local text = { "email" }
    for i = 1, 2000 do text[i + 1] = ("u%d@x.org"):format(i) end
    local list, state = files.write(table.concat(text, "\n"), ".csv"), files.path()
    sendcloud.box:fault { operation = "members.upsert", nth = 8, delay = 30 }
    local words = ("members import %s --checkpoint %s --batch 100 --concurrency 1 --json")
      :format(list, state)
    -- Once seven batches are answered the eighth one hangs.
    local out, err, code = sendcloud:shell(([[
      eval "exec $PROGRAM %s" &
      pid=$!
      n=0
      until grep -q batches=7 %s 2>/dev/null || [ $n -gt 500 ]; do sleep 0.02; n=$((n+1)); done
      sleep 0.1
      kill -INT $pid
      wait $pid
    ]]):format(words, state))
    assert.equal(130, code, err)
    assert.equal("", out)
    assert.truthy(err:find("^sendcloud: interrupted[^\n]*\n$"), err)
    out, err, code = sendcloud:shell("sendcloud " .. words)
    assert.equal(0, code, err)
    local report = cjson.decode(out)
    assert.same({ 2000, 2000, true },
      { report.rows, report.inserted + report.updated, report.complete })
  end)

  it("ends with 3 where a page in the middle is refused, after a whole document", function()
    local many = {}
    for i = 1, 300 do many[i] = { email = ("m%d@x.org"):format(i) } end
    assert(sendcloud.client.members:upsert(many))
    sendcloud.box:fault { operation = "members.list", nth = 2, status = 401 }
    local out, err, code = sendcloud:run(nil, "members", "list", "--limit", "0", "--json")
    assert.equal(3, code, err)
    assert.equal(100, #cjson.decode(out))
    sendcloud.box:fault { operation = "members.list", status = 401 }
    out, err, code = sendcloud:run(nil, "members", "list", "--json")
    assert.same({ "", 3 }, { out, code }, err)
  end)

  it("shows how far an import came that had to stop", function()
    local text = { "email" }
    for i = 1, 30 do text[i + 1] = ("u%d@x.org"):format(i) end
    sendcloud.box:fault { operation = "members.upsert", nth = 2, status = 401 }
    local out, err, code = sendcloud:run(table.concat(text, "\n"), "members", "import", "-",
      "--batch", "10", "--concurrency", "1", "--json")
    assert.equal(3, code)
    local report = cjson.decode(out)
    assert.same({ 10, false }, { report.rows, report.complete })
    assert.truthy(err:find("^sendcloud: members.upsert: [^\n]+\n$"), err)
    out, err, code = sendcloud:run(nil, "members", "import", "/no/such/file")
    assert.same({ "", 2 }, { out, code }, err)
  end)

  it("tells what the script it runs ended with", function()
    local path = files.write("error('here', 0)", ".lua")
    local _, err, code = sendcloud:run(nil, "run", path)
    assert.equal(1, code)
    assert.truthy(err:find("^sendcloud: here\n"), err)
    path = files.write([[
      local client = assert(require("sendcloud").new {})
      local _, err = client.members:get(("0"):rep(24))
      error(err, 0) -- the assert of Lua 5.1 takes only text
    ]], ".lua")
    _, err, code = sendcloud:run(nil, "run", path)
    assert.equal(4, code)
    assert.truthy(err:find("^sendcloud: members.get: [^\n]+\n$"), err)
    assert.equal(7, select(3, sendcloud:run(nil, "run", files.write("os.exit(7)", ".lua"))))
  end)

  it("says why it serves no sandbox", function()
    local port = sendcloud.box.url:match ":(%d+)$"
    local _, err, code = sendcloud:run(nil, "sandbox", "--port", port)
    assert.equal(1, code)
    assert.truthy(err:find("^sendcloud: cannot listen on 127.0.0.1 port " .. port), err)
    _, err, code = sendcloud:run(nil, "sandbox", "--path", "/no/such/dir/x")
    assert.equal(1, code)
    assert.truthy(err:find("^sendcloud: /no/such/dir/x: "), err)
    assert.equal(2, select(3, sendcloud:run(nil, "sandbox", "--port", "99999")))
  end)

  it("serves a sandbox until it is told to stop, with the same ids for the same seed", function()
    local out, err, code = sendcloud:shell([[
      for n in 1 2; do
        eval "exec $PROGRAM sandbox --port 0 --seed 7" >"$0.served" &
        pid=$!
        until grep -q PROVIDER "$0.served" 2>/dev/null; do sleep 0.02; done
        url=$(sed -n "s/.*BASE_URL='\(.*\)'/\1/p" "$0.served")
        sendcloud tags create x --json --base-url "$url"
        kill -TERM $pid
        wait $pid || exit 9
        rm "$0.served"
      done
    ]])
    assert.equal(0, code, err)
    local first, second = out:match "^(.-)\n(.-)\n$"
    assert.equal(first, second)
  end)

  it("shows the usage of the command that was used wrongly", function()
    for words, usage in pairs {
      ["members import"] = "Usage: sendcloud members import ", ["bogus"] = "Usage: sendcloud %[",
      ["tags add x"] = "Usage: sendcloud tags add ",
      ["segments wait x --for soon"] = "Usage: sendcloud segments wait ",
      ["members list --json --csv"] = "Usage: sendcloud members list ",
    } do
      local out, err, code = sendcloud:shell("sendcloud " .. words)
      assert.same({ "", 2 }, { out, code })
      assert.truthy(err:find("^sendcloud: [^\n]+\n"), err)
      assert.truthy(err:find(usage), err)
    end
    local _, err = sendcloud:shell "sendcloud members exprt x"
    assert.truthy(err:find("Did you mean 'export'", 1, true), err)
  end)

  it("describes every command and every argument", function()
    local seen = 0
    local function walk(words)
      local out, err, code = sendcloud:shell("sendcloud " .. words .. " --help")
      assert.equal(0, code, err)
      local inside = false
      for line in out:gmatch "[^\n]+" do
        if line:find "^%a+:" then inside = line end
        local name, help = line:match "^   ([%w%-]+) +(.*)$"
        if not name then name, help = line:match "^   ([%w%-]+)()$" end
        if inside and name then
          assert.is_string(help, words .. ": " .. line)
          if inside == "Commands:" then walk(words .. " " .. name) end
        end
        assert.is_true(#line <= 130, line)
      end
      seen = seen + 1
    end
    walk ""
    assert.is_true(seen > 30, seen)
  end)

  it("takes the key from a file", function()
    local key = files.write "secret-key\n"
    local other = assert(sandbox.start { api_user = "u", api_key = "secret-key" })
    local _, err, code = sendcloud:run(nil, "members", "list", "--api-user", "u", "--api-key-file", key,
      "--base-url", other.url)
    assert.equal(0, code, err)
    other:stop()
    _, err, code = sendcloud:run(nil, "members", "list", "--api-user", "u", "--api-key-file", key)
    assert.equal(3, code) -- the address of the environment
    assert.falsy(err:find("secret-key", 1, true))
    for _, path in ipairs { "/no/such/file", files.write "", "/tmp" } do
      _, err, code = sendcloud:run(nil, "members", "list", "--api-key-file", path)
      assert.equal(2, code, err)
    end
  end)
end)
