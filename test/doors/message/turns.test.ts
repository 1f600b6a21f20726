import t from 'tap'
import { Turns } from '../../../src/doors/message/turns.ts'

/** How many messages are judged at once. */
const never = new AbortController().signal

t.test(
  'a message waits until another is done, but not indefinitely, nor if the client has left',
  async (t) => {
    const turns = new Turns(1)
    const done = await turns.take(never)
    await t.rejects(turns.take(never, 20), {
      kind: 'out-of-memory',
      message: 'over 1 messages at once (--max-clients): no turn in 20 ms',
    })
    const gone = new AbortController()
    const left = turns.take(gone.signal)
    gone.abort()
    await t.rejects(left, { kind: 'out-of-memory', message: /: the client has left$/ })
    const next = turns.take(never)
    done()
    ;(await next)()
    ;(await turns.take(never))()
    await t.rejects(turns.take(AbortSignal.abort()), { message: /: the client has left$/ })
  },
)
