-- nginx with this folder's configuration, against a sandbox that goes with it:
--
--   make build LUA=luajit && eval "$(make -s env LUA=luajit)" &&
--     luajit examples/openresty/start.lua
--
-- Then: curl -d email=li.lei@example.com -d name=Lei http://127.0.0.1:8080/sign-up
-- `start.lua try` asks it a few things itself, on a free port, and ends.

local sandbox = require "sendcloud.sandbox"

local here = arg[0]:match "^(.*/)" or "./"
local try = arg[1] == "try"

local function read(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- A port that is free just now.
local function free_port()
  local other = sandbox.start { port = 0 }
  local port = other.url:match ":(%d+)$"
  other:stop()
  return port
end

local root = read "pwd"
local folder = read "mktemp -d"
local port = try and free_port() or "8080"
local box = sandbox.start { port = 0 }

local conf = assert(io.open(here .. "nginx.conf"))
local text = conf:read "*a"
conf:close()
local copy = assert(io.open(folder .. "/nginx.conf", "w"))
copy:write((text:gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. port)))
copy:close()

-- ngx_lua takes Lua's paths from the environment where the configuration gives none.
local nginx = ("%s cd %s && exec env PATH=$PATH:/usr/sbin SENDCLOUD_API_USER=%s "
  .. "SENDCLOUD_API_KEY=%s SENDCLOUD_BASE_URL=%s EXPORT_FOLDER=%s SIGN_UPS=%s/sign-ups "
  .. "LUA_PATH='%s/%s?.lua;%s' LUA_CPATH='%s' "
  .. "nginx -p %s -c %s/nginx.conf -g 'daemon off; %s'"):format("unset LD_PRELOAD;", root,
  box.api_user, box.api_key, box.url, folder, folder, root, here, package.path, package.cpath,
  folder, folder, read "id -u" == "0" and "user root;" or "")

if not try then
  print(("curl -d email=li.lei@example.com -d name=Lei http://127.0.0.1:%s/sign-up"):format(port))
  os.execute(nginx)
else
  local script = "(%s) 2>%s/log & pid=$!; cat >/dev/null; kill $pid; wait $pid"
  local life = assert(io.popen(script:format(nginx, folder), "w"))
  local url = "http://127.0.0.1:" .. port
  local function curl(path, more)
    return read(("curl -s -w '%%{http_code}' %s %s%s"):format(more or "", url, path))
  end
  read("for i in $(seq 100); do curl -s " .. url .. "/ && break; sleep 0.05; done")
  print(curl("/sign-up", "-d email=li.lei@example.com -d name=Lei"))
  print(curl("/sign-up", "-d name=Nobody"))
  -- Sign-ups are gathered for a second.
  read(("for i in $(seq 100); do curl -s %s/export-now | grep -q '^1 ' && break; sleep 0.05; done")
    :format(url))
  print(curl "/export-now")
  print(read("cat " .. folder .. "/contacts.csv | head -n 2"))
  life:close()
end
box:stop()
os.execute("rm -rf " .. folder)
