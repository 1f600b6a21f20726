import { join } from 'node:path'
import t from 'tap'
import { infected, troublesome } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { newest, runSlot, runtimes, type SlotSetup } from './slot.ts'

const stage = buildStage(t)

/** Runs the slot with these settings and a message that is refused. */
const refuse = (settings: Readonly<Record<string, string>>, setup: SlotSetup = {}) =>
  runSlot({
    message: infected,
    settings: { QHPSI: stage.scanner, REJECTVIRUS: '1', ...settings },
    ...setup,
  })

const defer = (settings: Readonly<Record<string, string>>, setup: SlotSetup = {}) =>
  refuse(settings, { message: troublesome, ...setup })

const refusal = 'Dmessage refused: virus Test-Virus (#5.7.1)'
const deferral = 'Zmessage could not be scanned, try again later (#4.7.1)'

t.test('without ERROR_FD the codes are the plain ones that every qmail knows', async (t) => {
  for (const { program } of runtimes) {
    t.equal((await refuse({}, { program })).code, 31)
    t.equal((await defer({}, { program })).code, 71)
    t.equal((await refuse({}, { program, errorFd: 6 })).errorText.length, 0)
  }
})

// promise: step-4-refuse
t.test('the sender receives the reason through ERROR_FD', async (t) => {
  for (const { name, program } of runtimes) {
    for (const [errorFd, code] of [
      [6, 82],
      [4, 82],
      [2, 88],
    ] as const) {
      const settings = { ERROR_FD: `${errorFd}` }
      const refused = await refuse(settings, { program, errorFd })
      t.equal(refused.code, code, name)
      t.equal(refused.errorText.toString(), refusal, `fd ${errorFd}`)
      const deferred = await defer(settings, { program, errorFd })
      t.equal(deferred.code, code)
      t.equal(deferred.errorText.toString(), deferral)
    }
  }
})

// promise: step-4-refuse
t.test('a descriptor that is not a pipe for replies is left alone', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  const redirected = (redirection: string) => ({
    program: ['/bin/sh', '-c', `exec "$@" ${redirection}`, 'sh', ...newest],
  })
  const cases: readonly (readonly [string, SlotSetup])[] = [
    ['closed', {}],
    ['a file', redirected(`6>>'${file}'`)],
    ['a pipe for reading', redirected('6<&0')],
    ['a pipe that another descriptor leads to as well', redirected('6>&2')],
    ['/dev/null', redirected('6>/dev/null')],
  ]
  for (const [what, setup] of cases) {
    const run = await refuse({ ERROR_FD: '6' }, setup)
    t.equal(run.code, 31, what)
    t.notMatch(run.logged, 'Dmessage', what)
  }
})

// promise: step-1-start
t.test("none of the runtime's own descriptors is taken for ERROR_FD", async (t) => {
  for (const { name, program } of runtimes) {
    for (let fd = 3; fd < 40; fd += 1) {
      const run = await refuse({ ERROR_FD: `${fd}` }, { program })
      if (run.code !== 31) t.fail(`${name}: fd ${fd} ended in ${run.code}`)
    }
  }
  t.pass('all of 3 to 39')
})
