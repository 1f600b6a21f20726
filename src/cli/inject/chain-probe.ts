import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quoteForShell } from '../shared/quote-for-shell.ts'

/** What came out of the slot. */
export interface Seen {
  /** The header block with its empty line, 1 MiB of it at most. */
  readonly header: Buffer
  /** `F` sender NUL (`T` recipient NUL)… NUL. */
  readonly envelope: Buffer
}

export interface ChainProbe {
  /** For QUEUECHAIN. */
  readonly chain: string
  /** Undefined if the chain was not reached. */
  seen(): Seen | undefined
  remove(): void
}

/**
 * A program that stands before the real chain and looks at what the slot hands
 * over. It opens the spool anew and reads by its own offset, so that the
 * chain gets the very descriptors that it would have got; it looks at nothing
 * that is not a regular file, and where looking fails the mail goes on unseen.
 * Without a chain (a trial run) it takes the mail and drops it.
 */
export function makeChainProbe(chain: readonly string[] | undefined): ChainProbe {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-inject-'))
  const script = join(directory, 'look')
  writeFileSync(script, lookScript(directory, chain))
  chmodSync(script, 0o700)
  return {
    chain: `/bin/sh ${quoteWord(script)}`,
    seen() {
      const [header, envelope] = [join(directory, 'header'), join(directory, 'envelope')]
      if (!existsSync(header) || !existsSync(envelope)) return undefined
      return { header: readFileSync(header), envelope: readFileSync(envelope) }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** fd 1 is the envelope: nothing in this script may write to it. */
function lookScript(directory: string, chain: readonly string[] | undefined): string {
  const goOn = chain
    ? `set -- ${chain.map(quoteForShell).join(' ')}
[ -x "$1" ] || exit 120
exec "$@"`
    : 'cat >/dev/null'
  return `from_here() {
  [ -f "/proc/$$/fd/$1" ] || return
  at=$(sed -n 's/^pos:[^0-9]*//p' "/proc/$$/fdinfo/$1")
  tail -c "+$((at + 1))" "/proc/$$/fd/$1"
}
(
  LC_ALL=C; export LC_ALL
  cr=$(printf '\\r')
  from_here 0 | head -c 1048576 | sed "/^$cr\\{0,1\\}\\$/q" >${quoteForShell(join(directory, 'header'))}
  from_here 1 >${quoteForShell(join(directory, 'envelope'))}
) 2>/dev/null
${goOn}
`
}

/** One word for QUEUECHAIN, which has quotes but no escape. */
const quoteWord = (word: string): string =>
  /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`
