import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { childrenOf } from '../../../test/scanner/daemon/process.ts'
import { type Rig, rings } from './hosts.ts'
import type { Store } from './stores.ts'

/** What goes wrong, again and again, while mail passes; it is well again when `harm` has ended. */
export interface Fault {
  readonly name: string
  /** Of the store alone: worth a try with each form of it. */
  readonly ofStore?: true
  /** Why it cannot be tried here. */
  missing?(rig: Rig): string | undefined
  /** Something is away for this many milliseconds. */
  harm(rig: Rig, away: number): Promise<void>
}

/** Another server needs a while to take the place. */
const awayFor = ({ recovers }: Store, away: number) => (recovers ? Math.max(9_000, away) : away)

const signal = (pid: number, name: NodeJS.Signals) => process.kill(pid, name)

async function stopped(pids: readonly number[], milliseconds: number): Promise<void> {
  for (const pid of pids) signal(pid, 'SIGSTOP')
  try {
    await wait(milliseconds)
  } finally {
    for (const pid of pids) signal(pid, 'SIGCONT')
  }
}

export const faults: readonly Fault[] = [
  {
    name: 'a server of the store is stopped',
    ofStore: true,
    harm: ({ store }, away) => stopped([store.primary().pid], awayFor(store, away)),
  },
  {
    name: 'the store is full',
    ofStore: true,
    async harm({ store }, away) {
      for (const server of store.servers) server.command('config', 'set', 'maxmemory', '1')
      await wait(away)
      for (const server of store.servers) server.command('config', 'set', 'maxmemory', '0')
    },
  },
  {
    name: 'the password of the store is another one',
    ofStore: true,
    async harm({ store }, away) {
      const command = (...words: string[]) => {
        for (const server of store.servers) server.command(...words)
      }
      command('acl', 'setuser', 'default', 'resetpass', '>other')
      for (const server of store.servers) {
        server.command('--no-auth-warning', '-a', 'other', 'client', 'kill', 'type', 'normal')
      }
      await wait(away)
      for (const server of store.servers) {
        server.command('--no-auth-warning', '-a', 'other', 'acl', 'setuser', 'default', 'nopass')
      }
    },
  },
  {
    name: 'junk is in the store',
    ofStore: true,
    async harm({ store }, away) {
      for (let n = 0; n < 5; n++) {
        for (const server of store.servers) {
          for (const key of server.command('keys', 'onescan:*').split('\n').slice(0, 20)) {
            if (key) server.command('setrange', key, '40', 'clean\nclean')
          }
        }
        await wait(away / 5)
      }
    },
  },
  {
    name: 'a server of the store is killed',
    ofStore: true,
    harm: ({ store }, away) => store.killFor(awayFor(store, away)),
  },
  {
    name: 'a clamd is killed',
    async harm({ hosts: [host] }, away) {
      await host.clamd.stop()
      await wait(away)
      await host.startClamd()
    },
  },
  {
    name: 'a clamd is stopped',
    harm: ({ hosts: [host] }, away) => stopped([host.clamd.pid], away),
  },
  {
    name: 'an onescand is killed',
    async harm({ hosts: [host] }, away) {
      const all = [...childrenOf(host.daemon.pid), host.daemon.pid]
      for (const pid of all) signal(pid, 'SIGSTOP') // or it starts another one
      for (const pid of all) signal(pid, 'SIGKILL')
      await host.daemon.ended
      await wait(away)
      await host.startDaemon()
    },
  },
  {
    name: 'a worker of onescand is killed',
    async harm({ hosts: [host] }, away) {
      for (let n = 0; n < 3; n++) {
        for (const pid of childrenOf(host.daemon.pid).slice(0, 1)) signal(pid, 'SIGKILL')
        await wait(away / 3)
      }
    },
  },
  {
    name: 'an onescand is stopped',
    harm: ({ hosts: [host] }, away) =>
      stopped([...childrenOf(host.daemon.pid), host.daemon.pid], away),
  },
  {
    name: 'the disk of the spool is full',
    missing: ({ hosts: [host] }) => (host.spoolIsSmall ? undefined : 'run it as root'),
    async harm({ hosts: [host] }, away) {
      const path = join(host.spool, 'filling')
      for (let size = 16 * 1024 * 1024; size > 512; size /= 2) {
        try {
          writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
        } catch {} // so much has no room; perhaps half of it
      }
      await wait(away)
      rmSync(path)
    },
  },
  {
    name: 'keys are changed',
    async harm({ hosts }, away) {
      for (const ring of [rings.both, rings.new, rings.both, rings.old]) {
        for (const host of hosts) {
          writeFileSync(host.keyring, ring, { mode: 0o600 })
          await host.reload()
          await wait(away / 5)
        }
      }
    },
  },
  {
    name: 'all stand still for a moment, one after the other, as on a busy machine',
    async harm({ hosts }, away) {
      const all = hosts.flatMap(({ daemon, clamd }) => [daemon.pid, clamd.pid])
      for (let n = 0; n < 20; n++) {
        await stopped([all[n % all.length]!], 50)
        await wait(away / 20)
      }
    },
  },
]
