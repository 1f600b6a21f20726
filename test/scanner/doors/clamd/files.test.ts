import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import { findClientFile, readDescriptor } from '../../../../src/scanner/doors/clamd/client-files.ts'
import {
  closeWithPermit,
  hasAllDescriptors,
  tookDescriptors,
} from '../../../../src/scanner/doors/clamd/file-permits.ts'
import type { Sample } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { EICAR } from '../../../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  clean,
  infected,
  type ScanResult,
  unknown,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { mountHanging as mountHangingFiles } from '../../../base/path/hanging.ts'
import { lacks } from '../../../needs.mjs'
import { cannotHang, mountHanging } from '../../../programs/host/hanging-mount.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { until } from '../../../run/until.ts'
import { inStream, type OpenClamdDoor, openClamdDoor } from './rig.ts'

/** Files that clients name by descriptors and by paths, on a unix socket. */

const QHPSI = 'plugin: eicar'

/** A folder with a virus in it, and what else may lie in a folder. */
function makeFiles(t: Test) {
  const directory = openDirectory(t)
  const at = (name: string) => join(directory, name)
  writeFileSync(at('clean'), 'hello')
  writeFileSync(at('virus'), EICAR)
  writeFileSync(at('a line\nx: OK'), EICAR)
  mkdirSync(at('folder/in/it'), { recursive: true })
  writeFileSync(at('folder/clean'), 'hello')
  symlinkSync(at('virus'), at('folder/link'))
  symlinkSync(at('virus'), at('link'))
  symlinkSync('folder', at('to folder'))
  execFileSync('mkfifo', [at('fifo'), at('folder/fifo')])
  return { directory, at }
}

/**
 * Asks by a program in Python, which sends descriptors of files: first bytes, then each file with a byte.
 * `user` is the uid that it becomes before it connects.
 */
async function askBy(
  door: OpenClamdDoor,
  steps: readonly (string | { readonly files: readonly string[] })[],
  user = 0,
): Promise<string> {
  const child = spawn('python3', ['-c', CLIENT, door.at.path!, String(user), JSON.stringify(steps)])
  let heard = ''
  child.stdout.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  child.stderr.pipe(process.stderr)
  await once(child, 'close')
  return heard
}

const CLIENT = `
import sys, os, json, socket, array
path, user, words = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
files = {}
for word in words:
    if isinstance(word, dict):
        for name in word['files']:
            if name == 'socket': files[name] = socket.socketpair()[0].detach()
            elif name not in files: files[name] = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
os.setgroups([]); os.setgid(user); os.setuid(user)
s = socket.socket(socket.AF_UNIX); s.connect(path)
for word in words:
    if isinstance(word, dict):
        s.sendmsg([b'\\0'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [files[n] for n in word['files']]))])
    else: s.sendall(word.encode('latin1'))
while True:
    try: heard = s.recv(65536)
    except ConnectionResetError: break
    if not heard: break
    sys.stdout.buffer.write(heard)
`
const skip = { skip: lacks('root', 'python3', 'the addon') }

