// Ways to servers that cut what goes through them, in both directions, into other pieces, and
// let them wait: a program of its own, so that it is late by chance and not by others' work.
//
//   node slow-socket.ts PATH TARGET [PATH TARGET...]
//
// Writes to descriptor 1 when it listens at every PATH, and ends with descriptor 0.
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'

/** Milliseconds that one piece waits at most; most wait for a turn of the event loop alone. */
const MOST = 4
const LATE = 0.15
const PIECES = 3

/** Listens at `path`; what connects there is led to `target`. */
async function listen(path: string, target: string): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: target, allowHalfOpen: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => to.destroy())
      carry(from, to).catch(() => to.destroy())
    }
  })
  server.listen({ path, backlog: 511 })
  await once(server, 'listening')
}

async function carry(from: Socket, to: Socket): Promise<void> {
  for await (const chunk of from as AsyncIterable<Buffer>) {
    for (const piece of cut(chunk)) {
      await (Math.random() < LATE ? wait(Math.random() * MOST) : turn())
      if (to.destroyed) return
      if (!to.write(piece)) await once(to, 'drain')
    }
  }
  to.end()
}

function* cut(chunk: Buffer): Generator<Buffer> {
  const ends = Array.from({ length: Math.floor(Math.random() * PIECES) }, () =>
    Math.floor(Math.random() * chunk.length),
  )
  let from = 0
  for (const end of [...ends.sort((a, b) => a - b), chunk.length]) {
    if (end > from) yield chunk.subarray(from, end)
    from = Math.max(from, end)
  }
}

const places = process.argv.slice(2)
for (let i = 0; i + 1 < places.length; i += 2) await listen(places[i]!, places[i + 1]!)
process.stdout.write('listening\n')
process.stdin.resume().on('end', () => process.exit(0))
