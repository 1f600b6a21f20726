import { createInterface } from 'node:readline'
import type { RunningDaemon } from '../doors/daemon/process.ts'
import { type Agreed, call, type Line, macros, negotiate, says, tell } from '../doors/milter/mta.ts'
import { queueMail } from './mta-queue.ts'
import type { Door, Passage, Variant } from './passage.ts'

/** Where a daemon listens for MTAs. */
export interface MilterDaemon {
  readonly daemon: RunningDaemon
  readonly milter: string
}

interface Connection {
  readonly line: Line
  readonly agreed: Agreed
}

/** An MTA's connections are kept from message to message; the line of the log is found by queue id. */
export function milterDoor(
  daemons: Readonly<Record<Variant, MilterDaemon>>,
): Door & { close(): Promise<void> } {
  const idle: Record<Variant, Connection[]> = { refuse: [], tag: [], skip: [] }
  const logged = new Map<string, (line: string) => void>()
  for (const { daemon } of Object.values(daemons)) {
    createInterface({ input: daemon.child.stderr! }).on('line', (line) => {
      const id = /\bqueue=(\w+)/.exec(line)?.[1] ?? ''
      logged.get(id)?.(line)
      logged.delete(id)
    })
  }
  let count = 0
  return {
    name: 'milter',
    async send(message, variant) {
      const connection = idle[variant].pop() ?? (await connect(daemons[variant].milter))
      const id = `Q${count++}`
      const line = new Promise<string>((resolve) => logged.set(id, resolve))
      const passed = await submit(connection, message, id)
      idle[variant].push(connection)
      return { ...passed, log: await line }
    },
    async close() {
      for (const { line } of Object.values(idle).flat()) {
        line.write(says.quit)
        await line.close()
      }
    },
  }
}

async function connect(milter: string): Promise<Connection> {
  const line = await call(milter)
  const agreed = await negotiate(line)
  line.write(says.connect())
  return { line, agreed }
}

/** Bytes of a packet of the body: MILTER_CHUNK_SIZE. */
const CHUNK = 65_535

/** One message, its answer, and the edits carried out. */
export async function submit(
  { line, agreed }: Connection,
  message: Buffer,
  id: string,
): Promise<Omit<Passage, 'log'>> {
  const queued = queueMail(message)
  const came = queued.whole()
  line.write(macros('M', { i: id }))
  await goOn(tell(line, agreed, says.mail('a@example.org')))
  await goOn(tell(line, agreed, says.recipient('b@example.org')))
  await goOn(tell(line, agreed, says.data))
  for (const { name, value } of queued.fields) {
    await goOn(tell(line, agreed, says.field(name, value)))
  }
  await goOn(tell(line, agreed, says.endOfHeader))
  for (let at = 0; at < queued.body.length; at += CHUNK) {
    await goOn(tell(line, agreed, says.body(queued.body.subarray(at, at + CHUNK))))
  }
  line.write(macros('E', { i: id }))
  line.write(says.end)
  for (;;) {
    const answer = await line.hear()
    if (answer === undefined) throw new Error('the filter left without an answer')
    const { command, data } = answer
    const ended = (outcome: Passage['outcome']) => ({
      outcome,
      came,
      retold: queued.retold,
      left: outcome === 'passed' ? queued.whole() : undefined,
    })
    switch (command) {
      case 'i':
      case 'm': {
        const [name = '', value = ''] = data.toString('latin1', 4).split('\0')
        const index = data.readUInt32BE()
        if (command === 'i') queued.insert(index, name, value)
        else queued.change(index, name, value)
        break
      }
      case 'a':
      case 'c':
        return ended('passed')
      case 'd':
        return ended('dropped')
      case 'r':
        return ended('refused')
      case 't':
        return ended('deferred')
      case 'y':
        return ended(data[0] === 0x35 ? 'refused' : 'deferred')
      default:
        throw new Error(`an answer of ${JSON.stringify(command)}`)
    }
  }
}

async function goOn(answer: ReturnType<typeof tell>): Promise<void> {
  const heard = await answer
  if (heard !== undefined && heard.command !== 'c') {
    throw new Error(`answered by ${heard.command} ${heard.data.toString('latin1')}`)
  }
}
