-- Writes the figures of build/bench/bulk.json, as bulk_bench.lua left them, into both READMEs,
-- between the lines `<!-- bench -->` and `<!-- /bench -->`:
--
--   TARGET=no lua5.4 spec/bench/bulk_bench.lua && lua5.4 spec/bench/readme.lua

local cjson = require "cjson"

local LANGUAGES = {
  ["README.md"] = {
    told = "Measured on %s, %d cores, %s. C is a program over libcurl's multi interface that does the same job "
      .. "with no retries, checks or verdicts; CPU time of whole processes, medians of %d pairs. `make bench` "
      .. "measures anew.",
    ours = { "CPU time beside C", "Lua 5.4", "LuaJIT" },
    peers = { "CPU time of others beside ours", "import", "export" },
    memory = "memory of %d rows over that of 20,000: %s",
    ["import, CPU"] = "import of %d rows of CSV",
    ["import, CPU, 8 in flight"] = "the same, up to 8 requests in flight: C always has 8, we as many as help",
    ["import with a transform, CPU"] = "the same with a `transform`",
    ["export to CSV, CPU"] = "export of %d members to CSV",
    ["export to JSONL, CPU"] = "the same to JSONL",
    import = "import", export = "export",
  },
  ["README.zh-CN.md"] = {
    told = "测于 %s,%d 核,%s。C 指用 libcurl multi 接口做同样工作的程序,不重试、不检查、不逐行判定;"
      .. "数字是整个进程的 CPU 时间,取 %d 对的中位数。`make bench` 可重新测量。",
    ours = { "CPU 时间,与 C 相比", "Lua 5.4", "LuaJIT" },
    peers = { "其他写法的 CPU 时间,与本库相比", "导入", "导出" },
    memory = "%d 行比 2 万行多用的内存:%s",
    ["import, CPU"] = "导入 %d 行 CSV",
    ["import, CPU, 8 in flight"] = "同上,最多 8 个请求同时进行:C 始终 8 个,本库够用即止",
    ["import with a transform, CPU"] = "同上,带 `transform`",
    ["export to CSV, CPU"] = "导出 %d 个成员为 CSV",
    ["export to JSONL, CPU"] = "同上,JSONL",
    import = "导入", export = "导出",
  },
}

local ORDER = { "import, CPU", "import, CPU, 8 in flight", "import with a transform, CPU",
  "export to CSV, CPU", "export to JSONL, CPU" }
local PEERS = { "lua5.4, LuaSocket, cjson, Penlight", "lua5.4, LuaSocket, cjson, CSV by hand",
  "luajit, LuaSocket, cjson, CSV by hand", "Go, standard library", "Python, standard library" }

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function line(cells)
  return "| " .. table.concat(cells, " | ") .. " |"
end

local function section(measured, words)
  local values = {}
  for _, result in ipairs(measured.results) do values[result.name] = result.value end
  local function cell(name, form)
    return values[name] and form:format(values[name]) or "–"
  end
  local list = {
    words.told:format(measured.machine.cpu, measured.machine.cores, measured.date:sub(1, 10),
      measured.pairs), "", line(words.ours), "| --- | --- | --- |",
  }
  for _, name in ipairs(ORDER) do
    local count = name:find("export") and measured.members or measured.rows
    list[#list + 1] = line { (words[name]:gsub("%%d", ("%.0f"):format(count))),
      cell("lua5.4: " .. name, "%.2f ×"), cell("luajit: " .. name, "%.2f ×") }
  end
  for _, job in ipairs { "import", "export" } do
    local name = (": %s, memory at %.0f over 20,000"):format(job, measured.most)
    list[#list + 1] = line { (words.memory:gsub("%%d", ("%.0f"):format(measured.most)):gsub("%%s", words[job])),
      cell("lua5.4" .. name, "%.1f MB"), cell("luajit" .. name, "%.1f MB") }
  end
  list[#list + 1] = ""
  list[#list + 1] = line(words.peers)
  list[#list + 1] = "| --- | --- | --- |"
  for _, name in ipairs(PEERS) do
    list[#list + 1] = line { name, cell(name .. ": import, CPU", "%.1f ×"),
      cell(name .. ": export, CPU", "%.1f ×") }
  end
  return table.concat(list, "\n")
end

local measured = cjson.decode(read "build/bench/bulk.json")
for path, words in pairs(LANGUAGES) do
  local text = read(path)
  local from = select(2, text:find("<!-- bench -->\n", 1, true))
  local to = text:find("\n<!-- /bench -->", 1, true)
  assert(from and to, path .. " has no place for the figures")
  local file = assert(io.open(path, "wb"))
  file:write(text:sub(1, from), "\n", section(measured, words), "\n", text:sub(to))
  file:close()
end
