-- Servers for the specs of the HTTP engine: spec/support/peer.c, `openssl s_server` with
-- certificates made on the spot, nginx for HTTP/2. All on loopback, on ports the kernel picks.

local native = require "spec.support.native"

local support = {}

local function read_all(command)
  local pipe = assert(io.popen("unset LD_PRELOAD\n" .. command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function write_file(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

--- A fresh directory; `support.clean` removes them all.
local directories = {}
local function make_directory()
  local path = read_all("mktemp -d"):gsub("%s+$", "")
  directories[#directories + 1] = path
  return path
end

local running, outputs = {}, {}

-- Starts a server in the background. A shell stands between: when its standard input ends, because
-- we closed it or because we are gone, it takes the server with it. What the server prints comes
-- through a named pipe until `ready` matches a line.
local function start(command, ready)
  local fifo = make_directory() .. "/out"
  native.sh("mkfifo " .. fifo)
  local script = "unset LD_PRELOAD\n{ exec %s; } >%s 2>&1 & pid=$!; cat >/dev/null; kill $pid 2>/dev/null"
  local life = assert(io.popen(script:format(command, fifo), "w"))
  running[#running + 1] = life
  local out = assert(io.open(fifo, "r"))
  local found
  local seen = {}
  for line in out:lines() do
    seen[#seen + 1] = line
    found = { line:match(ready) }
    if found[1] then
      break
    end
  end
  outputs[#outputs + 1] = out -- kept open: the server may still want to print
  assert(found and found[1], "the server did not start: " .. table.concat(seen, "\n"))
  return found
end

--- Stops every server and removes every directory that this module made.
function support.stop()
  for _, life in ipairs(running) do
    life:close()
  end
  for _, out in ipairs(outputs) do
    out:close()
  end
  running, outputs = {}, {}
  for _, path in ipairs(directories) do
    native.sh("rm -rf " .. path)
  end
  directories = {}
end

local function peer_program()
  return native.compile("peer", "build/spec/peer")
end

--- The misbehaving server.
function support.peer()
  local directory = make_directory()
  local ports = start(peer_program() .. " " .. directory, "^(%d+) (%d+) (%d+)$")
  local peer = {
    port = tonumber(ports[1]),
    slam = tonumber(ports[2]), -- resets every connection
    mute = tonumber(ports[3]), -- accepts and never says a word
  }
  peer.url = "http://127.0.0.1:" .. peer.port
  peer.directory = directory
  --- What /raw/NAME, /keep/NAME and /tear/NAME send.
  function peer.put(name, bytes)
    write_file(directory .. "/" .. name, bytes)
  end
  return peer
end

--- Adds a request with a complete URL or a path of the peer's, and steps until it is done.
function support.exchange(engine, peer, request)
  request.method = request.method or "GET"
  request.url = request.url or peer.url .. request.path
  request.path = nil
  local transfer, failure = engine:add(request)
  if not transfer then
    return nil, failure
  end
  while not transfer:done() do
    engine:step(1)
  end
  return transfer:result()
end

local function issue(directory, name, san, days, signer)
  local key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
  native.sh(
    ([[cd %s && exec 2>/dev/null
      openssl req %s -keyout %s.key -out %s.csr -subj "/CN=%s" -addext "subjectAltName=%s" &&
      openssl x509 -req -in %s.csr %s -days %d -copy_extensions copyall -out %s.pem >/dev/null]]):format(
      directory, key, name, name, name, san, name, signer, days, name
    )
  )
end

--- A port that nobody listens on.
function support.free_port()
  return tonumber(read_all(peer_program() .. " free-port"))
end

--- Certificates, each NAME.pem and NAME.key in the directory returned: ca, good, expired,
--- self_signed, wrong_host.
function support.certificates()
  local directory = make_directory()
  native.sh(
    ([[cd %s && exec 2>/dev/null
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key \
        -out ca.pem -days 2 -subj "/CN=Spec CA"]]):format(directory)
  )
  local here = "DNS:localhost,IP:127.0.0.1"
  local by_ca = "-CA ca.pem -CAkey ca.key"
  issue(directory, "good", here, 2, by_ca)
  issue(directory, "expired", here, -1, by_ca)
  issue(directory, "wrong_host", "DNS:other.example", 2, by_ca)
  issue(directory, "self_signed", here, 2, "-signkey self_signed.key")
  return directory
end

--- A TLS server with a certificate of that directory; it answers every GET with a page. Returns its port.
function support.tls_server(directory, name)
  local command = "openssl s_server -www -accept 127.0.0.1:0 -cert %s.pem -key %s.key"
  local stem = directory .. "/" .. name
  return tonumber(start(command:format(stem, stem), "ACCEPT [%d.]*:(%d+)")[1])
end

local NGINX = [[
daemon off; master_process off; pid $D/pid; error_log stderr notice;
events {}
http {
  access_log off; client_max_body_size 0; client_body_temp_path $D; proxy_temp_path $D;
  fastcgi_temp_path $D; uwsgi_temp_path $D; scgi_temp_path $D;
  server {
    listen 127.0.0.1:$PORT ssl http2;
    ssl_certificate $C/good.pem; ssl_certificate_key $C/good.key;
    location / { return 200 "$server_protocol $connection\n"; }
    location /up/ {
      proxy_pass http://127.0.0.1:$UPSTREAM/; proxy_buffering off; proxy_request_buffering off;
    }
  }
}
]]

--- nginx with HTTP/2 over TLS: `/` answers with the protocol and the connection's number, `/up/`
--- passes on to the server at the other port. Returns its port, or nil where nginx is not installed.
function support.h2_server(certificates, upstream)
  if read_all("command -v nginx || ls /usr/sbin/nginx 2>/dev/null") == "" then
    return nil
  end
  local directory = make_directory()
  local port = support.free_port()
  local values = { D = directory, C = certificates, PORT = port, UPSTREAM = upstream }
  write_file(directory .. "/nginx.conf", (NGINX:gsub("%$(%u+)", values)))
  local command = "env PATH=$PATH:/usr/sbin nginx -p %s -c %s/nginx.conf"
  start(command:format(directory, directory), "(getrlimit)")
  return port
end

return support
