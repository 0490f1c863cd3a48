-- README.md and README.zh-CN.md: every snippet runs as it is printed, but for where the
-- journal is.

local files = require "spec.support.files"
local program = require "spec.support.program"

-- What stands above a snippet in the page.
local BEFORE = 'local sendcloud = require "sendcloud"; local where = sendcloud.where; '
  .. "local client = assert(sendcloud.new {})\n"

describe("the snippets", function()
  for _, page in ipairs { "README.md", "README.zh-CN.md" } do
    it("of " .. page .. " run", function()
      local sendcloud = program.start()
      local folder, count = files.path(), 0
      os.execute(("unset LD_PRELOAD; mkdir %s; cp examples/contacts.csv %s"):format(folder, folder))
      for snippet in files.read(page):gmatch "```lua\n(.-)```" do
        count = count + 1
        local before = snippet:find('require "sendcloud"\n', 1, true) and "" or BEFORE
        local path = files.write(before .. snippet:gsub("/var/lib", folder))
        local _, err, code = sendcloud:shell(("here=$PWD; cd %s; %s %s"):format(folder,
          (sendcloud.command:gsub("lua/sendcloud/cli/sendcloud.lua", "%0 run")
            :gsub(" (lua/)", " $here/%1")), path))
        assert.equal("0 ", code .. " " .. err, snippet)
      end
      assert.is_true(count >= 5, count)
      sendcloud:stop()
      os.execute("unset LD_PRELOAD; rm -r " .. folder)
      files.clean()
    end)
  end
end)
