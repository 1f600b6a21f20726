import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { call, negotiate } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { serve } from './http/rig.ts'
import { builds } from './process.ts'

/** What a daemon is there for, on each build of it; other tests try one. */

for (const { name, program } of builds) {
  t.test(`onescand ${name} scans mail on all interfaces, is monitored, and ends`, async (t) => {
    const milter = join(socketDirectory(t), 'milter')
    const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }
    const args = ['--workers', '2', '--milter', `unix:${milter}`]
    const onescand = await serve(t, { program, args, settings })

    const clean = await onescand.ask({ variables: settings })
    t.equal(clean.does, 'hand on', clean.reason)
    t.match(clean.message.toString(), /^X-QHPSI: clean\n/)
    const message = Buffer.from(`Subject: x\n\n${EICAR}\n`)
    t.equal((await onescand.ask({ variables: settings, message })).code, 31)

    const line = await call(milter)
    const { outcome } = await submit(line, await negotiate(line), { message })
    t.equal(outcome, 'refused')
    await line.close()

    t.equal((await onescand.get('/')).status, 200)
    onescand.child.kill('SIGTERM')
    t.equal(await onescand.ended, 0)
  })
}
