import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Fault } from '../../../../src/ground/errors/fault.ts'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope/envelope.ts'
import { filePluginScanner } from '../../../../src/scan/scanners/file-plugin/file-plugin.ts'
import { ask, policyFor, whyOf } from './asking.ts'

const says = (value: string) => `export const virusscan = () => (${value})`

function refusalOf(file: string): string {
  try {
    filePluginScanner(policyFor({ directory: '/nowhere', file: 'a.mjs' }), file)
    return 'none'
  } catch (error) {
    return error instanceof Fault ? `${error.kind}: ${error.message}` : String(error)
  }
}

t.test('a plugin is named by its file and can stand in a stamp', async (t) => {
  const policy = policyFor({ directory: '/nowhere', file: 'a.mjs' })
  const { name, local } = filePluginScanner(policy, 'a-1_b+c.d.mjs')
  t.equal(name, 'a-1_b+c.d.mjs')
  t.equal(local, false)
})

t.test('a name with a slash is refused', async (t) => {
  for (const name of ['/a.mjs', '../a.mjs', 'b/../a.mjs', 'a.mjs/']) {
    t.match(refusalOf(name), /^config: QHPSI plugin .*must not hold "\/"; put the file/, name)
  }
})

t.test('a name of other characters is refused', async (t) => {
  for (const name of [
    'a;b.mjs',
    'a,b.mjs',
    'a b.mjs',
    'a\n.mjs',
    'a\0.mjs',
    '..',
    '.mjs',
    '-a.mjs',
  ]) {
    t.match(refusalOf(name), /^config: .*is made of letters/, JSON.stringify(name))
  }
})

t.test('a name that ends in no known extension is refused', async (t) => {
  for (const name of ['a.py', 'a.', 'a.mjs.', 'a.MJS', 'a.mjs~x']) {
    t.match(refusalOf(name), /^config: /, name)
  }
  t.equal(
    refusalOf('a.py'),
    'config: QHPSI plugin "a.py": must end in one of .js .mjs .cjs .ts .so; rename the file',
  )
})

t.test(
  'the answer is "could not tell" and names the file if the plugin does not exist',
  async (t) => {
    const directory = t.testdir({})
    const { answer } = await ask({ directory, file: 'a.mjs' })
    const file = join(directory, 'a.mjs')
    t.equal(whyOf(answer), `plugin a.mjs: ${file}: ENOENT; put the file there or correct PLUGINDIR`)
  },
)

t.test('a directory, a device or a dangling link is no plugin', async (t) => {
  const directory = t.testdir({ 'a.mjs': {} })
  symlinkSync('/dev/null', join(directory, 'b.mjs'))
  symlinkSync('/nowhere/at/all', join(directory, 'c.mjs'))
  for (const file of ['a.mjs', 'b.mjs']) {
    t.match(whyOf((await ask({ directory, file })).answer), 'is not a regular file')
  }
  t.match(whyOf((await ask({ directory, file: 'c.mjs' })).answer), 'ENOENT')
})

t.test('a plugin that everybody may change is not run', async (t) => {
  const directory = t.testdir({ 'a.mjs': says('{ clean: true }') })
  chmodSync(join(directory, 'a.mjs'), 0o666)
  const { answer } = await ask({ directory, file: 'a.mjs' })
  t.match(whyOf(answer), 'mode 0666 lets everyone change the plugin; chmod o-w it')
})

t.test('a fault of the spool is thrown on, and is no answer of the plugin', async (t) => {
  const directory = t.testdir({ 'a.mjs': says('{ clean: true }') })
  const policy = policyFor({ directory, file: 'a.mjs' })
  const sample = {
    bytes: Bytes.of(Buffer.alloc(1)),
    envelope: makeEnvelope(Buffer.alloc(0), []),
    origin: undefined,
    path: () => {
      throw new Fault('temp-file', 'SPOOLDIR /x: ENOSPC')
    },
  }
  const task = {
    signal: new AbortController().signal,
    timeLeft: () => 1000,
    note: () => {},
  }
  await t.rejects(filePluginScanner(policy, 'a.mjs').scan(sample, task), {
    kind: 'temp-file',
    message: 'SPOOLDIR /x: ENOSPC',
  })
})
