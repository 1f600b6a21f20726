import t from 'tap'
import { playEveryValue } from '../../../cases/every-value.ts'
import { startNext } from './next-server.ts'
import { openDoor } from './rig.ts'
import { onTheWire, outcomeOf } from './send.ts'

// promise: found-is-found
t.test('every value of every setting is obeyed', async (t) => {
  const next = await startNext(t)
  await playEveryValue(t, async (t, settings, scan) => {
    const door = await openDoor(t, next.port, { settings, scan })
    const client = await door.greeted()
    return {
      log: door.log,
      async send(message) {
        const before = next.got.length
        await client.command('MAIL FROM:<a@example.org>', 'RCPT TO:<b@example.org>', 'DATA')
        client.write(onTheWire(message))
        const reply = (await client.hear())!
        const got = next.got[before]
        return {
          outcome: outcomeOf(reply, got !== undefined),
          ...(got && { delivered: got.content }),
        }
      },
    }
  })
})
