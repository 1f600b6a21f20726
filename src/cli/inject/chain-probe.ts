import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { quoteForShell } from '../shared/quote-for-shell.ts'

/** The mail as the slot handed it to the chain. */
export interface ChainInput {
  /** The header block with its empty line; at most 1 MiB of it. */
  readonly header: Buffer
  /** `F` sender NUL (`T` recipient NUL)… NUL. */
  readonly envelope: Buffer
}

export interface ChainProbe {
  /** The command for QUEUECHAIN. */
  readonly chain: string
  /** Undefined if the slot did not call the chain. */
  chainInput(): ChainInput | undefined
  remove(): void
}

/**
 * Makes a program before the real chain that copies the header and the envelope. It opens the spool
 * again and reads with an offset of its own, so that the chain gets the same descriptors as without
 * it. It reads only regular files; if reading fails, the mail goes on and there is no copy. Without a
 * chain (a trial run) it takes the mail and drops it.
 */
export function makeChainProbe(chain: readonly string[] | undefined): ChainProbe {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-inject-'))
  const script = join(directory, 'probe')
  writeFileSync(script, probeScript(directory, chain))
  chmodSync(script, 0o700)
  return {
    chain: `/bin/sh ${quoteWord(script)}`,
    chainInput() {
      const [header, envelope] = [join(directory, 'header'), join(directory, 'envelope')]
      if (!existsSync(header) || !existsSync(envelope)) return undefined
      return { header: readFileSync(header), envelope: readFileSync(envelope) }
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** fd 1 is the envelope: nothing in this script may write to it. */
function probeScript(directory: string, chain: readonly string[] | undefined): string {
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

/** One word for QUEUECHAIN, which knows quotes but no escapes. */
const quoteWord = (word: string): string =>
  /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`
