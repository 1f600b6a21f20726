import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { bytes } from '../../../cases/case.ts'
import { infected, plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { runSlot, runtimes } from './slot.ts'

/** File plugins behind the slot: what they find and receive. How they may fail is in the room of file plugins. */

const stage = buildStage(t)
const PLUGINDIR = join(stage.directory, 'plugins')

const finds = `async ({ path, size, sender, recipients }) => {
  const { readFileSync } = await import('node:fs')
  const text = readFileSync(path, 'latin1')
  if (text.length !== size || recipients.length !== 1) throw new Error('not the message')
  return text.includes('VIRUS') ? { infected: true, name: 'Plugin.Virus' } : { clean: true }
}`

for (const [name, source] of [
  ['finds.mjs', `export const virusscan = ${finds}`],
  ['finds.cjs', `exports.virusscan = ${finds}`],
  ['named.mjs', `export const mine = ${finds}`],
  ['throws.mjs', "export const virusscan = () => { throw new Error('out of order') }"],
] as const) {
  stage.file(`plugins/${name}`, source)
}

const use = (name: string) => ({ PLUGINDIR, QHPSI: `plugin: ${name}` })

for (const { name: runtime, program } of runtimes) {
  for (const name of ['finds.mjs', 'finds.cjs']) {
    t.test(`${name} judges mail ${runtime}`, async (t) => {
      const clean = await runSlot({ program, message: plain, settings: use(name) })
      t.equal(clean.text, `X-QHPSI: clean\n${plain.toString('latin1')}`, clean.logged)
      t.match(clean.logged, `scanner=${name}`)
      const settings = { ...use(name), REJECTVIRUS: '1', ERROR_FD: '6' }
      const refused = await runSlot({ program, message: infected, errorFd: 6, settings })
      t.match(refused.errorText.toString(), 'virus Plugin.Virus')
    })
  }

  t.test(`QUEUE_PLUGIN names the export ${runtime}`, async (t) => {
    for (const names of [
      { QUEUE_PLUGIN: 'mine' },
      { QUEUE_PLUGIN_SYMB: 'mine' }, // as IndiMail calls it
      { QUEUE_PLUGIN: 'mine', QUEUE_PLUGIN_SYMB: 'other' },
    ]) {
      const settings = { ...use('named.mjs'), ...names }
      const run = await runSlot({ program, message: plain, settings })
      t.match(run.text, /^X-QHPSI: clean\n/, run.logged)
    }
  })

  for (const name of ['throws.mjs', 'missing.mjs']) {
    t.test(`${name} gives an unknown answer ${runtime}: 71`, async (t) => {
      const settings = use(name)
      const run = await runSlot({ program, message: plain, settings })
      t.equal(run.code, 71, run.logged)
      t.equal(run.deliveries.length, 0)
      t.same(run.left, [])
      const line = 'decision=defer scan=unknown grounds=unscanned cause=[a-z-]+ reason='
      t.match(run.logged, new RegExp(`${line}"[^\\n]*${name}`))
    })
  }
}

const noCompiler = lacks('C compiler', 'the addon')

t.test('a C plugin judges mail by IndiMail’s interface', { skip: noCompiler }, async (t) => {
  const source = stage.file(
    'plugin.c',
    `#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int virusscan(const char *path) {
  char line[1000];
  FILE *message = fopen(path, "r");
  if (!message) return 2;
  while (fgets(line, sizeof line, message)) if (!strcmp(line, "VIRUS\\n")) return 1;
  return 0;
}
int leaves(const char *path) { (void)path; exit(0); }
int crashes(const char *path) { (void)path; *(volatile char *)16 = 1; return 0; }
`,
  )
  execFileSync('cc', ['-shared', '-fPIC', '-o', join(PLUGINDIR, 'c.so'), source])
  for (const { program } of runtimes) {
    const clean = await runSlot({ program, message: plain, settings: use('c.so') })
    t.match(clean.text, /^X-QHPSI: clean\n/, clean.logged)
    const found = await runSlot({ program, message: infected, settings: use('c.so') })
    t.match(found.text, /^X-QHPSI: virus found\n/, found.logged)
    for (const QUEUE_PLUGIN of ['leaves', 'crashes', 'is_not_there']) {
      const settings = { ...use('c.so'), QUEUE_PLUGIN }
      const run = await runSlot({ program, message: plain, settings })
      t.equal(run.code, 71, `${QUEUE_PLUGIN}: ${run.logged}`)
      t.equal(run.deliveries.length, 0)
    }
  }
})

/** A PDF by one name and a page by another; a text with a file in uuencode; the same PDF once more. */
const named = bytes(
  [
    'Subject: x',
    'To: b@example.org',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: application/pdf; name="=?utf-8?Q?a=2Eexe?="',
    'Content-Disposition: attachment; filename=a.pdf',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjQK',
    '--b',
    'Content-Type: text/plain',
    '',
    'begin 644 b.scr',
    '#0V%T',
    '`',
    'end',
    '--b',
    'Content-Type: application/octet-stream; name=c.lnk',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjQK',
    '--b--',
    '',
  ].join('\n'),
)

t.test('a plugin receives the names and types that mail programs show', async (t) => {
  const source = `const plain = (value) => JSON.stringify(value).replaceAll('"', '')
    export const virusscan = ({ part, parts, log }) => {
      if (part) log(plain([part.names, part.types, part.containers]))
      else log(plain(parts.map(({ names, types }) => [names, types])))
      return { clean: true }
    }`
  stage.file('plugins/names.mjs', source)
  for (const { program } of runtimes) {
    const { logged } = await runSlot({ program, message: named, settings: use('names.mjs') })
    const pdf = '[=?utf-8?Q?a=2Eexe?=,a.exe,a.pdf],[application/pdf]'
    t.match(logged, `plugin names.mjs: [${pdf},[]]`)
    t.match(logged, 'plugin names.mjs: [[b.scr],[],[uuencode]]')
    const others = '[[],[text/plain]],[[c.lnk],[application/octet-stream]],[[b.scr],[]]'
    t.match(logged, `plugin names.mjs: [[[],[multipart/mixed]],[${pdf}],${others}]`, 'of the whole')
  }
})

/** Parts without content that bring as many names as are reported of a message, and an attachment behind them. */
const named1000 = bytes(
  [
    'Subject: x',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    ...Array.from({ length: 1000 }, (_, n) => `--b\nContent-Type: text/plain; name=${n}.txt\n`),
    '--b',
    'Content-Type: application/octet-stream; name=late.exe',
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjQK',
    '--b--',
    '',
  ].join('\n'),
)

t.test('names of other parts do not count against a part, and a cut is reported', async (t) => {
  const source = `export const virusscan = ({ part, parts, hasMoreNames, log }) => {
      if (part) log('a part has ' + part.names + ', more ' + hasMoreNames)
      else log('the whole has ' + parts.flatMap(({ names }) => names).length + ', more ' + hasMoreNames)
      return { clean: true }
    }`
  stage.file('plugins/many-names.mjs', source)
  for (const { program } of runtimes) {
    const settings = use('many-names.mjs')
    const { logged } = await runSlot({ program, message: named1000, settings })
    t.match(logged, 'a part has late.exe, more undefined')
    t.match(logged, 'the whole has 999, more true')
  }
})

const describes = `#include <string.h>
static char described[2000];
int virusparts(const char *text) { strncat(described, text, sizeof described - strlen(described) - 1); return 0; }
int virusscan(const char *path) { (void)path; return strstr(described, "name c.lnk") != 0; }
const char *virusname(void) {
  for (char *at = described; *at; at++) if (*at == '\\n') *at = ';';
  return described;
}
`

t.test('a plugin in C receives the same', { skip: noCompiler }, async (t) => {
  const source = stage.file('describes.c', describes)
  execFileSync('cc', ['-shared', '-fPIC', '-o', join(PLUGINDIR, 'describes.so'), source])
  for (const { program } of runtimes) {
    const settings = { ...use('describes.so'), REJECTVIRUS: '1' }
    const { logged } = await runSlot({ program, message: named, settings })
    const pdf = 'name =?utf-8?Q?a=2Eexe?=;name a.exe;name a.pdf;type application/pdf;;'
    const others =
      'type text/plain;;name c.lnk;type application/octet-stream;;name b.scr;container uuencode;;'
    t.match(logged, `virus="type multipart/mixed;;${pdf}${others}"`)
  }
})

t.test('a plugin in C may lack optional functions', { skip: noCompiler }, async (t) => {
  const source = stage.file(
    'lazy.c',
    `int nowhere_to_be_found(const char *path);
int virusscan(const char *path) { return path[0] == 0 ? nowhere_to_be_found(path) : 0; }
int calls_it(const char *path) { return nowhere_to_be_found(path); }
`,
  )
  const build = (name: string, how: string) =>
    execFileSync('cc', ['-shared', '-fPIC', `-Wl,-z,${how}`, '-o', join(PLUGINDIR, name), source])
  build('lazy.so', 'lazy')
  build('now.so', 'now')
  for (const { name, program } of runtimes) {
    const run = await runSlot({ program, message: plain, settings: use('lazy.so') })
    t.match(run.text, /^X-QHPSI: clean\n/, `${name}: ${run.logged}`)
    const called = { ...use('lazy.so'), QUEUE_PLUGIN: 'calls_it' }
    t.equal((await runSlot({ program, message: plain, settings: called })).code, 71, name)
    const strict = await runSlot({ program, message: plain, settings: use('now.so') })
    t.equal(strict.code, 71, name)
    t.match(strict.logged, /plugin now\.so: cannot be loaded: /)
  }
})
