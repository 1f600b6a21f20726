// A way to clamd by which each answer about a content comes so long after the question, as if clamd had more
// to do: a program of its own, so that it is late by that alone. PING and VERSION are answered at once.
//
//   node slow-scans.ts PATH MILLISECONDS
//
// Tells on descriptor 1 the port of 127.0.0.1 at which it listens, and then a line for each answer. Ends with
// descriptor 0.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

const [path = '', delay = '0'] = process.argv.slice(2)

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ path, allowHalfOpen: true })
  for (const end of [near, far]) {
    end.on('error', () => {
      near.destroy()
      far.destroy()
    })
  }
  let asked = 0
  near.on('data', () => {
    asked = performance.now()
  })
  near.pipe(far)
  far.on('data', async (answer: Buffer) => {
    if (!/^\d+: (?:PONG|ClamAV)/.test(answer.toString('latin1'))) {
      await wait(Math.max(0, asked + Number(delay) - performance.now()))
      process.stdout.write('answered\n')
    }
    if (!near.destroyed) near.write(answer)
  })
  far.on('end', () => setTimeout(() => near.end(), Number(delay)))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.stdout.write(`${(server.address() as AddressInfo).port}\n`)
process.stdin.resume().on('end', () => process.exit(0))
