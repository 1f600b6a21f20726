import t from 'tap'
import { JudgePermits } from '../../../src/scanner/handling/judge-permits.ts'

/** How many messages are judged at once. */
const never = new AbortController().signal

t.test(
  'a message waits until another is done, but not indefinitely, nor if the client has left',
  async (t) => {
    const permits = new JudgePermits(1)
    const done = await permits.take(never)
    await t.rejects(permits.take(never, 20), {
      kind: 'overload',
      message:
        /^more than 1 messages at once \(--max-clients\): this one got no turn within 20 ms; raise /,
    })
    const gone = new AbortController()
    const left = permits.take(gone.signal)
    gone.abort()
    await t.rejects(left, { kind: 'read', message: /: the client disconnected while it waited$/ })
    const next = permits.take(never)
    done()
    ;(await next)()
    ;(await permits.take(never))()
    await t.rejects(permits.take(AbortSignal.abort()), {
      message: /: the client disconnected while it waited$/,
    })
  },
)
