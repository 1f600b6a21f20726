import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDirectory } from './compile.ts'
import { NATIVE } from './contestants.ts'

/** Where files lie that live for a moment, unless --spool names another directory. */
export const SPOOL: string = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export interface Options {
  /** A few seconds a contestant, in one round: shows that it works, proves little. */
  readonly quick: boolean
  /** Contestants to run; empty for all of them. */
  readonly only: readonly string[]
  /** How often every cell is measured by every contestant. */
  readonly rounds: number
  /** Directory of the compiled programs. */
  readonly programs: string
  /** Directory for files that wrappers and clamd keep for a moment. */
  readonly spool: string
  /** Directory for the results. */
  readonly out: string
}

export const usage = `usage: npm run bench --
           [--quick] [--rounds N] [--only NAME]... [--programs DIR] [--spool DIR] [--out DIR]

  --quick         fewer messages, one round
  --rounds N      measure everything N times (3; 1 with --quick)
  --only NAME     this contestant; repeat it for several
  --programs DIR  where onescanc, onescand and onescan-queue are (build/native)
  --spool DIR     where files lie that live for a moment (/dev/shm, else /tmp)
  --out DIR       where the results go (build/bench)
`

/** Throws an Error that says what is wrong with the arguments. */
export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string' },
      programs: { type: 'string', default: NATIVE },
      spool: { type: 'string', default: SPOOL },
      out: { type: 'string', default: buildDirectory },
    },
  })
  for (const name of values.only) {
    if (!names.includes(name)) {
      throw new Error(`--only ${name}: no such contestant; there are ${names.join(', ')}`)
    }
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) {
    throw new Error(`--rounds ${values.rounds}: give a whole number from 1 to 100`)
  }
  const { quick, only, programs, spool, out } = values
  return {
    quick,
    only,
    rounds,
    programs: resolve(programs),
    spool: resolve(spool),
    out: resolve(out),
  }
}
