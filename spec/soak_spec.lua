-- A short run of spec/soak/faults.lua, so that `make asan` and `make valgrind` see every fault meet
-- every operation. That memory is flat only a long run can say.

describe("calls under every fault", function()
  local soak = assert(loadfile("spec/soak/faults.lua"))("library")

  for _, way in ipairs { "in process", "over HTTP" } do
    it("end well or with an error object, " .. way, function()
      local report = soak.run(way == "in process" and 600 or 200, way == "over HTTP")
      assert.same({}, report.wrong)
      assert.same({}, soak.verdict(report, "descriptors"))
      local kinds = 0
      for _ in pairs(report.kinds) do kinds = kinds + 1 end
      assert.is_true(kinds >= 5, "hardly anything went wrong")
    end)
  end
end)
