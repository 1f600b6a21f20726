import t from 'tap'
import { playEveryValue } from '../../../cases/every-value.ts'
import { openMilter } from './rig.ts'

// promise: found-is-found
t.test('every value of every setting is obeyed', async (t) => {
  await playEveryValue(t, async (t, settings, scan) => {
    const milter = await openMilter(t, settings, { scan })
    const mta = await milter.connect()
    return {
      log: milter.log,
      async send(message) {
        const { outcome, message: delivered } = await mta.submit({ message })
        return { outcome, delivered }
      },
    }
  })
})
