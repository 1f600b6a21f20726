import { contentForms, type PartForm } from '../../../src/mail/mime/covered/tried-forms.ts'
import { describeForms, tryForms } from '../../../src/scanner/readiness/clamd/form-probes.ts'
import { readClamdAddress } from '../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { askClamd } from '../../../src/scanner/scan/scanners/clamd/session-pool.ts'
import { withEnding } from '../../../test/programs/host/server.ts'
import { type ClamdOptions, startClamd } from '../../../test/programs/servers/clamd.ts'
import {
  type FormTrial,
  findsAlone,
  tryInEachForm,
} from '../../../test/scanner/scan/scanners/clamd/in-each-form.ts'
import {
  databaseOf,
  type KnownFile,
} from '../../../test/scanner/scan/scanners/clamd/kinds-of-signature.ts'
import { nameOf } from './parts.ts'

/** What a clamd finds with a signature of one kind; no trials if it does not find the file alone. */
interface KindResult {
  readonly kind: string
  readonly trials: readonly FormTrial[]
}

const SECONDS = 1000

/** What a clamd extracts by the test virus, and a table of what it finds by each kind of signature. */
export function showKinds(
  kinds: Readonly<Record<string, KnownFile>>,
  program: string | undefined,
): Promise<string> {
  return withEnding(async (t) => {
    const start = (options: ClamdOptions) => startClamd(t, { program, ...options })
    const first = await start({ alertExceedsMax: true })
    const address = readClamdAddress(first.socket)
    const signal = AbortSignal.timeout(60 * SECONDS)
    const version = await askClamd(address, 'VERSION', signal)
    const missed = await tryForms(new ClamdServer(address, { lasting: false }), signal)
    await first.stop()
    const results: KindResult[] = []
    for (const [kind, known] of Object.entries(kinds)) {
      const { socket, stop } = await start({ alertExceedsMax: true, database: databaseOf(known) })
      const isKnown = await findsAlone(socket, known)
      results.push({ kind, trials: isKnown ? await tryInEachForm(socket, known) : [] })
      await stop()
    }
    const name = version.kind === 'answered' ? version.reply : version.reason
    return [
      name,
      missed ? describeForms(name, missed).value : 'reports no limits: each part is submitted',
      kindTable(results),
      ...misses(results),
    ].join('\n\n')
  })
}

function kindTable(results: readonly KindResult[]): string {
  const all = results.flatMap(({ trials }) => trials)
  const row = (title: string, trials: readonly FormTrial[]) =>
    `| ${[title, ...contentForms.map((form) => found(trials, form)), found(trials)].join(' | ')} |`
  return [
    `| found, of mails | ${contentForms.join(' | ')} | all |`,
    `| --- |${' ---: |'.repeat(contentForms.length + 1)}`,
    ...results.map(({ kind, trials }) => row(kind, trials)),
    row(`${results.filter(({ trials }) => trials.length > 0).length} kinds`, all),
  ].join('\n')
}

function found(trials: readonly FormTrial[], content?: PartForm['content']): string {
  const those = trials.filter(({ form }) => content === undefined || form.content === content)
  if (those.length === 0) return ''
  return `${those.filter(({ isFound }) => isFound).length} of ${those.length}`
}

function misses(results: readonly KindResult[]): string[] {
  return results.flatMap(({ kind, trials }) => [
    ...(trials.length === 0 ? [`does not find the file alone: ${kind}`] : []),
    ...trials
      .filter(({ isFound }) => !isFound)
      .map(({ form, below = 'our line' }) => `not found: ${kind}: ${nameOf(form)}, below ${below}`),
  ])
}
