local conn = connect()
send(conn, "virus", "VIRUS\r\n")
expect("refused", finish(conn) == SMFIR_REPLYCODE)
expect("by name", mt.eom_check(conn, MT_SMTPREPLY, "550", "5.7.1", "message refused: virus Test-Virus"))
-- and the connection goes on
send(conn, "clean", "hello\r\n")
expect("the next one is accepted", finish(conn) == SMFIR_ACCEPT)
mt.disconnect(conn)
