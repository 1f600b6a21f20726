import t from 'tap'
import { playEveryValue } from '../../../../cases/every-value.ts'
import { openSlot } from './rig.ts'
import { outcomeOf } from './send.ts'

// promise: found-is-found
t.test('every value of every setting is obeyed', async (t) => {
  await playEveryValue(t, async (t, settings, scan) => {
    const slot = await openSlot(t, settings, { scan })
    const variables = { ERROR_FD: '6', ...settings }
    return {
      log: slot.log,
      async send(message) {
        const got = await slot.ask({ variables, takesReply: true, message })
        return { outcome: outcomeOf(got), delivered: got.message }
      },
    }
  })
})
