import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readForeignFile, readOwnFile, readStart } from '../../../src/base/path/open.ts'
import { PathHandle } from '../../../src/base/path/path-handle.ts'
import { inheritedDescriptor } from '../../../src/base/process/descriptors.ts'
import { lacks } from '../../needs.mjs'
import { python, pythonMissing } from '../../programs/host/python.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { outputOf } from '../../run/until.ts'

const skip = lacks('root')
/** The ids of two users that do not exist. */
const MALLORY = 54_321
const ANN = 54_322

const readOwnText = (path: string) => readOwnFile(path).toString()

/** A directory of root, with a directory of Mallory and a secret in it. */
function makePlace(t: Test) {
  const directory = openDirectory(t)
  const at = (...names: string[]) => join(directory, ...names)
  const write = (name: string, text: string, uid = 0) => {
    writeFileSync(at(name), text)
    chownSync(at(name), uid, uid)
  }
  mkdirSync(at('hers'))
  chownSync(at('hers'), MALLORY, MALLORY)
  write('own', 'own')
  write('secret', 'secret')
  chmodSync(at('secret'), 0o600)
  write('hers/file', 'hers', MALLORY)
  return { at, write }
}

/** Whether the descriptors that were opened are closed again. */
const openFiles = () => readdirSync('/proc/self/fd').length

t.test(
  'a file that only root could have written is read, also through links of root',
  { skip },
  async (t) => {
    const { at } = makePlace(t)
    symlinkSync('own', at('link'))
    symlinkSync('../own', at('hers/up')) // root's link, which Mallory could replace
    symlinkSync(at('link'), at('link of link'))
    mkdirSync(at('down'))
    symlinkSync('../down/../own', at('down/round'))
    for (const path of ['own', 'link', 'link of link', 'down/round', 'down/../own']) {
      t.equal(readOwnText(at(path)), 'own', path)
    }
    t.throws(() => readOwnText(at('hers/up')), /is a link that user 54321 could have made/)
    const before = openFiles()
    t.throws(() => readOwnText(at('nowhere')), {
      code: 'ENOENT',
      message: /nowhere: no such file or directory$/,
    })
    t.throws(() => readOwnText(at('own/below')), { code: 'ENOTDIR' })
    symlinkSync('loop', at('loop'))
    t.throws(() => readOwnText(at('loop')), /more than 40 links/)
    t.equal(openFiles(), before)
  },
)

t.test('.. in a path and in the target of a link leads to the parent directory', async (t) => {
  const directory = openDirectory(t)
  const at = (...names: string[]) => join(directory, ...names)
  for (const name of ['a', 'a/deep', 'b', 'runtime']) mkdirSync(at(name))
  writeFileSync(at('b/file'), 'x')
  symlinkSync('../b', at('a/link'))
  symlinkSync('..', at('a/deep/up'))
  symlinkSync('../../../../../../../../../..', at('to the root'))
  for (const [path, found] of [
    ['a/../b', 'b'],
    ['a/deep/../../b/file', 'b/file'],
    ['a/link', 'b'],
    ['a/link/file', 'b/file'],
    ['a/deep/up', 'a'],
    ['a/deep/up/link/file', 'b/file'],
  ] as const) {
    PathHandle.with(`${at()}/${path}`, (handle) => {
      t.equal(handle.stats.ino, statSync(at(found)).ino, path)
      if (!skip) t.equal(handle.path, at(found), path)
    })
  }
  PathHandle.with(at('to the root'), (handle) => t.equal(handle.stats.ino, statSync('/').ino))
})

