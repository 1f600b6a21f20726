import type { Ending } from '../../../programs/host/server.ts'
import type { RunningDaemon } from '../../daemon/process.ts'
import { type Agreed, call, type Line, negotiate, packets } from '../milter/mta.ts'
import { submit } from '../milter/submit.ts'
import { queueMail } from './mta-queue.ts'
import { type Door, linesByQueueId } from './passage.ts'

interface Connection {
  readonly line: Line
  readonly agreed: Agreed
}

/** A daemon that listens for MTAs at that path. An MTA's connections are kept from message to message. */
export function milterDoor(t: Ending, daemon: RunningDaemon, milter: string): Door {
  const idle: Connection[] = []
  const logged = linesByQueueId(daemon)
  let count = 0
  t.teardown(async () => {
    for (const { line } of idle) {
      line.write(packets.quit)
      await line.close()
    }
  })
  return {
    name: 'milter',
    async send(message) {
      const connection = idle.pop() ?? (await connect(milter))
      const queueId = `Q${count++}`
      const log = logged(queueId)
      const queued = queueMail(message)
      const came = queued.out()
      const got = await submit(connection.line, connection.agreed, { message, queueId }, queued)
      idle.push(connection)
      const passage = { came, retold: queued.retold, log: await log }
      if (got.outcome !== 'delivered') return { ...passage, outcome: got.outcome, left: undefined }
      return { ...passage, outcome: 'passed', left: got.message }
    },
  }
}

async function connect(milter: string): Promise<Connection> {
  const line = await call(milter)
  const agreed = await negotiate(line)
  line.write(packets.connect())
  return { line, agreed }
}
