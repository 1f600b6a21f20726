import { once } from 'node:events'
import { connect } from 'node:net'

/** A connection to a program of Mozilla's that listens with --marionette. */
export interface Marionette {
  /** Runs a function body in the program itself; its last argument takes the result. */
  run(script: string, args: readonly unknown[]): Promise<unknown>
  end(): void
}

interface Answer {
  readonly value?: unknown
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

/** A message is its length, a colon, and JSON: of an answer 1, the number of the command, an error, a result. */
export async function connectMarionette(port: number, timeout: number): Promise<Marionette> {
  const socket = connect(port, '127.0.0.1')
  const waiting = new Map<number, Waiting>()
  let held = Buffer.alloc(0)
  let last = 0
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    for (;;) {
      const colon = held.indexOf(':')
      const end = colon + 1 + Number(held.toString('latin1', 0, Math.max(colon, 0)))
      if (colon < 0 || held.length < end) return
      const message = JSON.parse(held.toString('utf8', colon + 1, end))
      held = held.subarray(end)
      if (!Array.isArray(message)) continue // its greeting
      const [, number, error, result] = message
      if (error) waiting.get(number)?.reject(new Error(error.message))
      else waiting.get(number)?.resolve(result)
      waiting.delete(number)
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('it is gone'))
  })
  const call = (name: string, parameters: object) =>
    new Promise<Answer>((resolve, reject) => {
      if (socket.destroyed) reject(new Error('it is gone'))
      const text = JSON.stringify([0, ++last, name, parameters])
      waiting.set(last, { resolve, reject })
      socket.write(`${Buffer.byteLength(text)}:${text}`)
    })
  await once(socket, 'connect')
  await call('WebDriver:NewSession', { capabilities: {} })
  await call('Marionette:SetContext', { value: 'chrome' })
  await call('WebDriver:SetTimeouts', { script: timeout })
  return {
    async run(script, args) {
      const how = { script, args, sandbox: 'system' }
      return (await call('WebDriver:ExecuteAsyncScript', how)).value
    },
    end: () => socket.destroy(),
  }
}