t.test(
  'a file that another user could have written is refused, with a remedy',
  { skip },
  async (t) => {
    const { at, write } = makePlace(t)
    t.throws(
      () => readOwnText(at('hers/file')),
      /user 54321 may write to .*\/hers, and root trusts no other user; run it as that account \(runuser/,
    )
    write('given', 'x', MALLORY)
    t.throws(() => readOwnText(at('given')), /user 54321 may write to .*given/)
    write('shared', 'x')
    chmodSync(at('shared'), 0o666)
    t.throws(() => readOwnText(at('shared')), /everybody may write to .*; run "chmod go-w/)
    chmodSync(at('shared'), 0o664)
    t.throws(() => readOwnText(at('shared')), /the group 0, or an ACL,/)
    chownSync(at('shared'), 0, ANN)
    t.throws(() => readOwnText(at('shared')), /the group 54322 may write to/)
    // Below a directory of hers all is hers, anyone who owns it.
    mkdirSync(at('hers/of root'))
    writeFileSync(at('hers/of root/file'), 'x')
    t.throws(() => readOwnText(at('hers/of root/file')), /user 54321 may write to .*\/hers,/)
  },
)

/** An access list that lets Mallory write, as setfacl(1) sets it: version, then tag, bits and id of each entry. */
const LIST = `import os, struct, sys
entries = [(1, 6, -1), (2, 7, ${MALLORY}), (4, 4, -1), (0x10, 7, -1), (0x20, 4, -1)]
os.setxattr(sys.argv[1], 'system.posix_acl_access',
  struct.pack('<I', 2) + b''.join(struct.pack('<HHi', *entry) for entry in entries))`

const listless = skip || pythonMissing

// promise: root-access-list
t.test(
  'a file writable through an access list is refused, though its group is root',
  { skip: listless },
  async (t) => {
    const { at, write } = makePlace(t)
    mkdirSync(at('directory'))
    mkdirSync(at('directory/below'))
    for (const name of ['file', 'directory/file', 'directory/below/file']) write(name, 'x')
    for (const name of ['file', 'directory']) execFileSync(python, ['-c', LIST, at(name)])
    for (const name of ['file', 'directory/file', 'directory/below/file']) {
      t.throws(() => readOwnText(at(name)), /an ACL, may write to .*chmod go-w/, name)
    }
    symlinkSync('../own', at('directory/link'))
    t.throws(() => readOwnText(at('directory/link')), /could have made: root does not follow it/)
    for (const name of ['file', 'directory']) execFileSync('chmod', ['go-w', at(name)])
    t.equal(readOwnText(at('directory/below/file')), 'x', 'the remedy is one')
    t.equal(readOwnText(at('file')), 'x')
  },
)

// promise: root-paths
t.test(
  'in a sticky directory only the owner of a file could have put it there',
  { skip },
  async (t) => {
    const { at } = makePlace(t)
    mkdirSync(at('tmp'))
    chmodSync(at('tmp'), 0o1777)
    writeFileSync(at('tmp/roots'), 'x')
    t.equal(readOwnText(at('tmp/roots')), 'x')
    mkdirSync(at('tmp/directory'))
    writeFileSync(at('tmp/directory/file'), 'x')
    t.equal(readOwnText(at('tmp/directory/file')), 'x')
    // Where fs.protected_hardlinks is off, anybody gives root's files names there.
    linkSync(at('own'), at('tmp/second name'))
    t.throws(() => readOwnText(at('tmp/second name')), /everybody may write to/)
    writeFileSync(at('tmp/hers'), 'x')
    chownSync(at('tmp/hers'), MALLORY, MALLORY)
    t.throws(() => readOwnText(at('tmp/hers')), /user 54321 may write to/)
    symlinkSync(at('secret'), at('tmp/link'))
    execFileSync('chown', ['-h', `${MALLORY}`, at('tmp/link')])
    t.throws(() => readOwnText(at('tmp/link')), /a link that user 54321 could have made/)
    chmodSync(at('tmp'), 0o777)
    t.throws(() => readOwnText(at('tmp/directory/file')), /everybody may write to .*tmp,/)
  },
)

// promise: root-paths
t.test(
  'files of other users are read as theirs, and never lead root to another file',
  { skip },
  async (t) => {
    const { at, write } = makePlace(t)
    t.equal(readForeignFile(at('hers/file')).toString(), 'hers')
    symlinkSync(at('secret'), at('hers/link'))
    t.throws(() => readForeignFile(at('hers/link')), /is a link that user 54321 could have made/)
    symlinkSync('..', at('hers/up'))
    t.throws(
      () => readForeignFile(at('hers/up/secret')),
      /is a link that user 54321 could have made/,
    )
    linkSync(at('secret'), at('hers/hard'))
    t.throws(
      () => readForeignFile(at('hers/hard')),
      /belongs to user 0, and user 54321 may write to/,
    )
    write('of ann', 'x', ANN)
    renameSync(at('of ann'), at('hers/of ann'))
    t.throws(() => readForeignFile(at('hers/of ann')), /belongs to user 54322, and user 54321/)
    // As /var/mail: each file its user's, in a directory of a group's.
    mkdirSync(at('spool'))
    chownSync(at('spool'), 0, ANN)
    chmodSync(at('spool'), 0o2775)
    write('spool/mallory', 'mail', MALLORY)
    t.equal(readForeignFile(at('spool/mallory')).toString(), 'mail')
    linkSync(at('secret'), at('spool/ann'))
    t.throws(() => readForeignFile(at('spool/ann')), /belongs to user 0, and the group 54322/)
  },
)

// promise: root-kmsg
t.test('a FIFO or device does not block, and is not opened', { skip }, async (t) => {
  const { at } = makePlace(t)
  execFileSync('mkfifo', [at('pipe'), at('hers/pipe')])
  execFileSync('mknod', [at('device'), 'c', '1', '5']) // /dev/zero
  const readers = [readOwnFile, readForeignFile, (path: string) => readStart(path, 10)]
  for (const read of readers) {
    for (const path of [at('pipe'), at('device'), at('.'), '/dev/zero', '/dev/tty']) {
      t.throws(() => read(path), /is not a regular file/, path)
    }
  }
})

// promise: root-endless-files
t.test('reading ends, however large a file claims to be', { skip }, async (t) => {
  const { at } = makePlace(t)
  truncateSync(at('own'), 1024 ** 4)
  t.throws(() => readOwnText(at('own')), /is larger than 1048576 bytes/)
  t.throws(() => readForeignFile(at('own'), 1000), /is larger than 1000 bytes/)
  t.equal(readStart(at('own'), 3).toString(), 'own')
})

// promise: root-paths
t.test(
  'a path that another user changes during the walk leads root to no other file',
  { skip },
  async (t) => {
    const { at } = makePlace(t)
    mkdirSync(at('hers/box'))
    writeFileSync(at('hers/box/secret'), 'hers')
    for (const name of ['box', 'box/secret']) chownSync(at('hers', name), MALLORY, MALLORY)
    const directory = PathHandle.find(at('hers/box'))
    renameSync(at('hers/box'), at('hers/old'))
    symlinkSync(at('.'), at('hers/box'))
    const file = directory.find('secret')
    t.equal(readFileSync(file.at(), 'utf8'), 'hers')
    symlinkSync(at('secret'), at('hers/old/link'))
    t.throws(() => directory.find('link'), /is a link/)
    for (const handle of [directory, file]) handle.close()
  },
)

t.test('the kernel alone decides for users other than root', { skip }, async (t) => {
  const { at } = makePlace(t)
  symlinkSync(at('own'), at('hers/link'))
  process.seteuid!(MALLORY)
  try {
    t.equal(readOwnText(at('hers/link')), 'own')
    t.throws(() => readOwnText(at('secret')), {
      code: 'EACCES',
      message: /secret: permission denied$/,
    })
  } finally {
    process.seteuid!(0)
  }
})

t.test('errors name the path as the caller wrote it', { skip }, async (t) => {
  const { at } = makePlace(t)
  execFileSync('mkfifo', ['-m', '600', at('pipe')])
  mkdirSync(at('closed'), 0o700)
  const named = (name: string) => ({
    code: 'EACCES',
    message: `${name}: permission denied`,
  })
  process.seteuid!(MALLORY)
  try {
    const openPipe = () => PathHandle.with(at('pipe'), (pipe) => pipe.openFileOrPipe())
    t.throws(openPipe, named(at('pipe')))
    const closed = PathHandle.find(at('closed'))
    t.throws(() => closed.names(), named(at('closed')))
    await t.rejects(closed.namesInSlices(0).next(), named(at('closed')))
    await t.rejects(closed.sync(), named(at('closed')))
    closed.close()
  } finally {
    process.seteuid!(0)
  }
})

t.test('a path such as /dev/fd/63 means a descriptor of the caller', async (t) => {
  t.equal(inheritedDescriptor('/dev/fd/63'), 63)
  t.equal(inheritedDescriptor('/proc/self/fd/3'), 3)
  t.equal(inheritedDescriptor('/dev/stdin'), 0)
  t.equal(inheritedDescriptor('/proc/1/fd/3'), undefined)
  t.equal(
    PathHandle.with('/', ({ path }) => path),
    '/',
  )
})

/** Mounts a file system of a user's, whose process never answers, fuse(4). */
const silent = `import ctypes, os, sys, time
fd = os.open('/dev/fuse', os.O_RDWR)
options = 'fd=%d,rootmode=40000,user_id=54321,group_id=54321,allow_other' % fd
if ctypes.CDLL(None).mount(b'hers', sys.argv[1].encode(), b'fuse', 6, options.encode()): sys.exit(1)
print('mounted', flush=True)
sys.stdin.read()`
const fuseMissing = lacks('root', '/dev/fuse')

// The user chooses the name, which is in mountinfo before the options.
for (const name of ['hers', 'hers,user_id=0']) {
  t.test(
    `root does not wait for a user's file system at ${name}`,
    { skip: fuseMissing },
    async (t) => {
      const place = join(openDirectory(t), name)
      mkdirSync(place)
      const server = spawn(python, ['-c', silent, place])
      t.teardown(() => {
        execFileSync('umount', ['--lazy', place])
        server.kill('SIGKILL')
      })
      await outputOf(server)
      t.throws(() => PathHandle.find(place), { message: /is on a user's own file system \(FUSE\)/ })
    },
  )
}
