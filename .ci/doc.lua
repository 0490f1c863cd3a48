-- Writes the reference from LuaCATS comments: lua5.4 .ci/doc.lua lua/sendcloud build/doc
--
-- One page of Markdown a module, with every documented function: its text, parameters and
-- results; and an index. Files without a documented function get no page.

local source, target = assert(arg[1], "source folder"), assert(arg[2], "target folder")

-- "members.lua:12: …" comment blocks that stand directly above a function.
local function functions(path)
  local found, block = {}, {}
  local head
  for line in io.lines(path) do
    local comment = line:match("^%-%-%-(.*)")
    local name, parameters = line:match("^function ([%w_.:]+)%((.-)%)")
    if comment then
      block[#block + 1] = comment
    elseif line:match("^%-%-") and #block > 0 then
      block[#block + 1] = line:match("^%-%-%s?(.*)")
    else
      if name and #block > 0 and not name:find("[.:]_") then
        found[#found + 1] = { name = name, parameters = parameters, block = block }
      elseif not head and #found == 0 and #block > 0 and not name then
        head = block
      end
      block = {}
    end
  end
  return found, head
end

local function text_of(block)
  local prose, lists = {}, { param = {}, ["return"] = {} }
  for _, line in ipairs(block) do
    local tag, rest = line:match("^@(%a+)%s*(.*)")
    if tag and lists[tag] then
      table.insert(lists[tag], rest)
    elseif not tag then
      prose[#prose + 1] = (line:gsub("^ ", ""))
    end
  end
  return table.concat(prose, "\n"), lists
end

local function list(out, title, entries)
  if #entries > 0 then
    out[#out + 1] = "\n" .. title .. ":\n"
    for _, entry in ipairs(entries) do
      local first, rest = entry:match("^(%S+)%s*(.*)")
      out[#out + 1] = ("- `%s` %s"):format(first or entry, rest or "")
    end
  end
end

local function page(path, found, head)
  local title = path:gsub("^.*/lua/", ""):gsub("^lua/", "")
  local out = { "# " .. title }
  if head then
    out[#out + 1] = "\n" .. (text_of(head))
  end
  for _, entry in ipairs(found) do
    local prose, lists = text_of(entry.block)
    out[#out + 1] = ("\n## %s(%s)\n"):format(entry.name, entry.parameters)
    out[#out + 1] = prose
    list(out, "Parameters", lists.param)
    list(out, "Returns", lists["return"])
  end
  return table.concat(out, "\n") .. "\n"
end

os.execute("mkdir -p " .. target)
local index, count = { "# Reference\n" }, 0
local pipe = assert(io.popen("find " .. source .. " -name '*.lua' | LC_ALL=C sort"))
for path in pipe:lines() do
  local found, head = functions(path)
  if #found > 0 then
    local name = path:sub(#source + 2):gsub("/", "."):gsub("%.lua$", "") .. ".md"
    local file = assert(io.open(target .. "/" .. name, "w"))
    file:write(page(path, found, head))
    file:close()
    count = count + #found
    index[#index + 1] = ("- [%s](%s): %d functions"):format(path:sub(#source + 2), name,
      #found)
  end
end
pipe:close()
local file = assert(io.open(target .. "/README.md", "w"))
file:write(table.concat(index, "\n"), "\n")
file:close()
print(("%d functions, %s/README.md"):format(count, target))