t.test('a file is judged that a client hands over by its descriptor', skip, async (t) => {
  const { at, directory } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI })
  const wanted: readonly (readonly [string, RegExp])[] = [
    ['virus', /^fd\[\d+\]: EICAR-Test FOUND\0$/],
    ['clean', /^fd\[\d+\]: OK\0$/],
    ['fifo', /^fd\[\d+\]: Not a regular file ERROR\0$/],
    ['folder', /^fd\[\d+\]: Not a regular file ERROR\0$/],
  ]
  for (const [name, reply] of wanted) {
    t.match(await askBy(door, ['zFILDES\0', { files: [at(name)] }]), reply, name)
  }
  t.match(await askBy(door, ['zFILDES\0', { files: ['socket'] }]), /Not a regular file ERROR\0$/)
  t.match(await askBy(door, ['nFILDES\n', { files: [at('virus')] }]), /FOUND\n$/)
  t.match(await askBy(door, ['FILDES\n', { files: [at('virus')] }]), /FOUND\n$/)
  const none = 'No file descriptor received. ERROR\0'
  t.equal(await askBy(door, ['zFILDES\0\0']), none)
  t.equal(await askBy(door, ['zFILDES\0', { files: [at('clean'), at('virus')] }]), none)
  t.equal(await askBy(door, ['zPING\0', { files: [at('virus')] }]), 'PONG\0')
  const inSession = ['zIDSESSION\0', 'zFILDES\0', { files: [at('virus')] }, 'zPING\0', 'zFILDES\0', { files: [at('clean')] }, 'zEND\0'] // biome-ignore format: a session
  const replies = (await askBy(door, inSession)).replace(/\d+\]/g, 'n]').split('\0').sort()
  t.same(replies, ['', '1: fd[n]: EICAR-Test FOUND', '2: PONG', '3: fd[n]: OK'])
  const stray = 'PROTOCOL ERROR: ancillary data sent without FILDES. ERROR\0'
  const file = { files: [at('virus')] }
  t.equal(await askBy(door, ['zIDSESSION\0', file]), `1: ${stray}`)
  // No descriptor is kept for a later FILDES.
  const early = await askBy(door, ['zIDSESSION\0zPING', file, 'zFILDES\0\0'])
  t.same(early.split('\0').sort(), ['', '1: PONG', `2: ${stray.slice(0, -1)}`])
  chmodSync(directory, 0o700)
  chmodSync(door.directory, 0o755)
  chmodSync(door.at.path!, 0o666)
  // The client has opened it: its own right counts.
  t.match(await askBy(door, ['zFILDES\0', { files: [at('virus')] }], 65_534), /FOUND/)
})

t.test('without memory each request of a session gets its own error', skip, async (t) => {
  const { readdirSync } = await import('node:fs')
  const { at } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI }, { budget: new Budget(4096) })
  const open = () => readdirSync('/proc/self/fd').length
  await askBy(door, ['zPING\0'])
  await until(() => door.state().clients === 0, 'the client has left')
  const before = open()
  const replies = await askBy(door, ['zIDSESSION\0', 'zFILDES\0', { files: [at('virus')] }, 'zPING\0', inStream('x').toString('latin1'), 'zFILDES\0', { files: [at('clean')] }, 'zVERSION\0', 'zEND\0']) // biome-ignore format: a session
  const reason = 'Not scanned: out-of-memory, see the log ERROR'
  t.match(
    replies
      .replace(/\[\d+\]/g, '[n]')
      .split('\0')
      .sort(),
    [
      '',
      `1: fd[n]: ${reason}`,
      '2: PONG',
      `3: stream: ${reason}`,
      `4: fd[n]: ${reason}`,
      /^5: onescan /,
    ],
  )
  await until(() => open() <= before, 'all are closed')
  await until(() => door.state().clients === 0, 'the client is counted out')
})

t.test('a file may grow or shrink while it is read', async (t) => {
  const { at } = makeFiles(t)
  const KB = 1024
  const file = at('changing')
  const grow = () => appendFileSync(file, Buffer.alloc(300 * KB))
  const readWhile = async (change: () => void, most: number) => {
    writeFileSync(file, Buffer.alloc(300 * KB))
    return bytesReadOf(file, (read) => {
      change()
      return read <= most
    })
  }
  const most = 3000 * KB
  const grown = await readWhile(grow, most)
  t.equal(grown, 12 * 256 * KB, 'it grows for ever: no more than one piece over the limit is read')
  t.equal(await readWhile(() => truncateSync(file), most), 256 * KB)
})

t.test('a file is read to its end, also if its status has no length', async (t) => {
  const { at } = makeFiles(t)
  const lengths = [0, 1, 4096, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1]
  for (const length of lengths) {
    writeFileSync(at('long'), Buffer.alloc(length))
    t.equal(await bytesReadOf(at('long')), length, `${length} bytes`)
  }
  const ofKernel = '/proc/self/mountinfo'
  t.equal(await bytesReadOf(ofKernel), readFileSync(ofKernel).length)
})

