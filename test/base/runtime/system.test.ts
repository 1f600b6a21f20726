import '../../needs-addon.ts'
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { loadSystem } from '../../../src/base/runtime/system.ts'
import { lacks } from '../../needs.mjs'
import { listen } from '../../programs/host/listen.ts'
import { fullServer } from '../../scanner/scan/scanners/clamd/full-server.ts'
import { socketPath } from '../../scanner/scan/scanners/clamd/stand-in.ts'

/** The addon in C, as JavaScript sees it. What its functions do is seen where they are used. */

const root = join(import.meta.dirname, '../../..')
const system = loadSystem()!
type AnyFunction = (...words: unknown[]) => unknown
const functions = system as unknown as Record<string, AnyFunction>

t.test('the addon has the functions that its type promises, and no others', async (t) => {
  const source = readFileSync(join(root, 'src/base/runtime/system.ts'), 'utf8')
  const [, body = ''] = /^export interface System \{\n(.*?)^\}/ms.exec(source)!
  const promised = Array.from(body.matchAll(/^ {2}(\w+)\(/gm), ([, name]) => name)
  t.ok(promised.length > 30)
  t.same(Object.keys(functions).sort(), promised.sort())
})

t.test('a wrong argument throws, and nothing is done', async (t) => {
  const wrong: readonly (readonly [string, ...unknown[]])[] = [
    ['seal'],
    ['seal', '1'],
    ['seal', 1.5],
    ['seal', Number.NaN],
    ['seal', Number.POSITIVE_INFINITY],
    ['seal', 2 ** 53],
    ['seal', 1n],
    ['seal', undefined],
    ['ignoreSignal', 13, 1],
    ['ignoreSignal', 13],
    ['receive', 0, 'text'],
    ['receive', 0, new Uint16Array(4)],
    ['receive', 0, new DataView(new ArrayBuffer(4))],
    ['send', 0, undefined],
    ['listen', [127, 0, 0, 1], 0, 1],
    ['listen', null, 0, 1],
    ['bindUnix', 5],
    ['bindUnix', 'x'.repeat(4096)],
    ['bindUnix', '\u20ac'.repeat(1400)],
    ['wakeOne', 0, 0, 0, 0],
    ['wakeOne', 0, 0, 0, -1n],
    ['wakeOne', 0, 0, 0, 2n ** 64n],
  ]
  for (const [name, ...words] of wrong) {
    t.throws(() => functions[name]!(...words), TypeError, `${name} ${words.join(' ')}`)
  }
})

t.test('no number is taken for a descriptor that it does not name', async (t) => {
  const file = openSync('/proc/self/exe', 'r')
  t.teardown(() => closeSync(file))
  t.ok(system.tryLock(file))
  for (const other of [file + 2 ** 32, -1, 2 ** 31, -(2 ** 32) + file])
    t.notOk(system.tryLock(other))
})

t.test('a wait without time, or with a negative one, does not wait', async (t) => {
  const listener = system.listen(Uint8Array.of(127, 0, 0, 1), 0, 1)
  t.teardown(() => closeSync(listener))
  for (const time of [0, -1, -(2 ** 40), 2 ** 40]) t.notOk(system.awaitInput(listener, time))
})

t.test('a full pipe takes no byte at once, and a file none at all', async (t) => {
  const pipe = join(t.testdir(), 'pipe')
  execFileSync('mkfifo', [pipe])
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const blocking = openSync(pipe, 'r+')
  const file = openSync(`${pipe}.file`, 'w')
  t.teardown(() => [fd, blocking, file].forEach(closeSync))
  const line = Buffer.alloc(1000, 'x')
  let written = 0
  for (let more = -1; more !== 0; written += more) more = system.writeAtOnce(blocking, line)
  const into = Buffer.alloc(written + 1)
  let arrived = 0
  while (arrived < written) arrived += readSync(fd, into, arrived, into.length - arrived, null)
  t.equal(arrived, written)
  t.equal(system.writeAtOnce(file, line), 0)
  t.equal(system.writeAtOnce(-1, line), 0)
})

t.test('a failed bind returns the negative errno', async (t) => {
  const path = socketPath(t)
  const fd = system.bindUnix(path)
  t.teardown(() => closeSync(fd))
  t.equal(system.bindUnix(path), -98, 'EADDRINUSE')
  t.equal(system.bindUnix(''), -36, 'ENAMETOOLONG')
  t.equal(system.bindUnix('x'.repeat(108)), -36)
  t.equal(system.bindUnix('/nonexistent/socket'), -2, 'ENOENT')
  const port = system.listen(undefined, 0, 1)
  t.teardown(() => closeSync(port))
  const { port: number } = system.localEndpoint(port)!
  t.equal(system.listen(undefined, number, 1), -98)
  t.equal(system.bindTcp(Uint8Array.of(192, 0, 2, 1), 0), -99, 'EADDRNOTAVAIL')
  for (const length of [0, 1, 5, 15, 17]) {
    t.equal(system.bindTcp(new Uint8Array(length), 0), -22, `EINVAL: ${length} bytes`)
    t.equal(system.listen(new Uint8Array(length), 0, 1), -22)
  }
  for (const wrong of [-1, 65_536, 2 ** 32]) t.equal(system.listen(undefined, wrong, 1), -22)
})

t.test('a socket in the abstract namespace is identified by its whole name', async (t) => {
  const name = `onescan-test-${process.pid}`
  const fd = system.bindUnix(`@${name}`)
  t.teardown(() => closeSync(fd))
  t.equal(system.bindUnix(`\0${name}`), -98)
  const other = system.bindUnix(`@${name}\0`)
  t.ok(other >= 0)
  closeSync(other)
})

t.test('who listens at a path, without a wait for the process', async (t) => {
  const path = socketPath(t)
  t.equal(system.listenerAt(path), undefined, 'no such file')
  const bound = system.bindUnix(path)
  t.teardown(() => closeSync(bound))
  t.equal(system.listenerAt(path), 'nobody')
  const served = socketPath(t)
  await listen(t, createServer(), served)
  t.same(system.listenerAt(served), { pid: process.pid, uid: process.getuid!() })
  const { socket: full } = await fullServer(t)
  t.equal(system.listenerAt(full), 'unknown', 'its queue is full')
})

const noMusl = lacks('musl-gcc', 'nm', 'the addon')

t.test('the addon loads with musl, too', { skip: noMusl }, async (t) => {
  const addon = join(root, 'bin', execFileSync('uname', ['-m']).toString().trim(), 'onescan.node')
  const symbols = execFileSync('nm', ['-D', '--undefined-only', addon], { encoding: 'utf8' })
  const ofRuntime = symbols.match(/\bnapi_\w+/g)!
  const directory = t.testdir()
  // A runtime in name only: what Node-API has is there, and all else has to come from musl.
  const source = join(directory, 'load.c')
  writeFileSync(
    source,
    `#include <dlfcn.h>
     #include <stdio.h>
     ${ofRuntime.map((name) => `int ${name}(void) { return 1; }`).join('\n')}
     int main(int count, char **words) {
       void *addon = dlopen(words[1], RTLD_NOW);
       puts(count == 2 && addon ? "loaded" : dlerror());
       return !addon || !dlsym(addon, "napi_register_module_v1");
     }`,
  )
  execFileSync('musl-gcc', ['-rdynamic', '-o', join(directory, 'load'), source])
  const { stdout, status } = spawnSync(join(directory, 'load'), [addon], { encoding: 'utf8' })
  t.equal(stdout, 'loaded\n')
  t.equal(status, 0)
})
