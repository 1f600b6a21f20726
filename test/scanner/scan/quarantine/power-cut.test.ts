import { execFileSync } from 'node:child_process'
import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { removeQuarantined } from '../../../../src/scanner/scan/quarantine/quarantine-message.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { buildStage } from '../../../cases/stage.ts'
import { deliveries, makeMaildir, standInQueue } from '../../../stand-in/stand-in.ts'
import { ofPlain, onescan } from '../../cli/onescan.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { openDoor, sendThrough } from '../../doors/smtp/rig.ts'
import { type Disk, diskMissing, makeDisk } from './disk.ts'
import { keepOne } from './quarantined.ts'

/** What a power failure leaves of each change in a quarantine, the moment it counts. */

const text = 'Subject: x\n\nbody\n'

const afterCut = (what: string, show: (t: Test) => Promise<void>) =>
  t.test(what, { skip: diskMissing }, show)

/** A quarantine on a disk, with a message in it. */
async function quarantineOnDisk(t: Test) {
  const disk = makeDisk(t)
  const directory = join(disk.directory, 'quarantine')
  mkdirSync(directory, { mode: 0o700 })
  const id = await keepOne(directory, Date.now(), { text })
  ofPlain(directory)
  execFileSync('sync', ['--file-system', directory])
  return { disk, directory, id }
}

/** The states of the messages after the power failure. */
const statesIn = (disk: Disk) =>
  disk.afterCut(async (directory) => {
    const quarantine = join(directory, 'quarantine')
    const kept = await asOwner(quarantine, () => readQuarantine(quarantine))
    return kept.map(({ state }) => state)
  })

/** Does some work as the account that owns a directory. */
async function asOwner<Result>(directory: string, work: () => Promise<Result>): Promise<Result> {
  process.seteuid!(statSync(directory).uid)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

/** An SMTP door that keeps viruses in an empty quarantine on a disk, but for recipients at skip.example. */
async function openDoorOnDisk(t: Test) {
  const disk = makeDisk(t)
  const QUARANTINE = join(disk.directory, 'quarantine')
  mkdirSync(QUARANTINE, { mode: 0o700 })
  execFileSync('sync', ['--file-system', QUARANTINE])
  const stage = buildStage(t)
  const CONTROLDIR = stage.rules('to=skip.example scan off\n')
  const next = await startNext(t)
  const settings = { QHPSI: stage.scanner, QUARANTINE, CONTROLDIR }
  return { disk, next, door: await openDoor(t, next.port, { settings }) }
}

const virus = 'Subject: x\r\n\r\nVIRUS\r\n'
const split = ['b@keep.example', 'c@skip.example']

/** Releases a message to a chain that keeps the disk as it is when it gets the message. */
async function release(
  t: Test,
  { disk, directory, id }: Awaited<ReturnType<typeof quarantineOnDisk>>,
  ends: 'takes it' | 'refuses it',
  ...more: readonly string[]
) {
  const maildir = makeMaildir()
  t.teardown(maildir.remove)
  const chain = join(maildir.path, 'chain')
  const then = ends === 'takes it' ? `exec '${standInQueue()}'` : 'exit 53'
  const lines = ['#!/bin/sh', `'${disk.cut.join("' '")}' || exit 71`, then]
  writeFileSync(chain, `${lines.join('\n')}\n`, { mode: 0o755 })
  ofPlain(maildir.path)
  const QUEUECHAIN = `/usr/bin/env PATH=${process.env.PATH} MAILDIR=${maildir.path} ${chain}`
  const words = ['quarantine', 'release', '--no-stamp', '--directory', directory]
  const { code, err } = await onescan([...words, ...more, '--env', `QUEUECHAIN=${QUEUECHAIN}`, id])
  t.equal(code, ends === 'takes it' ? 0 : 2, err)
  return deliveries(maildir.path).length
}

afterCut('the rig shows the disk as it was synced', async (t) => {
  const { disk, directory } = await quarantineOnDisk(t)
  execFileSync('rm', ['-r', join(directory, 'virus')])
  disk.cutNow()
  t.same(await statesIn(disk), ['kept'])
})

afterCut('a message is taken, handed to the chain, and released, in this order', async (t) => {
  const kept = await quarantineOnDisk(t)
  t.equal(await release(t, kept, 'takes it'), 1)
  t.same(await statesIn(kept.disk), ['releasing'], 'when the chain gets it')
  kept.disk.cutNow()
  t.same(await statesIn(kept.disk), ['released'], 'when the command has ended')
})

afterCut('a message that the chain refuses is kept on the disk', async (t) => {
  const kept = await quarantineOnDisk(t)
  t.equal(await release(t, kept, 'refuses it'), 0)
  t.same(await statesIn(kept.disk), ['releasing'], 'when the chain gets it')
  kept.disk.cutNow()
  t.same(await statesIn(kept.disk), ['kept'], 'when the command has ended')
})

afterCut('a message that was deleted does not come back', async (t) => {
  const { disk, directory, id } = await quarantineOnDisk(t)
  const { code, err } = await onescan(['quarantine', 'delete', '--directory', directory, id])
  t.equal(code, 0, err)
  disk.cutNow()
  t.same(await statesIn(disk), [])
})

afterCut('a message that is withdrawn does not come back', async (t) => {
  const { disk, directory, id } = await quarantineOnDisk(t)
  const kept = { grounds: 'virus', id, size: text.length }
  await asOwner(directory, () => removeQuarantined(directory, kept))
  disk.cutNow()
  t.same(await statesIn(disk), [])
})

for (const to of [['b@keep.example'], split]) {
  afterCut(
    `a message of ${to.length} that is answered 250 is kept in a folder that is new`,
    async (t) => {
      const { disk, door } = await openDoorOnDisk(t)
      t.match(await sendThrough(door, virus, to), /^250 /)
      disk.cutNow()
      t.same(await statesIn(disk), ['kept'])
    },
  )
}

afterCut('what was kept of a split message that is sent again does not come back', async (t) => {
  const { disk, next, door } = await openDoorOnDisk(t)
  let kept: Promise<readonly string[]> | undefined
  next.script = (verb) => {
    if (verb !== '.') return undefined
    disk.cutNow()
    kept = statesIn(disk)
    return '451 4.3.0 not now'
  }
  t.match(await sendThrough(door, virus, split), /^451 /)
  t.same(await kept, ['kept'], 'while the others are served')
  disk.cutNow()
  t.same(await statesIn(disk), [], 'when the client is answered')
})

afterCut('a second release is taken before the chain gets the message', async (t) => {
  const kept = await quarantineOnDisk(t)
  t.equal(await release(t, kept, 'takes it'), 1)
  t.equal(await release(t, kept, 'takes it', '--again'), 1)
  t.same(await statesIn(kept.disk), ['releasing'], 'when the chain gets it')
  kept.disk.cutNow()
  t.same(await statesIn(kept.disk), ['released'], 'when the command has ended')
})