async function bytesReadOf(path: string, goesOn = (_: number) => true): Promise<number> {
  let read = 0
  tookDescriptors(0, 1)
  await readDescriptor(openSync(path, 'r'), 0, new AbortController().signal, (piece) => {
    read += piece.length
    return goesOn(read)
  })
  return read
}

t.test('no descriptor stays open', skip, async (t) => {
  const { readdirSync } = await import('node:fs')
  const { at } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI })
  const open = () => readdirSync('/proc/self/fd').length
  await askBy(door, ['zPING\0'])
  await until(() => door.state().clients === 0, 'the client has left')
  const before = open()
  const files = [at('virus'), at('clean'), at('clean')]
  for (const steps of [['zFILDES\0', { files }], ['zPING\0', { files }], [{ files }], ['zIDSESSION\0', 'zPING\0', { files }, 'zFILDES\0']] as const) // biome-ignore format: what clients send
    await askBy(door, [...steps, 'zEND\0'])
  await until(() => open() <= before, 'all are closed')
})

t.test('files and folders are judged by their paths', skip, async (t) => {
  const { at } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI })
  const found = (name: string) => `${at(name)}: EICAR-Test FOUND\0`
  const missing = (path: string) =>
    `${path}: File path check failure: No such file or directory. ERROR\0`
  for (const [request, reply] of [
    [`zSCAN ${at('virus')}\0`, found('virus')],
    [`zSCAN ${at('folder')}/../virus\0`, found('virus').replace('virus', 'folder/../virus')],
    [`zSCAN ${at('link')}\0`, found('link')],
    [`zSCAN ${at('to folder')}/clean\0`, `${at('to folder/clean')}: OK\0`],
    [`zSCAN //${at('virus')}//\0`, found('virus')],
    [`zSCAN ${at('clean')}\0`, `${at('clean')}: OK\0`],
    [`zCONTSCAN ${at('folder')}\0`, `${at('folder')}: OK\0`],
    [`SCAN ${at('folder')}\n`, `${at('folder')}: OK\n`],
    [`zSCAN ${at('a line\nx: OK')}\0`, found('a line\nx: OK')],
    [`zSCAN ${at('fifo')}\0`, `${at('fifo')}: Not supported file type ERROR\0`],
    ['zSCAN /dev/null\0', '/dev/null: Not supported file type ERROR\0'],
    [`zSCAN ${at('none')}\0`, missing(at('none'))],
    ['zSCAN virus\0', missing('virus')],
    [`SCAN ${at('virus')}`, found('virus').replace('\0', '\n')], // with its own side open
    [`CONTSCAN ${at('clean')}`, `${at('clean')}: OK\n`],
    [`zIDSESSION\0zSCAN ${at('virus')}\0zEND\0`, `1: ${found('virus')}`],
  ] as const) {
    t.equal(await askBy(door, [request]), reply, JSON.stringify(request))
  }
  writeFileSync(at('folder/in/it/virus'), EICAR)
  writeFileSync(at('folder/in/virus'), EICAR)
  const all = [found('folder/in/it/virus'), found('folder/in/virus')]
  for (const command of ['CONTSCAN', 'MULTISCAN', 'ALLMATCHSCAN']) {
    const replies = await askBy(door, [`z${command} ${at('folder')}\0`])
    t.same(replies.split('\0').filter(Boolean).map((line) => `${line}\0`).sort(), all, command) // biome-ignore format: a line
  }
  t.ok(all.includes(await askBy(door, [`zSCAN ${at('folder')}\0`])), 'SCAN reports one alone')
  const byTcp = await openClamdDoor(t, { QHPSI }, { byTcp: true })
  t.match(await byTcp.ask(`zSCAN ${at('virus')}\0`), /only for clients of a unix socket. ERROR\0$/)
})

