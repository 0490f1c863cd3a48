-- nginx with the Lua module, on loopback, in a folder of its own, with the library of this
-- checkout. It ends when `stop` is called or when the specs die.

local files = require "spec.support.files"
local http = require "spec.support.http"
local native = require "spec.support.native"

local server = {}

local MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }
local FOLDERS = { "/usr/share/nginx/modules/", "/usr/lib/nginx/modules/", "/usr/lib64/nginx/modules/" }

local CONF = [[
%s
%s
$USER
daemon off; pid $D/pid; error_log $D/error.log notice;
worker_processes $WORKERS; worker_shutdown_timeout $PATIENCE;
env TMPDIR;
events { worker_connections $CONNECTIONS; }
http {
  access_log off;
  client_body_temp_path $D/t1; proxy_temp_path $D/t2; fastcgi_temp_path $D/t3;
  uwsgi_temp_path $D/t4; scgi_temp_path $D/t5;
  lua_package_path "$ROOT/lua/?.lua;$ROOT/lua/?/init.lua;$ROOT/?.lua;;";
  lua_package_cpath "$CPATH;;";
  lua_shared_dict notes 1m;
%s
  server {
    listen 127.0.0.1:$PORT;
    client_max_body_size 8m; client_body_buffer_size 8m;
    location = /up { return 204; }
%s
  }
%s
}
]]

local function module_folder()
  for _, folder in ipairs(FOLDERS) do
    if files.read(folder .. MODULES[2]) then return folder end
  end
end

--- Whether these specs can run here: LuaJIT's turn, no sanitizer or valgrind around us (nginx
--- would need it too), nginx with its Lua module installed.
function server.possible()
  local found, name, build = pcall(native.runtime)
  return found and name == "luajit" and not build:find "asan" and not build:find "valgrind"
    and module_folder() ~= nil
end

--- Runs a program of ours once more, by what nginx runs: LuaJIT. Says so where that is no help.
---@param path string
function server.again(path)
  if rawget(_G, "jit") then return print "nginx with its Lua module is wanted" end
  os.execute([[unset MAKEFLAGS MFLAGS; make -s -j2 LUA=luajit modules && eval "$(make -s LUA=luajit env)" &&
    luajit ]] .. path)
end

local function shell(command)
  local pipe = assert(io.popen("unset LD_PRELOAD\n" .. command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

---@class spec.Nginx
local Server = {}
Server.__index = Server

---@class spec.NginxOptions
---@field workers? integer
---@field connections? integer  that a worker may have
---@field patience? string      worker_shutdown_timeout
---@field main? string      more lines at the top of the configuration
---@field http? string      more lines in http
---@field locations? string more lines in the server
---@field servers? string   more servers; $PORT2 is a port for one
---@field tmpdir? string    TMPDIR of nginx; default: its own folder
---@field env? string       more of its environment, A=B C=D

--- Starts one.
---@param options spec.NginxOptions
---@return spec.Nginx
function server.start(options)
  local folder = shell("mktemp -d"):gsub("%s+$", "")
  local modules = module_folder()
  local root = shell("pwd"):gsub("%s+$", "")
  local cpath = package.cpath:match "^[^;]*"
  if cpath:sub(1, 1) ~= "/" then cpath = root .. "/" .. cpath end
  local self = setmetatable({ folder = folder, port = http.free_port(),
    tmpdir = options.tmpdir or folder .. "/tmp" }, Server)
  self.port2 = http.free_port()
  self.url = "http://127.0.0.1:" .. self.port
  local load = {}
  for _, name in ipairs(MODULES) do load[#load + 1] = "load_module " .. modules .. name .. ";" end
  local text = CONF:format(table.concat(load, "\n"), options.main or "", options.http or "",
    options.locations or "", options.servers or "")
  local values = { D = folder, ROOT = root, CPATH = cpath, PORT = self.port, PORT2 = self.port2,
    WORKERS = options.workers or 1, CONNECTIONS = options.connections or 1024,
    PATIENCE = options.patience or "10s",
    -- As another user the workers might not be able to read the checkout.
    USER = shell("id -u"):find "^0%s" and "user root;" or "" }
  text = text:gsub("%$(%u[%u%d]*)", function(name) return values[name] and tostring(values[name]) end)
  local file = assert(io.open(folder .. "/nginx.conf", "w"))
  file:write(text)
  file:close()
  native.sh("mkdir " .. folder .. "/tmp")
  self.life = assert(io.popen(([[unset LD_PRELOAD
    env %s TMPDIR=%s PATH=$PATH:/usr/sbin nginx -p %s -c %s/nginx.conf 2>%s/stderr & pid=$!
    cat >/dev/null; kill $pid 2>/dev/null; wait $pid]]):format(options.env or "", self.tmpdir, folder, folder, folder), "w"))
  local up = shell(([[for i in $(seq 200); do
      curl -sf -o /dev/null %s/up && echo up && exit; sleep 0.05; done]]):format(self.url))
  assert(up ~= "", "nginx did not start: " .. self:log())
  return self
end

--- What nginx wrote.
function Server:log()
  return (files.read(self.folder .. "/stderr") or "") .. (files.read(self.folder .. "/error.log") or "")
end

--- Lines of the log at or above [error]; crashes are among them.
function Server:complaints(also)
  local found = {}
  for line in self:log():gmatch "[^\n]+" do
    if line:find "%[alert%]" or line:find "%[emerg%]" or line:find "%[crit%]"
      or line:find "exited on signal" or also and line:find(also)
    then
      found[#found + 1] = line
    end
  end
  return table.concat(found, "\n")
end

--- The body of the answer at a path; a body makes it a POST.
function Server:ask(path, body, more)
  local input = ""
  if body then input = "--data-binary @" .. files.write(body) end
  local url = path:find "^https?:" and path or self.url .. path
  return shell(("curl -s -m 60 %s %s '%s'"):format(more or "", input, url))
end

--- Sends the master process a signal.
function Server:signal(name)
  native.sh(("kill -%s $(cat %s/pid)"):format(name, self.folder))
end

--- Process numbers of the workers.
function Server:workers()
  local found = {}
  for pid in shell(("ps -o pid= --ppid $(cat %s/pid)"):format(self.folder)):gmatch "%d+" do
    found[#found + 1] = tonumber(pid)
  end
  return found
end

--- Waits (at most so long) until a shell test holds.
function Server:wait_for(test, seconds)
  return shell(("for i in $(seq %d); do if %s; then echo yes; exit; fi; sleep 0.05; done"):format(
    (seconds or 5) * 20, test)) ~= ""
end

--- Names in the folder where helper threads put their sockets.
function Server:sockets()
  return shell("ls " .. self.tmpdir):gsub("%s+$", "")
end

--- Ends it and returns what it complained about. Its folder goes too.
function Server:stop()
  self.life:close()
  local complaints = self:complaints()
  native.sh("rm -rf " .. self.folder)
  return complaints
end

return server
