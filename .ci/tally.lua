-- busted output handler: the usual terminal report, and a tally that survives a crash.
--
-- Every finished test adds one line to the file that SENDCLOUD_TALLY names: "passed",
-- "failed" or "skipped"; the last line is "end". `.ci/suite` counts the lines; a tally
-- without "end" is a runtime that died.

return function(options)
  local busted = require "busted"
  local handler = require "busted.outputHandlers.plainTerminal"(options)
  local path = os.getenv("SENDCLOUD_TALLY")
  local file = path and assert(io.open(path, "w"))

  local function note(word)
    if file then
      file:write(word, "\n")
      file:flush()
    end
    return nil, true
  end

  local words = { success = "passed", pending = "skipped" }
  busted.subscribe({ "test", "end" }, function(_, _, status)
    return note(words[status] or "failed")
  end)

  -- A file that does not load, a set-up or a tear-down that raises.
  local function outside_a_test(element)
    if element.descriptor ~= "it" then
      return note("failed")
    end
    return nil, true
  end
  busted.subscribe({ "error" }, outside_a_test)
  busted.subscribe({ "failure" }, outside_a_test)

  busted.subscribe({ "exit" }, function()
    return note("end")
  end)

  return handler
end