t.test('a client gets nothing read that it could not read itself', skip, async (t) => {
  const { at, directory } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI })
  chmodSync(door.directory, 0o755)
  chmodSync(door.at.path!, 0o666)
  const nobody = 65_534
  const ask = (name: string) => askBy(door, [`zSCAN ${at(name)}\0`], nobody)
  const denied = /File path check failure: Permission denied. ERROR\0$/
  t.match(await ask('virus'), /FOUND/, 'what everybody may read')
  for (const mode of [0o600, 0o640, 0o604, 0o000]) {
    chmodSync(at('virus'), mode)
    t.match(await ask('virus'), denied, mode.toString(8))
  }
  chmodSync(at('folder'), 0o600)
  t.match(await ask('folder/none'), denied, 'nor whether it is there')
  t.match(await ask('none'), /No such file or directory. ERROR\0$/, 'it could see that itself')
  chownSync(at('virus'), nobody, 0)
  chmodSync(at('virus'), 0o400)
  t.match(await ask('virus'), /FOUND/, 'its own')
  chmodSync(at('virus'), 0o040)
  t.match(await ask('virus'), /FOUND/, 'its own, whose mode it may change, as qpsmtpd leaves it')
  chmodSync(at('virus'), 0o444)
  chmodSync(directory, 0o710)
  t.match(await ask('virus'), denied, 'a directory that it may not enter')
  t.match(await ask('link'), denied, 'by a link, too')
})

t.test('files in a directory that a client may not enter are hidden', skip, async (t) => {
  const { at, directory } = makeFiles(t)
  const door = await openClamdDoor(t, { QHPSI })
  chmodSync(door.directory, 0o755)
  chmodSync(door.at.path!, 0o666)
  const ask = (path: string) => askBy(door, [`zSCAN ${path}\0`], 65_534)
  const named = (name: string) => `${directory}/${name}` // join() would take .. away
  mkdirSync(at('private/in'), { recursive: true })
  symlinkSync(at('virus'), at('private/link'))
  symlinkSync('private/link', at('over'))
  chmodSync(at('private'), 0o711)
  for (const name of ['private/in/../../virus', 'private/link', 'over', './link/.'])
    t.equal(await ask(named(name)), `${named(name)}: EICAR-Test FOUND\0`, `${name}, while it may`)
  chmodSync(at('private'), 0o700)
  const denied = /File path check failure: Permission denied. ERROR\0$/
  for (const name of ['private/../virus', 'private/in/../../virus', 'private/link', 'over'])
    t.match(await ask(named(name)), denied, name)
  symlinkSync('loop', at('loop'))
  t.match(await ask(at('loop')), denied)
  // The mode lets everybody read it, and the kernel only who could trace this process.
  t.match(await ask('/proc/self/maps'), denied)
  t.match(await ask('/proc/self/task'), denied)
})

t.test('a file that could not be scanned does not end the scan of a folder', skip, async (t) => {
  const { at } = makeFiles(t)
  for (let file = 0; file < 20; file++) writeFileSync(at(`folder/${file}`), 'fails')
  writeFileSync(at('folder/worst'), 'worst')
  const scan = async ({ bytes }: Sample): Promise<ScanResult> => {
    const text = bytes.gather().toString('latin1')
    if (text.endsWith('worst')) return infected('X')
    return text.endsWith('fails') ? unknown('it fails') : clean
  }
  for (const how of ['error', 'limit']) {
    const door = await openClamdDoor(t, { QHPSI, SCANFAIL_CLAMD: how }, { scan })
    const replies = await askBy(door, [`zSCAN ${at('folder')}\0`])
    t.equal(replies, `${at('folder/worst')}: X FOUND\0`, how)
  }
})

t.test('a client that leaves ends the scan of its folder', skip, async (t) => {
  const { at } = makeFiles(t)
  for (let file = 0; file < 500; file++) writeFileSync(at(`folder/${file}`), `file ${file}`)
  let scanned = 0
  let leave = () => {}
  const door = await openClamdDoor(
    t,
    { QHPSI },
    {
      timeouts: { halfClosing: 0 },
      async scan() {
        if (++scanned === 3) leave()
        await new Promise(setImmediate)
        return clean
      },
    },
  )
  const line = await door.call()
  leave = () => line.socket.destroy()
  line.write(`zCONTSCAN ${at('folder')}\0`)
  await line.closed
  await until(() => door.state().clients === 0, 'nothing is under way any more')
  t.ok(scanned < 400, `${scanned} of 500 files`)
})

