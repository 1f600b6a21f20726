import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { onescan } from './onescan.ts'

/** `onescan policy test` shows which line is used, and what the line does. */

async function ask(t: Test, name: string, text: string, ...words: readonly string[]) {
  const control = join(t.testdir(), 'control')
  mkdirSync(control)
  writeFileSync(join(control, name), text)
  const { code, out, err } = await onescan(['policy', 'test', ...words], {
    env: { CONTROLDIR: control },
  })
  return { code, output: (out + err).replaceAll(`${control}/`, '').trimEnd() }
}

t.test(
  'without a subcommand its arguments are named, of which the client is optional',
  async (t) => {
    t.match((await onescan(['policy'])).err, 'specify a subcommand: policy test FROM TO [CLIENT]')
  },
)

t.test('each kind of line is described by its effect', async (t) => {
  const lines = `to=off.org scan off
to=no.org refuse
from=no.net refuse "not here"
to=set.org REJECTVIRUS=1
signature=Win.*,to=x.org allow
auth=no allow
`
  const any = 'onescan.policy line 6: allow any signature'
  for (const [from, to, output] of [
    ['a@b.c', 'a@off.org', `onescan.policy line 1: scan off\n${any}`],
    ['a@b.c', 'a@no.org', `onescan.policy line 2: refuse\n${any}`],
    ['a@no.net', 'a@b.c', `onescan.policy line 3: refuse "not here"\n${any}`],
    ['<>', 'a@set.org', `onescan.policy line 4: REJECTVIRUS="1"\n${any}`],
    ['a@b.c', 'a@x.org', `onescan.policy: no line is used\nonescan.policy line 5: allow Win.*\n${any}`], // biome-ignore format: a line
  ] as const) {
    t.match(await ask(t, 'onescan.policy', lines, from, to), { code: 0, output }, to)
  }
})
