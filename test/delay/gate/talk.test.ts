import t from 'tap'
import { talkTo } from '../../../src/delay/gate/talk.ts'
import type { Visit } from '../../../src/delay/gate/visit.ts'
import type { System } from '../../../src/ground/runtime/system.ts'

/** The conversations of the gate, which all read into one memory. */

t.test(
  'clients that speak at the same moment each hear the answer to their own words',
  async (t) => {
    const words = ['NOOP\r\nQUIT\r\n', 'RCPT TO:<a@example.org>\r\nQUIT\r\n', 'DATA\r\nQUIT\r\n']
    const unread: (string | undefined)[] = [...words]
    const heard = words.map(() => '')
    const sockets = {
      receive(fd: number, buffer: Buffer) {
        const bytes = unread[fd]
        if (bytes === undefined) return 0
        unread[fd] = undefined
        return buffer.write(bytes, 'latin1')
      },
      send(fd: number, bytes: Buffer) {
        heard[fd] += bytes.toString('latin1')
        return true
      },
      endSending() {},
    } as unknown as System
    const visits = words.map((_, fd) => ({ fd, isClosed: false }) as unknown as Visit)
    await Promise.all(visits.map((visit) => talkTo(visit, 'wait', sockets, () => 0)))
    const answers = ['250 smtp-delay.local', '451 wait', '451 wait']
    const told = answers.map(
      (answer) => `220 smtp-delay.local\r\n${answer}\r\n221 smtp-delay.local\r\n`,
    )
    t.same(heard, told)
  },
)
