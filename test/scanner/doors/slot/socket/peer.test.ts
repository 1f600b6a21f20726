import '../../../../needs-addon.ts'
import t from 'tap'
import { plain } from '../../../../cases/messages.ts'
import { runtimes, startOnescand } from '../../../daemon/process.ts'

/** The client's user and process in the log. */

for (const { name, program } of runtimes) {
  t.test(`the log has the user and process of the client, ${name}`, async (t) => {
    const settings = { QHPSI: 'plugin: eicar' }
    const onescand = await startOnescand(t, { program, settings })
    const who = `peer_uid=${process.getuid!()} peer_pid=${process.pid} `
    const { log } = await onescand.ask({ variables: settings, message: plain })
    t.match(log, `decision=accept`)
    t.ok(log.includes(who), log)
    const unscanned = await onescand.ask({ variables: {}, message: plain })
    t.match(unscanned.log, 'decision=pass')
    t.ok(unscanned.log.includes(who), unscanned.log)
  })
}
