import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { OPTIONS } from '../../src/delay/options/delay-options.ts'
import { parseNameRules } from '../../src/delay/plan/name-rules.ts'
import { items, readPage, section } from '../documents/man-page.ts'
import { launcher } from './rig.ts'

/** smtp-delay(8) describes the program as it is. */

const page = readPage('smtp-delay.8')
t.test('the page describes exactly the options that exist', async (t) => {
  const described = items(section(page, 'OPTIONS')).flatMap(([tag]) => {
    const names = tag.replace(/^Fl /, '').split(' , ')
    return names.map((name) => `-${name.split(' ')[0]}`)
  })
  t.same(described.sort(), [...OPTIONS].sort())
})

t.test('the rules in the page can be read', async (t) => {
  const [, rules = ''] = /\.Bd -literal[^\n]*\n([\s\S]*?)\.Ed/.exec(section(page, 'NAMES')) ?? []
  t.equal(parseNameRules(rules, 'the page').length, 4)
})

t.test('--explain prints the lines in the page', async (t) => {
  const [, command = '', output] =
    /^\$ smtp-delay (.*)\n(.*\n)/m.exec(section(page, 'EXAMPLES')) ?? []
  t.equal(execFileSync(launcher, command.split(' '), { encoding: 'utf8' }), output)
})

t.test('the page has every variable that is read', async (t) => {
  const room = join(import.meta.dirname, '../../src/delay')
  const environment = section(page, 'ENVIRONMENT')
  const files = readdirSync(room, { recursive: true, encoding: 'utf8' })
  const read = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(join(room, file), 'utf8').matchAll(/\benv\.([A-Z_]+)/g)])
  t.ok(read.length > 6, 'the reads were found')
  for (const [, name = ''] of read) {
    if (name !== 'PATH') t.match(environment, new RegExp(`\\b${name}\\b`), name)
  }
})
