import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuiltStage } from '../cases/stage.ts'

const samples = join(import.meta.dirname, '../messages')

/** A sample as it is in a queue, in latin1: lines end in LF. */
export const sample = (name: string): string =>
  readFileSync(join(samples, name), 'latin1').replaceAll('\r\n', '\n')

/** As some programs write it. A milter that puts a blank behind the colon breaks signatures. */
const belowTheirName = `From: "Ada" <ada@example.org>
To: bob@example.org
Subject:
 What a program wrote that folds before the first word
Date: Thu, 1 Oct 2026 10:00:00 +0000
Message-ID:
 <20261001100000.a-name-of-many-letters-that-leaves-no-room@example.org>
References:
\t<one@example.org>
\t<two@example.org>
X-Nothing:
X-A-Blank: \nContent-Type: text/plain; charset=us-ascii

Some programs begin a value on the line behind its name, without a blank.
`

/**
 * Samples that no MTA changes, by name: they have a Date, and no line over the 998 bytes of RFC 5322
 * 2.1.1.
 */
export const properMail: readonly (readonly [name: string, text: string])[] = [
  ...readdirSync(samples)
    .filter((name) => name.endsWith('.eml') && name !== 'long-header.eml')
    .map((name) => [name, sample(name)] as const),
  ['values on the line below their name', belowTheirName],
]

/** A line of a keyring, with a secret that each host knows. */
export const keyLine = (id: string): string =>
  `hmac-sha256:${id}:${Buffer.alloc(32, id).toString('base64url')}\n`

let rings = 0

/** The settings of a host whose scanner counts the messages that it gets: each once, and whole. */
export const countingSettings = (stage: BuiltStage, ring: string) => ({
  QHPSI: stage.scanner,
  CLUSTERKEYS: stage.file(`ring-${++rings}`, ring),
  CLAMDBDIR: '/nonexistent',
  VERDICTS: 'off',
  SECONDLOOK: 'never',
})

/** Returns a function that shows how many scans there were since it was called last. */
export function scanCounter(stage: BuiltStage): () => number {
  let seen = stage.scans()
  return () => {
    const before = seen
    seen = stage.scans()
    return seen - before
  }
}
