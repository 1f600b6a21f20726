// A resolver on this machine: every address has a name, five milliseconds after it was asked for.
// By itself, so that what the bench does costs it nothing: node test/bench/delay/dns.mjs
import { createSocket } from 'node:dgram'

const LATENCY = 5
const HEADER = 12
const name = Buffer.from('\x04mail\x07example\x03org\0', 'latin1')
const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1024 * 1024 })
socket.on('message', (query, { port, address }) => {
  const end = query.indexOf(0, HEADER) + 5
  const head = Buffer.from([query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0])
  const record = Buffer.from([0xc0, HEADER, 0, 12, 0, 1, 0, 0, 0, 60, 0, name.length])
  const answer = Buffer.concat([head, query.subarray(HEADER, end), record, name])
  setTimeout(() => socket.send(answer, port, address), LATENCY)
})
socket.bind(0, '127.0.0.1', () => process.stdout.write(`${socket.address().port}\n`))
