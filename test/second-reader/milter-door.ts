import type { RunningDaemon } from '../doors/daemon/process.ts'
import { type Agreed, call, type Line, negotiate, says } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { queueMail } from './mta-queue.ts'
import { type Door, linesByQueueId, type Variant } from './passage.ts'

/** Where a daemon listens for MTAs. */
export interface MilterDaemon {
  readonly daemon: RunningDaemon
  readonly milter: string
}

interface Connection {
  readonly line: Line
  readonly agreed: Agreed
}

/** An MTA's connections are kept from message to message. */
export function milterDoor(
  daemons: Readonly<Record<Variant, MilterDaemon>>,
): Door & { close(): Promise<void> } {
  const idle: Record<Variant, Connection[]> = { refuse: [], tag: [], skip: [] }
  const logged = linesByQueueId(daemons)
  let count = 0
  return {
    name: 'milter',
    async send(message, variant) {
      const connection = idle[variant].pop() ?? (await connect(daemons[variant].milter))
      const { line, agreed } = connection
      const queueId = `Q${count++}`
      const log = logged(queueId)
      const queued = queueMail(message)
      const came = queued.out()
      const got = await submit(line, agreed, { message, queueId }, queued)
      idle[variant].push(connection)
      const passage = { came, retold: queued.retold, log: await log }
      if (got.outcome !== 'delivered') return { ...passage, outcome: got.outcome, left: undefined }
      return { ...passage, outcome: 'passed', left: got.message }
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
