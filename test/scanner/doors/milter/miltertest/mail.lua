-- What the scripts have in common. Globals: place, where the filter listens.

function expect(what, ok)
  if not ok then error(what) end
end

-- A connection of an MTA with a client of its own.
function connect()
  local conn = mt.connect(place)
  expect("connect to " .. place, conn)
  expect("conninfo", mt.conninfo(conn, "client.example.org", "192.0.2.7") == nil)
  return conn
end

-- The end of the header, where the filter wants to hear of it.
function endHeader(conn)
  if not mt.test_option(conn, SMFIP_NOEOH) then
    expect("eoh", mt.eoh(conn) == nil)
  end
end

-- A message up to its end, of these lines.
function send(conn, subject, body)
  expect("mail", mt.mailfrom(conn, "<a@example.org>") == nil)
  expect("rcpt", mt.rcptto(conn, "<b@example.org>") == nil)
  expect("header", mt.header(conn, "Subject", subject) == nil)
  endHeader(conn)
  expect("body", mt.bodystring(conn, body) == nil)
end

-- The end, and the answer to it.
function finish(conn)
  expect("eom", mt.eom(conn) == nil)
  return mt.getreply(conn)
end
