import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../../../needs.mjs'
import { freePort } from '../../../../programs/host/free-port.ts'
import { startServer } from '../../../../programs/host/server.ts'
import { clamdMissing, startClamd } from '../../../../programs/servers/clamd.ts'
import { ask } from './asking.ts'

/** The plugins among the examples, with the real programs that they ask. */

const directory = join(import.meta.dirname, '../../../../../packaging/shipped/examples/plugins')
const yaraMissing = lacks('yara')
const icapMissing = lacks('c-icap')

t.test('yara.mjs finds what a rule names, and nothing else', { skip: yaraMissing }, async (t) => {
  const place = t.testdir({
    'rules.yar': 'rule Invoice_Tool { strings: $a = "a tool for invoices" condition: $a }\n',
    'wrong.yar': 'rule { nonsense }\n',
  })
  const asked = (message: string, rules = 'rules.yar', part?: string) =>
    ask({
      directory,
      file: 'yara.mjs',
      message,
      ...(part !== undefined && { part }),
      path: join(place, 'mail'),
      settings: { YARA_RULES: join(place, rules) },
    })
  t.match((await asked('a: b\n\na tool for invoices\n')).answer, {
    answer: 'infected',
    name: 'Yara.Invoice_Tool',
  })
  t.same((await asked('a: b\n\nnothing\n')).answer, { answer: 'clean' })
  const coded = `a: b\n\n${Buffer.from('a tool for invoices').toString('base64')}\n`
  t.match(
    (await asked(coded, 'rules.yar', 'a tool for invoices')).answer,
    { answer: 'infected', name: 'Yara.Invoice_Tool' },
    'in a part, as it is decoded',
  )
  t.same((await asked(coded, 'rules.yar', 'another part')).answer, { answer: 'clean' })
  t.match((await asked('a: b\n\nnothing\n', 'wrong.yar')).answer, {
    answer: 'unknown',
    reason: /yara: .*syntax error/s,
  })
  t.match((await asked('a: b\n\nnothing\n', 'missing.yar')).answer, { answer: 'unknown' })
})

t.test('icap.mjs', { skip: icapMissing || clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const port = await freePort()
  const place = t.testdir()
  const home = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/c_icap`
  mkdirSync(join(place, 'tmp'))
  writeFileSync(
    join(place, 'c-icap.conf'),
    `PidFile ${place}/pid
CommandsSocket ${place}/ctl
Port 127.0.0.1:${port}
StartServers 1
MaxServers 2
ThreadsPerChild 4
TmpDir ${place}/tmp
ModulesDir ${home}
ServicesDir ${home}
TemplateDir /usr/share/c_icap/templates/
LoadMagicFile /etc/c-icap/c-icap.magic
ServerLog ${place}/server.log
AccessLog ${place}/access.log
DebugLevel 1
Module common clamd_mod.so
clamd_mod.ClamdSocket ${clamd.socket}
Service virus_scan virus_scan.so
virus_scan.ScanFileTypes TEXT DATA EXECUTABLE ARCHIVE GIF JPEG MSOFFICE
virus_scan.MaxObjectSize 200M
virus_scan.StartSendPercentDataAfter 200M
virus_scan.DefaultEngine clamd
`,
  )
  const server = await startServer(['c-icap', '-N', '-f', join(place, 'c-icap.conf')], {
    host: '127.0.0.1',
    port,
  })
  t.teardown(() => server.stop())

  const asked = async (message: string, service = 'virus_scan', at = port, part?: string) => {
    const settings = { ICAP_SERVER: `icap://127.0.0.1:${at}/${service}` }
    const path = join(place, 'mail')
    const about = { message, path, ...(part !== undefined && { part }) }
    return (await ask({ directory, file: 'icap.mjs', ...about, settings })).answer
  }
  const found = { answer: 'infected', name: /^EICAR-Test/ }
  const text = 'what is written in a letter\n'
  for (const size of [10, 4000, 5000, 3_000_000]) {
    const letter = text.repeat(Math.ceil(size / text.length))
    t.same(await asked(`a: b\n\n${letter}`), { answer: 'clean' }, `clean, ${size} bytes`)
    const infected = `a: b\n\n${letter}${EICAR}\n`
    t.match(await asked(infected), found, `a virus behind ${size} bytes`)
  }
  const coded = `a: b\n\n${Buffer.from(EICAR).toString('base64')}\n`
  for (const [part, answer] of [
    [EICAR, found],
    [`${text.repeat(200)}${EICAR}`, found],
    [text, { answer: 'clean' }],
  ] as const) {
    t.match(await asked(coded, 'virus_scan', port, part), answer, `a part of ${part.length} bytes`)
  }
  const many = Array.from({ length: 6 }, (_, at) => asked(`a: b\n\n${at % 2 ? EICAR : text}\n`))
  const answers = (await Promise.all(many)).map(({ answer }) => answer)
  t.same(answers, ['clean', 'infected', 'clean', 'infected', 'clean', 'infected'])

  const noAnswer = { answer: 'unknown', reason: /icap 127\.0\.0\.1:\d+: / }
  t.match(await asked('a: b\n\nx\n', 'no_such_service'), noAnswer, 'a service that is not there')
  t.match(await asked('a: b\n\nx\n', 'virus_scan', await freePort()), noAnswer, 'no server')
  await clamd.stop()
  t.match(await asked('a: b\n\nnew text\n'), noAnswer, 'its scanner is down')
})
