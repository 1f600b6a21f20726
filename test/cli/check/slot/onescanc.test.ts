import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { howToStart } from '../../../../src/cli/check/shared/how-to-start.ts'
import { checkOnescanc } from '../../../../src/cli/check/slot/onescanc.ts'
import { stranger } from '../../../doors/stages/host.ts'
import { slotProgram } from '../../onescan.ts'
import { host } from '../shared/host.ts'

/** An onescanc, a link to it, and a socket of mode 660 at which somebody listens. */
async function makeEngine(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-engine-'))
  chmodSync(directory, 0o755)
  mkdirSync(join(directory, 'bin'))
  writeFileSync(join(directory, 'bin/onescanc'), '', { mode: 0o755 })
  const program = join(directory, 'queue')
  symlinkSync('bin/onescanc', program)
  const socket = join(directory, 'socket')
  const server = createServer((connection) => connection.destroy())
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  chmodSync(socket, 0o660)
  t.teardown(() => {
    server.close()
    rmSync(directory, { recursive: true })
  })
  return { program, socket }
}

t.test('onescanc may ask onescand, by whatever link it is called', async (t) => {
  const { program, socket } = await makeEngine(t)
  t.match(await checkOnescanc(host({ ONESCAN_SOCKET: socket }, { program })), [{ level: 'ok' }])
})

t.test('an account without the group goes cold, and that is reported', async (t) => {
  const { program, socket } = await makeEngine(t)
  const findings = await checkOnescanc(
    host({ ONESCAN_SOCKET: socket }, { program, account: stranger }),
  )
  t.match(findings, [
    { level: 'warning', value: `${socket} is closed to stranger (strangers)`, remedy: /group/ },
  ])
})

t.test('a socket at which nobody listens is a warning', async (t) => {
  const { program, socket } = await makeEngine(t)
  const findings = await checkOnescanc(host({ ONESCAN_SOCKET: `${socket}.gone` }, { program }))
  t.match(findings, [{ level: 'warning', value: /ENOENT/ }])
  const [{ remedy = '' } = {}] = findings
  t.ok(remedy.startsWith(`${howToStart()}; mail is judged all the same`), remedy)
})

t.test('a slot program that asks no onescand is not checked for one', async (t) => {
  t.same(
    await checkOnescanc(host({ ONESCAN_SOCKET: '/nonexistent' }, { program: slotProgram })),
    [],
  )
})
