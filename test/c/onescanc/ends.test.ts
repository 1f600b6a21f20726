import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { cSources } from '../../../packaging/builds/compile-c.mjs'
import { lacks } from '../../needs.mjs'
import { missing, source } from './client.ts'

/** ends.c states why onescanc never accepts mail that it loses. That holds if nothing else ends the process. */

/** What ends a process, or executes a program in it. */
const ENDS =
  /^(_?exit|_Exit|quick_exit|abort|__assert_fail|f?exec[lv]\w*|posix_spawnp?|system|popen|syscall|raise|kill)$/

t.test(
  'only ends.c ends the process or executes a program',
  { skip: missing || lacks('gcc', 'nm') },
  async (t) => {
    const files = cSources('onescanc')
    t.ok(files.length > 12)
    for (const file of files) {
      const found = functionsUsedBy(t, file).filter((name) => ENDS.test(name))
      const permitted = basename(file) === 'ends.c' ? ['_exit', 'execv'] : []
      t.same(found, permitted, basename(file))
    }
  },
)

t.test('main ends with a step that does not return, and never earlier', async (t) => {
  const text = readFileSync(join(source, 'main.c'), 'latin1')
  const [, body = ''] = /^int main\([^)]*\) \{\n(.*?)^\}$/ms.exec(text) ?? []
  t.notMatch(body, /\breturn\b/)
  const [, last] = /\n {2}(\w+)\(.*\);\n$/.exec(body) ?? []
  const header = readFileSync(join(source, 'onescanc.h'), 'latin1')
  t.match(header, new RegExp(`^_Noreturn void ${last}\\(`, 'm'))
})

/** The functions of other files and of the C library that a file calls. */
function functionsUsedBy(t: Test, file: string): string[] {
  const object = join(t.testdir({}), 'object.o')
  const flags = ['-std=c11', '-D_FILE_OFFSET_BITS=64', '-DVERSION="0"']
  execFileSync('gcc', [...flags, '-c', '-o', object, file])
  const lines = execFileSync('nm', ['--undefined-only', object], { encoding: 'latin1' })
  return [...lines.matchAll(/ U (\w+)$/gm)].map(([, name]) => name!)
}
