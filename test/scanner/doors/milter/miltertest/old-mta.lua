-- An MTA of the first version of the protocol: an answer to each command.
local conn = mt.connect(place)
expect("negotiate", mt.negotiate(conn, 2, 63, 127) == nil)
expect("conninfo", mt.conninfo(conn, "client.example.org", "192.0.2.7") == nil)
expect("goes on", mt.getreply(conn) == SMFIR_CONTINUE)
send(conn, "clean", "hello\r\n")
expect("accepted", finish(conn) == SMFIR_ACCEPT)
expect("the MTA adds the space", mt.eom_check(conn, MT_HDRINSERT, "X-QHPSI", "clean", 0))
mt.disconnect(conn)