t.test('a file over the limit is reported by its name', skip, async (t) => {
  const { at } = makeFiles(t)
  writeFileSync(at('large'), 'x'.repeat(2000))
  const door = await openClamdDoor(t, { QHPSI }, { maxSize: 1000 })
  const reason = 'Not scanned: limit, see the log ERROR\0'
  t.equal(await askBy(door, [`zSCAN ${at('large')}\0`]), `${at('large')}: ${reason}`)
  t.match(
    await askBy(door, ['zFILDES\0', { files: [at('large')] }]),
    /^fd\[\d+\]: Not scanned: limit, see the log ERROR\0$/,
  )
})

t.test(
  'a file system that never answers keeps other users from nothing',
  { skip: cannotHang },
  async (t) => {
    const { at } = makeFiles(t)
    mkdirSync(at('hanging'))
    const mount = await mountHanging(t, at('hanging'), 'lookup')
    const door = await openClamdDoor(t, { QHPSI })
    chmodSync(door.directory, 0o755)
    chmodSync(door.at.path!, 0o666)
    const line = await door.call()
    line.write(`zSCAN ${at('hanging/x')}\0`)
    await mount.untilAsked(1)
    t.equal(await door.ask(inStream('hello')), 'stream: OK\0')
    t.match(await askBy(door, [`zSCAN ${at('virus')}\0`], 65_534), /FOUND/)
    line.socket.destroy()
  },
)

t.test(
  'a turn ends with its client, though the file system never answers',
  { skip: cannotHang },
  async (t) => {
    const { at } = makeFiles(t)
    const find = (name: string, uid: number, gone: AbortSignal) =>
      findClientFile(Buffer.from(at(name)), uid, gone, {
        links: { followsFiles: true, followsFolders: true },
        namesMax: 10,
      })
    // As many users as have a turn at a time.
    for (const uid of [1001, 1002]) {
      mkdirSync(at(`hanging ${uid}`)) // in one directory the kernel looks up one name after the other
      const mount = await mountHanging(t, at(`hanging ${uid}`), 'lookup')
      const leaves = new AbortController()
      const found = find(`hanging ${uid}/x`, uid, leaves.signal).catch((error) => error)
      await mount.untilAsked(1)
      leaves.abort()
      t.match(await found, { kind: 'read' })
    }
    const { signal } = new AbortController()
    const { names } = await find('folder/in', 1003, signal)
    t.same(names?.map(String), ['it'])
    const soon = AbortSignal.timeout(1)
    const second = await find('folder/in', 1001, soon).catch((error) => error)
    t.match(second, { kind: 'read' }, 'a user has no second turn')
    const late = AbortSignal.timeout(1)
    tookDescriptors(1001, 1)
    const third = readDescriptor(openSync(at('clean'), 'r'), 1001, late, () => true)
    t.match(await third.catch((error) => error), { kind: 'read' }, 'nor is its close waited for')
  },
)

t.test(
  'descriptors that cannot be closed hold one thread, and then their user may send no more',
  { skip: cannotHang },
  async (t) => {
    const { at } = makeFiles(t)
    const mount = await mountHangingFiles(t, at('hanging'), { operations: ['FLUSH'] })
    const closeMore = (count: number) => {
      tookDescriptors(1001, count)
      for (let file = 0; file < count; file++)
        void closeWithPermit(1001, openSync(join(mount.directory, 'x'), 'r'))
    }
    closeMore(100)
    const { signal } = new AbortController()
    const wanted = { links: { followsFiles: true, followsFolders: true }, namesMax: 10 }
    const { names } = await findClientFile(Buffer.from(at('folder/in')), 1003, signal, wanted)
    t.same(names?.map(String), ['it'], 'others are served')
    t.notOk(hasAllDescriptors(1001))
    closeMore(28)
    t.ok(hasAllDescriptors(1001))
    t.notOk(hasAllDescriptors(1003))
    await mount.end()
    await until(() => !hasAllDescriptors(1001), 'they are closed at last')
  },
)
