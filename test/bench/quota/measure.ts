import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, type Quotad, spool, startQuotad } from '../../quota/tell/quotad.ts'
import { compiled } from '../compile.ts'
import { cpuOfServers } from '../server-cpu.ts'

/** What one process answered, driver and service on one machine. */
export interface Figure {
  readonly answersPerSecond: number
  /** Answers that were not those of the mailbox, and questions without an answer in a second. */
  readonly wrong: number
  readonly lost: number
  /** Microseconds of processor time that the service took for an answer. */
  readonly cpuPerAnswer: number
}

/** Clients' sockets, and questions that each has under way: together less than a socket of the kernel holds. */
const SOCKETS = 8
const WINDOW = 8

/** Starts the service over that many Maildir++ mailboxes, u0 and so on, as ask.c expects them. */
export function startOver(host: Host, mailboxes: number): Promise<Quotad> {
  const directory = spool(host, {})
  for (let user = 0; user < mailboxes; user++) {
    const maildir = join(directory, `u${user}`)
    for (const part of ['new', 'cur', 'tmp']) mkdirSync(join(maildir, part), { recursive: true })
    writeFileSync(join(maildir, 'maildirsize'), `1000000S\n${1000 + user} 1\n`)
  }
  return startQuotad(host, { QUOTAMAILBOX: `maildir:${directory}/%u` })
}

/** Asks for that many seconds, about mailboxes at random. */
export function measure({ pid, udpPort }: Quotad, seconds: number, mailboxes: number): Figure {
  const words = [udpPort, seconds, mailboxes, SOCKETS, WINDOW].map(String)
  const before = cpuOfServers([pid])
  const printed = execFileSync(compiled('ask'), words, { encoding: 'utf8' })
  const cpu = cpuOfServers([pid]) - before
  const [answers = 0, wrong = 0, lost = 0, time = 0] = printed.trim().split(' ').map(Number)
  return {
    answersPerSecond: answers / time,
    wrong,
    lost,
    cpuPerAnswer: (cpu * 1000) / answers,
  }
}
