-- A journal written, sealed and read back; a lock; lines added for good.

local core, folder = ...

return function(round)
  local place = folder .. "/" .. round
  assert(core.make_folder(place))
  local lock = assert(core.file_lock(place .. "/lock"))
  local writer = assert(core.journal_writer(place, "a.journal"))
  local kept = 0
  for i = 1, 20 do
    local size, reason = writer:append(("x"):rep(i * 500), i)
    if size then
      kept = kept + 1
    else
      assert(reason == "Cannot allocate memory")
    end
  end
  writer:close()
  local names = assert(core.folder(place))
  assert(names["a.journal"] and names.lock == 0)
  local reader = assert(core.journal_reader(place .. "/a.journal", 0))
  assert(reader:is_sealed())
  local found = 0
  while true do
    local bytes, stamp = reader:next()
    if bytes then
      found = found + 1
    elseif not stamp then
      break
    end
  end
  assert(found == kept and reader:damaged() == 0)
  assert(core.add_lines(place .. "/lines", "one\n"))
  lock:close()
end
